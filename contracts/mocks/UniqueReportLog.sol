// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {QuorumVerifier} from "../quorum/QuorumVerifier.sol";
import {UniqueQuorumVerifier} from "../quorum/UniqueQuorumVerifier.sol";

/// @title The least contract that wants a Byzantine quorum
/// @notice Takes any bytes that Q oracles signed and says so in an event.
contract UniqueReportLog is UniqueQuorumVerifier {
    /// @notice A report was accepted.
    event ReportAccepted(bytes32 indexed configDigest, uint40 epochAndRound, bytes report);

    /// @param owner who configures the oracle set
    constructor(address owner) QuorumVerifier(owner) {}

    /// @inheritdoc QuorumVerifier
    function _onReport(bytes32 configDigest, uint40 epochAndRound, bytes32, bytes calldata report) internal override {
        emit ReportAccepted(configDigest, epochAndRound, report);
    }

    /// @inheritdoc QuorumVerifier
    /// @dev It has nothing to configure.
    function _onConfig(bytes calldata) internal pure override {}
}
