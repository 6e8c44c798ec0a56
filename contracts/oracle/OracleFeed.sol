// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AggregatorV3Interface} from "@chainlink/contracts/src/v0.8/shared/interfaces/AggregatorV3Interface.sol";
import {QuorumVerifier} from "../quorum/QuorumVerifier.sol";
import {IOracleFeed} from "./IOracleFeed.sol";

/// @title A number, agreed by a quorum of nodes
/// @notice onchainConfig is `abi.encode(uint8 version = 1, int192 minAnswer, int192 maxAnswer, uint32 heartbeatSeconds,
///         bytes32 modelDigest)`; a report is `abi.encode(uint32 observationsTimestamp, int192 answer,
///         bytes32 evidenceDigest, bytes32 modelDigest)`.
/// @dev Rounds live in a ring of `HISTORY` slots: from round `HISTORY` + 1 on a round overwrites a slot (5000 gas)
///      instead of filling an empty one (22100 gas).
contract OracleFeed is IOracleFeed, QuorumVerifier {
    /// @dev A power of two, so that a round's place is its low bits.
    uint32 internal constant HISTORY = 1024;

    /// @dev Node clocks and block times differ by a little; more than this is a fault.
    uint256 internal constant MAX_CLOCK_DRIFT = 60 seconds;

    uint256 private constant CONFIG_VERSION = 1;
    uint256 private constant CONFIG_LENGTH = 5 * 32;
    uint256 private constant REPORT_LENGTH = 4 * 32;

    /// @dev One slot.
    struct Round {
        int192 answer;
        uint32 startedAt;
        uint32 updatedAt;
    }

    /// @dev What the verifier keeps for this contract in its own slot.
    struct Latest {
        uint32 roundId;
        uint32 observationsTimestamp;
        bool outOfRange;
    }

    struct FeedConfig {
        int192 minAnswer;
        int192 maxAnswer;
        uint32 heartbeat;
        bytes32 modelDigest;
    }

    struct Report {
        uint32 observationsTimestamp;
        int192 answer;
        bytes32 evidenceDigest;
        bytes32 modelDigest;
    }

    uint8 private immutable DECIMALS;
    string private name;
    Round[HISTORY] private rounds;

    /// @param owner who configures the oracle set
    /// @param decimals_ decimal places of the answer
    /// @param description_ what the answer is, for example "ETH / USD"
    constructor(address owner, uint8 decimals_, string memory description_) QuorumVerifier(owner) {
        DECIMALS = decimals_;
        name = description_;
    }

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
        uint32 latest = _latest().roundId;
        uint32 oldest = latest > HISTORY ? latest - HISTORY + 1 : 1;
        if (_roundId < oldest || _roundId > latest) revert OracleFeed__RoundNotAvailable(_roundId, oldest, latest);
        return _roundData(uint32(_roundId));
    }

    /// @inheritdoc AggregatorV3Interface
    /// @dev The last good round with its true times, however old; `status()` says whether to use it. Reverts while
    ///      there is none.
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        uint32 latest = _latest().roundId;
        if (latest == 0) revert OracleFeed__NoData();
        return _roundData(latest);
    }

    /// @inheritdoc IOracleFeed
    function status() external view returns (Status) {
        Latest memory latest = _latest();
        if (latest.outOfRange) return Status.OutOfRange;
        if (latest.roundId == 0) return Status.NoData;
        // The sum is of two 32-bit numbers in 256 bits.
        bool fresh = block.timestamp <= uint256(latest.observationsTimestamp) + _feedConfig().heartbeat;
        return fresh ? Status.Fresh : Status.Stale;
    }

    /// @inheritdoc IOracleFeed
    function heartbeat() external view returns (uint32) {
        return _feedConfig().heartbeat;
    }

    /// @inheritdoc IOracleFeed
    function modelDigest() external view returns (bytes32) {
        return _feedConfig().modelDigest;
    }

    /// @inheritdoc IOracleFeed
    function minAnswer() external view returns (int192) {
        return _feedConfig().minAnswer;
    }

    /// @inheritdoc IOracleFeed
    function maxAnswer() external view returns (int192) {
        return _feedConfig().maxAnswer;
    }

    /// @inheritdoc IOracleFeed
    function historyLength() external pure returns (uint32) {
        return HISTORY;
    }

    /// @inheritdoc IOracleFeed
    function latestObservationsTimestamp() external view returns (uint32) {
        return _latest().observationsTimestamp;
    }

    /// @inheritdoc QuorumVerifier
    function _onConfig(bytes calldata onchainConfig) internal virtual override {
        if (onchainConfig.length != CONFIG_LENGTH) {
            revert OracleFeed__WrongConfigLength(onchainConfig.length, CONFIG_LENGTH);
        }
        (uint256 configVersion, int256 min, int256 max, uint256 heartbeatSeconds,) =
            abi.decode(onchainConfig, (uint256, int256, int256, uint256, bytes32));
        if (configVersion != CONFIG_VERSION) revert OracleFeed__UnsupportedConfigVersion(configVersion);
        if (min != int192(min) || max != int192(max) || heartbeatSeconds > type(uint32).max) {
            revert OracleFeed__MalformedConfig();
        }
        if (min >= max) revert OracleFeed__EmptyAnswerRange(min, max);
        if (heartbeatSeconds == 0) revert OracleFeed__ZeroHeartbeat();
    }

    /// @inheritdoc QuorumVerifier
    function _onReport(bytes32 configDigest, uint40 epochAndRound, bytes32, bytes calldata encoded)
        internal
        virtual
        override
    {
        Report memory report = _decodeReport(encoded);
        FeedConfig memory feed = _feedConfig();
        Latest memory latest = _latest();
        if (report.modelDigest != feed.modelDigest) revert OracleFeed__WrongModel(report.modelDigest, feed.modelDigest);
        if (report.observationsTimestamp > block.timestamp + MAX_CLOCK_DRIFT) {
            revert OracleFeed__ObservedInFuture(report.observationsTimestamp, block.timestamp + MAX_CLOCK_DRIFT);
        }
        if (report.observationsTimestamp < latest.observationsTimestamp) {
            revert OracleFeed__ObservedBeforeLast(report.observationsTimestamp, latest.observationsTimestamp);
        }

        latest.observationsTimestamp = report.observationsTimestamp;
        latest.outOfRange = report.answer < feed.minAnswer || report.answer > feed.maxAnswer;
        if (latest.outOfRange) {
            _setLatest(latest);
            emit AnswerOutOfRange(
                latest.roundId,
                configDigest,
                epochAndRound,
                report.answer,
                report.observationsTimestamp,
                report.evidenceDigest,
                report.modelDigest,
                msg.sender
            );
            return;
        }

        latest.roundId += 1;
        _setLatest(latest);
        // Cast: 32 bits of seconds last until 2106, as the report's own timestamp does.
        rounds[latest.roundId % HISTORY] = Round(report.answer, report.observationsTimestamp, uint32(block.timestamp));
        emit NewRound(latest.roundId, msg.sender, report.observationsTimestamp);
        emit AnswerUpdated(report.answer, latest.roundId, block.timestamp);
        emit ReportTransmitted(
            latest.roundId,
            configDigest,
            epochAndRound,
            report.answer,
            report.observationsTimestamp,
            report.evidenceDigest,
            report.modelDigest,
            msg.sender
        );
    }

    function _roundData(uint32 id) private view returns (uint80, int256, uint256, uint256, uint80) {
        Round memory round = rounds[id % HISTORY];
        return (id, round.answer, round.startedAt, round.updatedAt, id);
    }

    /// @dev Decoded by hand so that a bad padding has an error with a name.
    function _decodeReport(bytes calldata encoded) private pure returns (Report memory) {
        if (encoded.length != REPORT_LENGTH) revert OracleFeed__WrongReportLength(encoded.length, REPORT_LENGTH);
        (uint256 timestamp, int256 answer, bytes32 evidence, bytes32 model) =
            abi.decode(encoded, (uint256, int256, bytes32, bytes32));
        if (timestamp > type(uint32).max || answer != int192(answer)) revert OracleFeed__MalformedReport();
        return Report(uint32(timestamp), int192(answer), evidence, model);
    }

    function _feedConfig() private view returns (FeedConfig memory feed) {
        (, feed.minAnswer, feed.maxAnswer, feed.heartbeat, feed.modelDigest) =
            abi.decode(_onchainConfig(), (uint8, int192, int192, uint32, bytes32));
    }

    function _latest() private view returns (Latest memory) {
        uint216 packed = _attached();
        return Latest(uint32(packed), uint32(packed >> 32), packed >> 64 != 0);
    }

    function _setLatest(Latest memory latest) private {
        _setAttached(
            uint216(latest.roundId) | uint216(latest.observationsTimestamp) << 32
                | uint216(latest.outOfRange ? 1 : 0) << 64
        );
    }
}
