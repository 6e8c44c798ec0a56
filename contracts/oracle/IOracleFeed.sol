// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AggregatorV3Interface} from "@chainlink/contracts/src/v0.8/shared/interfaces/AggregatorV3Interface.sol";
import {IQuorumFeed} from "./IQuorumFeed.sol";

/// @title A feed whose consumers can tell whether its answer is good
/// @notice Chainlink's `AggregatorV3Interface` with what that interface leaves to hearsay: the heartbeat, the bounds
///         and the state of the feed.
interface IOracleFeed is AggregatorV3Interface, IQuorumFeed {
    /// @notice Chainlink's event of a new answer; `updatedAt` is the block's time.
    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    /// @notice Chainlink's event of a new round; `startedAt` is the time of observation.
    event NewRound(uint256 indexed roundId, address indexed startedBy, uint256 startedAt);

    /// @notice A report was accepted and became round `roundId`.
    event ReportTransmitted(
        uint32 indexed roundId,
        bytes32 indexed configDigest,
        uint40 epochAndRound,
        int192 answer,
        uint32 observationsTimestamp,
        bytes32 evidenceDigest,
        bytes32 modelDigest,
        address transmitter
    );

    /// @notice A report was accepted, but its answer is outside the bounds: the last round stays `roundId`.
    event AnswerOutOfRange(
        uint32 indexed roundId,
        bytes32 indexed configDigest,
        uint40 epochAndRound,
        int192 answer,
        uint32 observationsTimestamp,
        bytes32 evidenceDigest,
        bytes32 modelDigest,
        address transmitter
    );
}
