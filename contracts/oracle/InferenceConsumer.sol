// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceConsumer} from "./IInferenceConsumer.sol";
import {IInferenceOracle} from "./IInferenceOracle.sol";

/// @title What a contract inherits that asks an inference oracle
/// @notice Names the model that it means by its digest, and lets nothing through that the oracle didn't say about one of
///         its own requests.
abstract contract InferenceConsumer is IInferenceConsumer {
    uint8 internal constant ANSWERED = 1;
    uint8 internal constant NO_AGREEMENT = 2;
    uint8 internal constant BAD_INPUT = 3;

    IInferenceOracle internal immutable ORACLE;
    mapping(uint256 requestId => bytes32 modelDigest) private asked;

    error InferenceConsumer__NotTheOracle(address caller);
    error InferenceConsumer__NotAsked(uint256 requestId);
    error InferenceConsumer__WrongModel(bytes32 got, bytes32 want);
    error InferenceConsumer__NotAnswered(uint256 requestId, uint8 outcome);
    error InferenceConsumer__NotFinal(uint256 requestId);
    error InferenceConsumer__TooOld(uint256 requestId, uint256 observedAt);

    /// @param oracle the only one that is asked and listened to
    constructor(IInferenceOracle oracle) {
        ORACLE = oracle;
    }

    /// @inheritdoc IInferenceConsumer
    function onInference(
        uint256 requestId,
        bytes32 modelDigest,
        uint8 outcome,
        int256[] calldata values,
        bool isFinal
    ) external {
        if (msg.sender != address(ORACLE)) revert InferenceConsumer__NotTheOracle(msg.sender);
        bytes32 want = _digestOf(requestId);
        if (modelDigest != want) revert InferenceConsumer__WrongModel(modelDigest, want);
        _onInference(requestId, outcome, values, isFinal);
    }

    /// @notice An answer to one of this contract's requests. May come twice unless the request was `finalOnly`: once
    ///         provisional, and once more if a dispute overturned it.
    /// @param isFinal whether the answer can't change any more; for a `finalOnly` request false means that it was disputed
    ///        and nobody ruled
    function _onInference(uint256 requestId, uint8 outcome, int256[] calldata values, bool isFinal) internal virtual;

    /// @notice Asks, and makes sure that the request was bound to the model that is meant.
    /// @param modelDigest manifest digest that this contract's authors have looked at
    /// @param fee at least `ORACLE.quote(...)`; this contract has to hold it
    function _ask(IInferenceOracle.InferenceRequest memory request, bytes32 modelDigest, uint256 fee)
        internal
        returns (uint256 requestId)
    {
        requestId = ORACLE.requestInferenceWith{value: fee}(request, fee);
        bytes32 got = ORACLE.getRequest(requestId).modelDigest;
        if (got != modelDigest) revert InferenceConsumer__WrongModel(got, modelDigest);
        asked[requestId] = modelDigest;
    }

    /// @notice Reads the answer to one of this contract's requests, for a contract that takes no callback.
    /// @param maxAgeSeconds oldest observation that is good enough; zero for any
    /// @param wantFinal whether a provisional answer, or one in doubt, is refused
    function _answerOf(uint256 requestId, uint256 maxAgeSeconds, bool wantFinal)
        internal
        view
        returns (int256[] memory)
    {
        _digestOf(requestId);
        IInferenceOracle.AnswerView memory answer = ORACLE.getAnswer(requestId);
        if (answer.outcome != ANSWERED) revert InferenceConsumer__NotAnswered(requestId, answer.outcome);
        if (wantFinal && !answer.isFinal) revert InferenceConsumer__NotFinal(requestId);
        if (maxAgeSeconds != 0 && block.timestamp > answer.observedAt + maxAgeSeconds) {
            revert InferenceConsumer__TooOld(requestId, answer.observedAt);
        }
        return answer.values;
    }

    /// @notice Has the oracle pay this contract's unspent fees and refunds to `to`.
    function _collect(address payable to) internal {
        ORACLE.withdrawTo(to);
    }

    function _digestOf(uint256 requestId) private view returns (bytes32 modelDigest) {
        modelDigest = asked[requestId];
        if (modelDigest == 0) revert InferenceConsumer__NotAsked(requestId);
    }
}
