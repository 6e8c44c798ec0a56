// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {QuorumVerifier} from "./QuorumVerifier.sol";

/// @title A verifier for which two different valid reports of one round do not exist
/// @notice Wants Q = floor((n + f) / 2) + 1 signatures where `QuorumVerifier` wants f + 1. Two sets of Q oracles share
///         more than f, so at least one honest one, and that one signs a single report a round. For what must not be
///         decided twice: batches of trades, results, rulings.
/// @dev Costs Q - f - 1 signatures more: 1 of 4 oracles, 3 of 10, 10 of 31.
abstract contract UniqueQuorumVerifier is QuorumVerifier {
    /// @inheritdoc QuorumVerifier
    function _signatureCount(uint256 n, uint256 f) internal view virtual override returns (uint256) {
        return (n + f) / 2 + 1;
    }
}
