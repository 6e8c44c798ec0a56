// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceConsumer} from "../oracle/IInferenceConsumer.sol";
import {IInferenceOracle} from "../oracle/IInferenceOracle.sol";

/// @title Asks an inference oracle and takes the answer well or badly
/// @notice For tests and development chains: notes what it was told, or does the oracle every harm that a callee can.
contract InferenceRequester is IInferenceConsumer {
    /// @notice What it does when it is called back.
    /// Note: writes the answer down. Revert: reverts. LongRevert: reverts with 100 kB. BurnGas: never ends. Reenter: calls
    /// the oracle as `plan` told it, and writes down which calls were taken.
    enum Mood {
        Note,
        Revert,
        LongRevert,
        BurnGas,
        Reenter
    }

    struct Call {
        uint256 value;
        bytes data;
    }

    IInferenceOracle private immutable ORACLE;
    Mood private mood;
    Call[] private calls;

    uint256 public noted;
    uint256 public lastRequestId;
    bytes32 public lastDigest;
    uint8 public lastOutcome;
    bool public lastIsFinal;
    uint256 public lastGas;
    uint256 public taken;
    int256[] private lastValues;

    error InferenceRequester__AsTold();

    constructor(IInferenceOracle oracle) {
        ORACLE = oracle;
    }

    receive() external payable {}

    /// @notice Sets what it does when it is called back.
    function setMood(Mood next) external {
        mood = next;
    }

    /// @notice Adds a call to the oracle that `Mood.Reenter` makes; the value is paid from its balance.
    function plan(uint256 value, bytes calldata data) external {
        calls.push(Call(value, data));
    }

    /// @notice Asks with what was sent.
    function ask(IInferenceOracle.InferenceRequest calldata request) external payable returns (uint256 requestId) {
        return ORACLE.requestInferenceWith{value: msg.value}(request, msg.value);
    }

    /// @notice Takes its credit.
    function withdraw() external {
        ORACLE.withdraw();
    }

    /// @inheritdoc IInferenceConsumer
    function onInference(
        uint256 requestId,
        bytes32 modelDigest,
        uint8 outcome,
        int256[] calldata values,
        bool isFinal
    ) external {
        uint256 gasAtStart = gasleft();
        if (mood == Mood.Revert) revert InferenceRequester__AsTold();
        if (mood == Mood.LongRevert) {
            assembly ("memory-safe") {
                revert(0, 100000)
            }
        }
        while (mood == Mood.BurnGas) {}
        if (mood == Mood.Reenter) {
            for (uint256 i = 0; i < calls.length; ++i) {
                (bool success,) = address(ORACLE).call{value: calls[i].value}(calls[i].data);
                if (success) taken |= 1 << i;
            }
        }
        ++noted;
        (lastRequestId, lastDigest, lastOutcome, lastIsFinal) = (requestId, modelDigest, outcome, isFinal);
        lastGas = gasAtStart;
        lastValues = values;
    }

    /// @notice The values that came last.
    function lastAnswer() external view returns (int256[] memory) {
        return lastValues;
    }
}
