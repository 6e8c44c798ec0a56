// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {QuorumVerifier} from "../quorum/QuorumVerifier.sol";
import {IOracleVectorFeed} from "./IOracleVectorFeed.sol";
import {PackedVector} from "./PackedVector.sol";
import {QuorumFeed} from "./QuorumFeed.sol";

/// @title Several numbers at once, agreed by a quorum of nodes
/// @notice onchainConfig is `abi.encode(uint8 version = 1, int192 minAnswer, int192 maxAnswer, uint32 heartbeatSeconds,
///         bytes32 modelDigest, uint256[] labels)` with as many labels as elements; a report is
///         `abi.encode(uint32 observationsTimestamp, bytes32 evidenceDigest, bytes32 modelDigest, uint8 agreeing,
///         uint8 observers, uint256 spread, int192[] answers)`.
contract OracleVectorFeed is IOracleVectorFeed, QuorumFeed {
    using PackedVector for PackedVector.Place;

    /// @dev Bytes before the labels: the common part, their offset, their number.
    uint256 private constant LABELS_AT = CONFIG_LENGTH + 2 * 32;
    uint256 private constant LABELS_OFFSET = CONFIG_LENGTH + 32;

    /// @dev Bytes before the answers: the fixed words, the offset of the answers, their number.
    uint256 private constant ANSWERS_AT = 8 * 32;
    uint256 private constant ANSWERS_OFFSET = 7 * 32;

    /// @dev A report's fixed words, as they are encoded.
    struct Report {
        uint32 observationsTimestamp;
        bytes32 evidenceDigest;
        bytes32 modelDigest;
        uint8 agreeing;
        uint8 observers;
        uint256 spread;
    }

    uint256 private immutable LENGTH;
    /// @dev keccak256 of the words of the labels in force.
    bytes32 private labelsHash;
    PackedVector.Place[HISTORY] private rounds;

    /// @param owner who configures the oracle set
    /// @param decimals_ decimal places of every element
    /// @param length_ how many elements an answer has, 1 to 32
    /// @param description_ what the answer is, and what its labels are
    constructor(address owner, uint8 decimals_, uint256 length_, string memory description_)
        QuorumFeed(owner, decimals_, description_)
    {
        if (length_ == 0 || length_ > PackedVector.MAX_LENGTH) {
            revert OracleVectorFeed__BadLength(length_, PackedVector.MAX_LENGTH);
        }
        LENGTH = length_;
    }

    /// @inheritdoc IOracleVectorFeed
    function length() external view returns (uint256) {
        return LENGTH;
    }

    /// @inheritdoc IOracleVectorFeed
    function labels() external view returns (uint256[] memory list) {
        (,,,,, list) =
            abi.decode(_onchainConfig(), (uint256, int256, int256, uint256, bytes32, uint256[]));
    }

    /// @inheritdoc IOracleVectorFeed
    function decimals() external view returns (uint8) {
        return DECIMALS;
    }

    /// @inheritdoc IOracleVectorFeed
    function description() external view returns (string memory) {
        return name;
    }

    /// @inheritdoc IOracleVectorFeed
    function latestVector()
        external
        view
        returns (uint80 roundId, int192[] memory answers, uint256 startedAt, uint256 updatedAt)
    {
        return _vector(_latestRound());
    }

    /// @inheritdoc IOracleVectorFeed
    function getVector(uint80 roundId)
        external
        view
        returns (uint80 id, int192[] memory answers, uint256 startedAt, uint256 updatedAt)
    {
        return _vector(_keptRound(roundId));
    }

    /// @inheritdoc IOracleVectorFeed
    function latestElement(uint256 index)
        external
        view
        returns (uint80 roundId, int192 answer, uint256 startedAt, uint256 updatedAt)
    {
        return _element(_latestRound(), index);
    }

    /// @inheritdoc IOracleVectorFeed
    function getElement(uint80 roundId, uint256 index)
        external
        view
        returns (uint80 id, int192 answer, uint256 startedAt, uint256 updatedAt)
    {
        return _element(_keptRound(roundId), index);
    }

    /// @inheritdoc QuorumVerifier
    function _onConfig(bytes calldata onchainConfig) internal virtual override {
        uint256 want = LABELS_AT + LENGTH * 32;
        if (onchainConfig.length != want) revert OracleFeed__WrongConfigLength(onchainConfig.length, want);
        _checkFeedConfig(onchainConfig[:CONFIG_LENGTH]);
        (uint256 offset, uint256 count) =
            abi.decode(onchainConfig[CONFIG_LENGTH:LABELS_AT], (uint256, uint256));
        if (offset != LABELS_OFFSET || count != LENGTH) revert OracleFeed__MalformedConfig();
        bytes32 hash = keccak256(onchainConfig[LABELS_AT:]);
        // Rounds outlive a configuration, and their elements are told apart by the labels that they were reported under.
        if (hash != labelsHash && _roundIdOf(_attached()) != 0) revert OracleVectorFeed__LabelsChanged();
        labelsHash = hash;
    }

    /// @inheritdoc QuorumVerifier
    function _onReport(bytes32 configDigest, uint40 epochAndRound, bytes32, bytes calldata encoded)
        internal
        virtual
        override
    {
        (Report calldata report, int192[] calldata answers) = _decodeReport(encoded);
        FeedConfig memory feed = _feedConfig();
        uint216 latest = _attached();
        uint32 timestamp = report.observationsTimestamp;
        _checkReport(latest, timestamp, report.modelDigest, feed.modelDigest);

        uint32 roundId = _roundIdOf(latest);
        if (!_isInRange(answers, feed)) {
            _setAttached(_pack(roundId, timestamp, true));
            emit VectorOutOfRange(
                roundId,
                configDigest,
                epochAndRound,
                answers,
                timestamp,
                report.evidenceDigest,
                report.modelDigest,
                report.agreeing,
                report.observers,
                report.spread,
                msg.sender
            );
            return;
        }

        roundId += 1;
        _setAttached(_pack(roundId, timestamp, false));
        // Cast: 32 bits of seconds last until 2106, as the report's own timestamp does.
        rounds[roundId % HISTORY].write(answers, timestamp, uint32(block.timestamp));
        emit VectorTransmitted(
            roundId,
            configDigest,
            epochAndRound,
            answers,
            timestamp,
            report.evidenceDigest,
            report.modelDigest,
            report.agreeing,
            report.observers,
            report.spread,
            msg.sender
        );
    }

    function _vector(uint32 id) private view returns (uint80, int192[] memory, uint256, uint256) {
        (int192[] memory answers, uint32 startedAt, uint32 updatedAt) = rounds[id % HISTORY].read(LENGTH);
        return (id, answers, startedAt, updatedAt);
    }

    function _element(uint32 id, uint256 index) private view returns (uint80, int192, uint256, uint256) {
        if (index >= LENGTH) revert OracleVectorFeed__NoSuchElement(index, LENGTH);
        (int192 answer, uint32 startedAt, uint32 updatedAt) = rounds[id % HISTORY].readElement(index);
        return (id, answer, startedAt, updatedAt);
    }

    function _isInRange(int192[] calldata answers, FeedConfig memory feed) private pure returns (bool) {
        for (uint256 i = 0; i < answers.length; ++i) {
            if (answers[i] < feed.minAnswer || answers[i] > feed.maxAnswer) return false;
        }
        return true;
    }

    /// @dev Checked by hand, so that what is no standard encoding has an error with a name and nobody can put bytes
    ///      between or behind what is read; the words lie in calldata as struct and array do.
    function _decodeReport(bytes calldata encoded)
        private
        view
        returns (Report calldata report, int192[] calldata answers)
    {
        uint256 want = ANSWERS_AT + LENGTH * 32;
        if (encoded.length != want) revert OracleFeed__WrongReportLength(encoded.length, want);
        (uint256 observedAt,,, uint256 agreeing, uint256 observers,, uint256 offset, uint256 count) =
            abi.decode(encoded[:ANSWERS_AT], (uint256, bytes32, bytes32, uint256, uint256, uint256, uint256, uint256));
        if (
            observedAt > type(uint32).max || agreeing > type(uint8).max || observers > type(uint8).max
                || offset != ANSWERS_OFFSET || count != LENGTH
        ) revert OracleFeed__MalformedReport();
        assembly ("memory-safe") {
            report := encoded.offset
            answers.offset := add(encoded.offset, ANSWERS_AT)
            answers.length := count
        }
        for (uint256 i = 0; i < count; ++i) {
            int256 answer;
            assembly ("memory-safe") {
                answer := calldataload(add(answers.offset, mul(i, 32)))
            }
            if (answer != int192(answer)) revert OracleFeed__MalformedReport();
        }
    }
}
