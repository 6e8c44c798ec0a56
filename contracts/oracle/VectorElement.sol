// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AggregatorV3Interface} from "@chainlink/contracts/src/v0.8/shared/interfaces/AggregatorV3Interface.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IOracleFeed} from "./IOracleFeed.sol";
import {IOracleVectorFeed} from "./IOracleVectorFeed.sol";
import {IQuorumFeed} from "./IQuorumFeed.sol";

/// @title One element of a vector feed as a feed of its own
/// @notice For consumers that know Chainlink's `AggregatorV3Interface` or `FeedReader`. It keeps nothing and anyone may
///         deploy it: rounds, times and state are those of the vector feed. It emits no events; those are the vector's.
contract VectorElement is IOracleFeed {
    IOracleVectorFeed private immutable FEED;
    uint256 private immutable INDEX;

    /// @param feed_ whose element this is
    /// @param index_ place of the element, from 0 on, below the vector's length
    constructor(IOracleVectorFeed feed_, uint256 index_) {
        uint256 length = feed_.length();
        if (index_ >= length) revert IOracleVectorFeed.OracleVectorFeed__NoSuchElement(index_, length);
        FEED = feed_;
        INDEX = index_;
    }

    /// @notice The vector feed that this reads.
    function feed() external view returns (IOracleVectorFeed) {
        return FEED;
    }

    /// @notice Which element of the vector this is.
    function index() external view returns (uint256) {
        return INDEX;
    }

    /// @notice What tells this element from the others, as the vector's owner set it.
    function label() public view returns (uint256) {
        return FEED.labels()[INDEX];
    }

    /// @inheritdoc AggregatorV3Interface
    function decimals() external view returns (uint8) {
        return FEED.decimals();
    }

    /// @inheritdoc AggregatorV3Interface
    /// @dev The vector's, and the label in brackets.
    function description() external view returns (string memory) {
        return string.concat(FEED.description(), " [", Strings.toString(label()), "]");
    }

    /// @inheritdoc AggregatorV3Interface
    function version() external pure returns (uint256) {
        return 1;
    }

    /// @inheritdoc AggregatorV3Interface
    function getRoundData(uint80 _roundId)
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        (roundId, answer, startedAt, updatedAt) = FEED.getElement(_roundId, INDEX);
        answeredInRound = roundId;
    }

    /// @inheritdoc AggregatorV3Interface
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        (roundId, answer, startedAt, updatedAt) = FEED.latestElement(INDEX);
        answeredInRound = roundId;
    }

    /// @inheritdoc IQuorumFeed
    /// @dev Of the whole vector: an element of a vector that is out of range elsewhere is not shown either.
    function status() external view returns (Status) {
        return FEED.status();
    }

    /// @inheritdoc IQuorumFeed
    function heartbeat() external view returns (uint32) {
        return FEED.heartbeat();
    }

    /// @inheritdoc IQuorumFeed
    function modelDigest() external view returns (bytes32) {
        return FEED.modelDigest();
    }

    /// @inheritdoc IQuorumFeed
    function minAnswer() external view returns (int192) {
        return FEED.minAnswer();
    }

    /// @inheritdoc IQuorumFeed
    function maxAnswer() external view returns (int192) {
        return FEED.maxAnswer();
    }

    /// @inheritdoc IQuorumFeed
    function historyLength() external view returns (uint32) {
        return FEED.historyLength();
    }

    /// @inheritdoc IQuorumFeed
    function latestObservationsTimestamp() external view returns (uint32) {
        return FEED.latestObservationsTimestamp();
    }
}
