// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AggregatorV3Interface} from "@chainlink/contracts/src/v0.8/shared/interfaces/AggregatorV3Interface.sol";
import {QuorumVerifier} from "../quorum/QuorumVerifier.sol";
import {IOracleFeed} from "./IOracleFeed.sol";
import {QuorumFeed} from "./QuorumFeed.sol";

/// @title A number, agreed by a quorum of nodes
/// @notice onchainConfig is `abi.encode(uint8 version = 1, int192 minAnswer, int192 maxAnswer, uint32 heartbeatSeconds,
///         bytes32 modelDigest)`; a report is `abi.encode(uint32 observationsTimestamp, int192 answer,
///         bytes32 evidenceDigest, bytes32 modelDigest)`.
contract OracleFeed is IOracleFeed, QuorumFeed {
    uint256 private constant REPORT_LENGTH = 4 * 32;

    /// @dev One slot.
    struct Round {
        int192 answer;
        uint32 startedAt;
        uint32 updatedAt;
    }

    /// @dev A report's words, as they are encoded.
    struct Report {
        uint32 observationsTimestamp;
        int192 answer;
        bytes32 evidenceDigest;
        bytes32 modelDigest;
    }

    Round[HISTORY] private rounds;

    /// @param owner who configures the oracle set
    /// @param decimals_ decimal places of the answer
    /// @param description_ what the answer is, for example "ETH / USD"
    constructor(address owner, uint8 decimals_, string memory description_)
        QuorumFeed(owner, decimals_, description_)
    {}

    /// @inheritdoc AggregatorV3Interface
    function decimals() external view returns (uint8) {
        return DECIMALS;
    }

    /// @inheritdoc AggregatorV3Interface
    function description() external view returns (string memory) {
        return name;
    }

    /// @inheritdoc AggregatorV3Interface
    function version() external pure returns (uint256) {
        return 1;
    }

    /// @inheritdoc AggregatorV3Interface
    /// @dev `startedAt` is the time of observation, `updatedAt` the block's time. Reverts for a round that is not among
    ///      the last `historyLength()`.
    function getRoundData(uint80 _roundId)
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        return _roundData(_keptRound(_roundId));
    }

    /// @inheritdoc AggregatorV3Interface
    /// @dev The last good round with its true times, however old; `status()` says whether to use it. Reverts while
    ///      there is none.
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        return _roundData(_latestRound());
    }

    /// @inheritdoc QuorumVerifier
    function _onConfig(bytes calldata onchainConfig) internal virtual override {
        if (onchainConfig.length != CONFIG_LENGTH) {
            revert OracleFeed__WrongConfigLength(onchainConfig.length, CONFIG_LENGTH);
        }
        _checkFeedConfig(onchainConfig);
    }

    /// @inheritdoc QuorumVerifier
    function _onReport(bytes32 configDigest, uint40 epochAndRound, bytes32, bytes calldata encoded)
        internal
        virtual
        override
    {
        Report calldata report = _decodeReport(encoded);
        (uint32 timestamp, int192 answer) = (report.observationsTimestamp, report.answer);
        FeedConfig memory feed = _feedConfig();
        uint216 latest = _attached();
        _checkReport(latest, timestamp, report.modelDigest, feed.modelDigest);

        uint32 roundId = _roundIdOf(latest);
        if (answer < feed.minAnswer || answer > feed.maxAnswer) {
            _setAttached(_pack(roundId, timestamp, true));
            emit AnswerOutOfRange(
                roundId,
                configDigest,
                epochAndRound,
                answer,
                timestamp,
                report.evidenceDigest,
                report.modelDigest,
                msg.sender
            );
            return;
        }

        roundId += 1;
        _setAttached(_pack(roundId, timestamp, false));
        // Cast: 32 bits of seconds last until 2106, as the report's own timestamp does.
        rounds[roundId % HISTORY] = Round(answer, timestamp, uint32(block.timestamp));
        emit NewRound(roundId, msg.sender, timestamp);
        emit AnswerUpdated(answer, roundId, block.timestamp);
        emit ReportTransmitted(
            roundId,
            configDigest,
            epochAndRound,
            answer,
            timestamp,
            report.evidenceDigest,
            report.modelDigest,
            msg.sender
        );
    }

    function _roundData(uint32 id) private view returns (uint80, int256, uint256, uint256, uint80) {
        Round memory round = rounds[id % HISTORY];
        return (id, round.answer, round.startedAt, round.updatedAt, id);
    }

    /// @dev Checked by hand so that a bad padding has an error with a name; the words lie in calldata as the struct does.
    function _decodeReport(bytes calldata encoded) private pure returns (Report calldata report) {
        if (encoded.length != REPORT_LENGTH) revert OracleFeed__WrongReportLength(encoded.length, REPORT_LENGTH);
        uint256 observedAt;
        int256 answer;
        assembly ("memory-safe") {
            report := encoded.offset
            observedAt := calldataload(report)
            answer := calldataload(add(report, 32))
        }
        if (observedAt > type(uint32).max || answer != int192(answer)) revert OracleFeed__MalformedReport();
    }
}
