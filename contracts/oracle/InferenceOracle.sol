// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {QuorumVerifier} from "../quorum/QuorumVerifier.sol";
import {InferenceDisputes} from "./inference/InferenceDisputes.sol";
import {InferencePricing} from "./inference/InferencePricing.sol";
import {InferenceRequests} from "./inference/InferenceRequests.sol";
import {ModelRegistry} from "./ModelRegistry.sol";

/// @title Answers of registered models, agreed by a quorum of nodes
/// @notice A report is `abi.encode(uint32 observationsTimestamp, bytes32 evidenceDigest, Answer[], Verdict[], uint256[])`: answers,
///         verdicts, and ids of requests for which something is due, 1 to 32 of them together. An entry that can't be used is
///         passed over with an event and never harms the others. onchainConfig is empty.
contract InferenceOracle is InferenceDisputes {
    uint256 private constant MAX_ENTRIES = 32;

    /// @dev Node clocks and block times differ by a little; more than this is a fault.
    uint256 private constant MAX_CLOCK_DRIFT = 60 seconds;

    /// @dev Timestamp, evidence, three offsets, three lengths.
    uint256 private constant MIN_REPORT_LENGTH = 8 * WORD;

    /// @param owner who configures the oracle set and sets prices and rules
    /// @param registry where models are found
    /// @param parameters_ the rules to begin with
    constructor(address owner, ModelRegistry registry, Parameters memory parameters_)
        QuorumVerifier(owner)
        InferencePricing(parameters_)
        InferenceRequests(registry)
    {}

    /// @inheritdoc QuorumVerifier
    function _onReport(bytes32, uint40 epochAndRound, bytes32, bytes calldata report) internal override nonReentrant {
        if (report.length < MIN_REPORT_LENGTH) {
            revert InferenceOracle__ReportTooShort(report.length, MIN_REPORT_LENGTH);
        }
        (
            uint256 timestamp,
            bytes32 evidenceDigest,
            Answer[] memory answers,
            Verdict[] memory verdicts,
            uint256[] memory due
        ) = abi.decode(report, (uint256, bytes32, Answer[], Verdict[], uint256[]));
        if (timestamp > block.timestamp + MAX_CLOCK_DRIFT) {
            revert InferenceOracle__ObservedInFuture(timestamp, block.timestamp + MAX_CLOCK_DRIFT);
        }
        uint256 gasShare = _shareOf(answers.length + verdicts.length + due.length);
        // Cast: not after the block's time, which fits 32 bits until 2106.
        Source memory source = Source(_configCount(), epochAndRound, uint32(timestamp), evidenceDigest, gasShare);
        _takeVerdicts(source, verdicts);
        _takeAnswers(source, answers);
        _tend(source, due);
    }

    /// @inheritdoc QuorumVerifier
    function _onConfig(bytes calldata onchainConfig) internal override {
        if (onchainConfig.length != 0) revert InferenceOracle__UnexpectedConfig(onchainConfig.length);
        _openIncome(_configCount(), transmitters());
    }

    function _shareOf(uint256 entries) private view returns (uint256) {
        if (entries == 0 || entries > MAX_ENTRIES) revert InferenceOracle__EntryCount(entries, 1, MAX_ENTRIES);
        return _parameters().reportGas / entries;
    }
}
