// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {FeedReader} from "../FeedReader.sol";
import {IOracleVectorFeed} from "../IOracleVectorFeed.sol";

/// @title How to read a vector feed
/// @notice The margin of a position by how long it takes to close: volatility over the first horizon that is long
///         enough, times a factor. Reads a feed whose labels are horizons in seconds, ascending, and whose elements are
///         the standard deviation of the price over each, and refuses vectors that are old, out of range or not
///         positive.
contract HorizonMargin {
    uint256 private constant BPS = 10_000;

    IOracleVectorFeed private immutable FEED;
    uint256 private immutable MAX_AGE_SECONDS;
    uint256 private immutable FACTOR;
    uint256 private immutable UNIT;

    /// @notice No horizon of the feed is as long as this: split the position, or wait.
    error HorizonMargin__NoHorizon(uint256 secondsToClose);

    /// @param feed volatility over several horizons
    /// @param maxAgeSeconds the oldest vector this contract accepts; may be stricter than the feed's heartbeat
    /// @param factor how many standard deviations the margin covers
    constructor(IOracleVectorFeed feed, uint256 maxAgeSeconds, uint256 factor) {
        FEED = feed;
        MAX_AGE_SECONDS = maxAgeSeconds;
        FACTOR = factor;
        UNIT = 10 ** feed.decimals();
    }

    /// @notice Margin of `notional`, rounded up.
    /// @param secondsToClose how long it takes to close the position
    function marginOf(uint256 notional, uint256 secondsToClose) external view returns (uint256) {
        return Math.mulDiv(notional, marginBps(secondsToClose), BPS, Math.Rounding.Ceil);
    }

    /// @notice Margin in basis points of the notional, rounded up, at most all of it.
    function marginBps(uint256 secondsToClose) public view returns (uint256) {
        int192[] memory volatility = FeedReader.readVector(FEED, MAX_AGE_SECONDS, 1, type(int192).max);
        uint256[] memory horizons = FEED.labels();
        for (uint256 i = 0; i < horizons.length; ++i) {
            if (horizons[i] < secondsToClose) continue;
            // Cast: the reader has refused what is not positive.
            uint256 margin = Math.mulDiv(uint256(int256(volatility[i])), FACTOR * BPS, UNIT, Math.Rounding.Ceil);
            return Math.min(margin, BPS);
        }
        revert HorizonMargin__NoHorizon(secondsToClose);
    }
}
