// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What feeds of every shape tell their consumers beside the answer
/// @notice The state of the feed, its heartbeat, its bounds and its model.
interface IQuorumFeed {
    /// @notice What the newest accepted report means for a consumer.
    /// NoData: no report was ever accepted. Fresh: the last answer was observed within the heartbeat. Stale: it is
    /// older. OutOfRange: the newest report's answer was outside the bounds, so the last round does not show it.
    enum Status {
        NoData,
        Fresh,
        Stale,
        OutOfRange
    }

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

    /// @notice Smallest answer, of a vector smallest element, that becomes a round.
    function minAnswer() external view returns (int192);

    /// @notice Greatest answer, of a vector greatest element, that becomes a round.
    function maxAnswer() external view returns (int192);

    /// @notice How many rounds back the contract answers; older ones are in the events.
    function historyLength() external view returns (uint32);

    /// @notice When the newest accepted report was observed, be its answer in range or not; zero before the first.
    function latestObservationsTimestamp() external view returns (uint32);
}
