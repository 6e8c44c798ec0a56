// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AggregatorV3Interface} from "@chainlink/contracts/src/v0.8/shared/interfaces/AggregatorV3Interface.sol";

/// @title A feed whose consumers can tell whether its answer is good
/// @notice Chainlink's `AggregatorV3Interface` with what that interface leaves to hearsay: the heartbeat, the bounds
///         and the state of the feed.
interface IOracleFeed is AggregatorV3Interface {
    /// @notice What the newest accepted report means for a consumer.
    /// NoData: no report was ever accepted. Fresh: the last answer was observed within the heartbeat. Stale: it is
    /// older. OutOfRange: the newest report's answer was outside the bounds, so the last round does not show it.
    enum Status {
        NoData,
        Fresh,
        Stale,
        OutOfRange
    }

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

    // Faults of the on-chain configuration.
    error OracleFeed__WrongConfigLength(uint256 got, uint256 want);
    error OracleFeed__UnsupportedConfigVersion(uint256 got);
    error OracleFeed__MalformedConfig();
    error OracleFeed__EmptyAnswerRange(int256 minAnswer, int256 maxAnswer);
    error OracleFeed__ZeroHeartbeat();

    // Faults of a report that a quorum signed.
    error OracleFeed__WrongReportLength(uint256 got, uint256 want);
    error OracleFeed__MalformedReport();
    error OracleFeed__WrongModel(bytes32 got, bytes32 want);
    error OracleFeed__ObservedInFuture(uint32 observationsTimestamp, uint256 latestAllowed);
    error OracleFeed__ObservedBeforeLast(uint32 observationsTimestamp, uint32 last);

    // Faults of a reader.
    error OracleFeed__NoData();
    error OracleFeed__RoundNotAvailable(uint80 roundId, uint32 oldest, uint32 latest);

    /// @notice Whether the answer can be used. Never reverts.
    function status() external view returns (Status);

    /// @notice Longest age in seconds, counted from the observation, at which an answer is fresh.
    function heartbeat() external view returns (uint32);

    /// @notice Manifest digest of the model that computes the answers; zero for a feed computed without a model.
    function modelDigest() external view returns (bytes32);

    /// @notice Smallest answer that becomes a round.
    function minAnswer() external view returns (int192);

    /// @notice Greatest answer that becomes a round.
    function maxAnswer() external view returns (int192);

    /// @notice How many rounds back `getRoundData` answers; older ones are in the events.
    function historyLength() external view returns (uint32);

    /// @notice When the newest accepted report was observed, be its answer in range or not; zero before the first.
    function latestObservationsTimestamp() external view returns (uint32);
}
