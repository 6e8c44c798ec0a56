// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IOracleFeed} from "./IOracleFeed.sol";
import {IOracleVectorFeed} from "./IOracleVectorFeed.sol";
import {IQuorumFeed} from "./IQuorumFeed.sol";

/// @title Reads a feed and refuses an answer that isn't good
library FeedReader {
    error FeedReader__NotFresh(IQuorumFeed feed, IQuorumFeed.Status status);
    error FeedReader__TooOld(IQuorumFeed feed, uint256 observedAt);
    error FeedReader__OutOfRange(IQuorumFeed feed, int256 answer, int256 min, int256 max);

    /// @notice The feed's answer, in its decimals.
    /// @param maxAgeSeconds oldest observation that is good enough; may be stricter than the feed's heartbeat
    /// @param min smallest answer that makes sense to the caller
    /// @param max greatest answer that makes sense to the caller
    function read(IOracleFeed feed, uint256 maxAgeSeconds, int256 min, int256 max) internal view returns (int256 answer) {
        _requireFresh(feed);
        uint256 observedAt;
        (, answer, observedAt,,) = feed.latestRoundData();
        _requireYoung(feed, observedAt, maxAgeSeconds);
        _requireWithin(feed, answer, min, max);
    }

    /// @notice The same for what can't be zero or negative, such as a price.
    function readPositive(IOracleFeed feed, uint256 maxAgeSeconds) internal view returns (uint256) {
        return uint256(read(feed, maxAgeSeconds, 1, type(int256).max));
    }

    /// @notice The same for all elements of a vector at once, each of which has to be from `min` to `max`.
    function readVector(IOracleVectorFeed feed, uint256 maxAgeSeconds, int256 min, int256 max)
        internal
        view
        returns (int192[] memory answers)
    {
        _requireFresh(feed);
        uint256 observedAt;
        (, answers, observedAt,) = feed.latestVector();
        _requireYoung(feed, observedAt, maxAgeSeconds);
        for (uint256 i = 0; i < answers.length; ++i) _requireWithin(feed, answers[i], min, max);
    }

    function _requireFresh(IQuorumFeed feed) private view {
        IQuorumFeed.Status status = feed.status();
        if (status != IQuorumFeed.Status.Fresh) revert FeedReader__NotFresh(feed, status);
    }

    function _requireYoung(IQuorumFeed feed, uint256 observedAt, uint256 maxAgeSeconds) private view {
        if (block.timestamp > observedAt + maxAgeSeconds) revert FeedReader__TooOld(feed, observedAt);
    }

    function _requireWithin(IQuorumFeed feed, int256 answer, int256 min, int256 max) private pure {
        if (answer < min || answer > max) revert FeedReader__OutOfRange(feed, answer, min, max);
    }
}
