// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IOracleFeed} from "./IOracleFeed.sol";

/// @title Reads a feed and refuses an answer that isn't good
library FeedReader {
    error FeedReader__NotFresh(IOracleFeed feed, IOracleFeed.Status status);
    error FeedReader__TooOld(IOracleFeed feed, uint256 observedAt);
    error FeedReader__OutOfRange(IOracleFeed feed, int256 answer, int256 min, int256 max);

    /// @notice The feed's answer, in its decimals.
    /// @param maxAgeSeconds oldest observation that is good enough; may be stricter than the feed's heartbeat
    /// @param min smallest answer that makes sense to the caller
    /// @param max greatest answer that makes sense to the caller
    function read(IOracleFeed feed, uint256 maxAgeSeconds, int256 min, int256 max) internal view returns (int256 answer) {
        IOracleFeed.Status status = feed.status();
        if (status != IOracleFeed.Status.Fresh) revert FeedReader__NotFresh(feed, status);
        uint256 observedAt;
        (, answer, observedAt,,) = feed.latestRoundData();
        if (block.timestamp > observedAt + maxAgeSeconds) revert FeedReader__TooOld(feed, observedAt);
        if (answer < min || answer > max) revert FeedReader__OutOfRange(feed, answer, min, max);
    }

    /// @notice The same for what can't be zero or negative, such as a price.
    function readPositive(IOracleFeed feed, uint256 maxAgeSeconds) internal view returns (uint256) {
        return uint256(read(feed, maxAgeSeconds, 1, type(int256).max));
    }
}
