// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IOracleFeed} from "../IOracleFeed.sol";
import {IQuorumFeed} from "../IQuorumFeed.sol";

/// @title How to read a feed
/// @notice Converts amounts at the feed's price and refuses a price that is old, out of range or not positive.
contract PriceConsumer {
    IOracleFeed private immutable FEED;
    uint256 private immutable MAX_AGE_SECONDS;
    uint256 private immutable UNIT;

    error PriceConsumer__FeedNotFresh(IQuorumFeed.Status status);
    error PriceConsumer__PriceTooOld(uint256 observedAt);
    error PriceConsumer__PriceNotPositive(int256 answer);

    /// @param feed the feed to read
    /// @param maxAgeSeconds the oldest price this contract accepts; may be stricter than the feed's heartbeat
    constructor(IOracleFeed feed, uint256 maxAgeSeconds) {
        FEED = feed;
        MAX_AGE_SECONDS = maxAgeSeconds;
        UNIT = 10 ** feed.decimals();
    }

    /// @notice `amount` of the base asset in the quote asset, rounded down.
    function quote(uint256 amount) external view returns (uint256) {
        return amount * price() / UNIT;
    }

    /// @notice The current price in the feed's decimals.
    function price() public view returns (uint256) {
        IQuorumFeed.Status status = FEED.status();
        if (status != IQuorumFeed.Status.Fresh) revert PriceConsumer__FeedNotFresh(status);
        (, int256 answer, uint256 observedAt,,) = FEED.latestRoundData();
        if (block.timestamp > observedAt + MAX_AGE_SECONDS) revert PriceConsumer__PriceTooOld(observedAt);
        if (answer <= 0) revert PriceConsumer__PriceNotPositive(answer);
        return uint256(answer);
    }
}
