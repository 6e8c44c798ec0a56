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

    /// @dev The words of an on-chain configuration after its version, as they are encoded.
    struct FeedConfig {
        int192 minAnswer;
        int192 maxAnswer;
        uint32 heartbeat;
        bytes32 modelDigest;
    }

    /// @dev A report's words, as they are encoded.
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
        uint32 latest = _roundIdOf(_attached());
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
        uint32 latest = _roundIdOf(_attached());
        if (latest == 0) revert OracleFeed__NoData();
        return _roundData(latest);
    }

    /// @inheritdoc IOracleFeed
    function status() external view returns (Status) {
        uint216 latest = _attached();
        if (_isOutOfRange(latest)) return Status.OutOfRange;
        if (_roundIdOf(latest) == 0) return Status.NoData;
        // The sum is of two 32-bit numbers in 256 bits.
        bool fresh = block.timestamp <= uint256(_timestampOf(latest)) + _feedConfig().heartbeat;
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
        return _timestampOf(_attached());
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
        Report calldata report = _decodeReport(encoded);
        (uint32 timestamp, int192 answer) = (report.observationsTimestamp, report.answer);
        FeedConfig memory feed = _feedConfig();
        uint216 latest = _attached();
        if (report.modelDigest != feed.modelDigest) revert OracleFeed__WrongModel(report.modelDigest, feed.modelDigest);
        if (timestamp > block.timestamp + MAX_CLOCK_DRIFT) {
            revert OracleFeed__ObservedInFuture(timestamp, block.timestamp + MAX_CLOCK_DRIFT);
        }
        if (timestamp < _timestampOf(latest)) revert OracleFeed__ObservedBeforeLast(timestamp, _timestampOf(latest));

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

    /// @dev `_onConfig` has checked every word's padding, so the words are taken as they are.
    function _feedConfig() private view returns (FeedConfig memory feed) {
        bytes memory encoded = _onchainConfig();
        // Skips the array's length and the version. The four words that follow are laid out as the struct is.
        assembly ("memory-safe") {
            feed := add(encoded, 64)
        }
    }

    function _pack(uint32 roundId, uint32 timestamp, bool outOfRange) private pure returns (uint216) {
        return uint216(roundId) | uint216(timestamp) << 32 | uint216(outOfRange ? 1 : 0) << 64;
    }

    function _roundIdOf(uint216 latest) private pure returns (uint32) {
        return uint32(latest);
    }

    function _timestampOf(uint216 latest) private pure returns (uint32) {
        return uint32(latest >> 32);
    }

    function _isOutOfRange(uint216 latest) private pure returns (bool) {
        return latest >> 64 != 0;
    }
}
