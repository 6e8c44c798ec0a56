// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {OCR2Base} from "@chainlink/contracts/src/v0.8/shared/ocr2/OCR2Base.sol";
import {AggregatorV3Interface} from "@chainlink/contracts/src/v0.8/shared/interfaces/AggregatorV3Interface.sol";
import {ITypeAndVersion} from "@chainlink/contracts/src/v0.8/shared/interfaces/ITypeAndVersion.sol";
import {IOcr2Aggregator} from "../oracle/IOcr2Aggregator.sol";

/// @title A numeric OCR2 aggregator as somebody else would have deployed it
/// @notice It knows nothing of this project: configuration, digest and signatures are checked by Chainlink's own
///         `OCR2Base`, unchanged; on top of it come the checks of OCR2's numeric report. Without payments, billing and
///         access control, which no report depends on.
contract Ocr2Aggregator is OCR2Base, IOcr2Aggregator {
    /// @dev timestamp, observers, offset, juelsPerFeeCoin, length
    uint256 private constant FIXED_REPORT_LENGTH = 5 * 32;

    /// @dev Where the second context word lies in the calldata of `transmit`.
    uint256 private constant EPOCH_AND_ROUND_AT = 4 + 32;

    /// @dev One slot.
    struct Transmission {
        int192 answer;
        uint32 observationsTimestamp;
        uint32 transmissionTimestamp;
    }

    uint8 private immutable DECIMALS;
    int192 private immutable MIN_ANSWER;
    int192 private immutable MAX_ANSWER;
    string private name;
    uint40 private latestEpochAndRound;
    uint32 private latestRoundId;
    mapping(uint32 roundId => Transmission transmission) private transmissions;

    error Ocr2Aggregator__WrongOnchainConfig();
    error Ocr2Aggregator__StaleReport(uint40 got, uint40 latest);
    error Ocr2Aggregator__WrongReportLength(uint256 got, uint256 want);
    error Ocr2Aggregator__TooManyObservations(uint256 got, uint256 max);
    error Ocr2Aggregator__TooFewObservations(uint256 got, uint256 f);
    error Ocr2Aggregator__MedianOutOfRange(int192 median, int192 min, int192 max);

    /// @param minAnswer least answer that is taken
    /// @param maxAnswer greatest answer that is taken
    /// @param decimals_ decimal places of the answer
    /// @param description_ what the answer is, for example "ETH / USD"
    constructor(int192 minAnswer, int192 maxAnswer, uint8 decimals_, string memory description_) OCR2Base(false) {
        MIN_ANSWER = minAnswer;
        MAX_ANSWER = maxAnswer;
        DECIMALS = decimals_;
        name = description_;
    }

    /// @inheritdoc ITypeAndVersion
    function typeAndVersion() external pure override returns (string memory) {
        return "Ocr2Aggregator 1.0.0";
    }

    /// @inheritdoc AggregatorV3Interface
    function decimals() external view override returns (uint8) {
        return DECIMALS;
    }

    /// @inheritdoc AggregatorV3Interface
    function description() external view override returns (string memory) {
        return name;
    }

    /// @inheritdoc AggregatorV3Interface
    function version() external pure override returns (uint256) {
        return 6;
    }

    /// @inheritdoc AggregatorV3Interface
    /// @dev All zero for a round that there is not.
    function getRoundData(uint80 _roundId)
        external
        view
        override
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        if (_roundId > type(uint32).max) return (0, 0, 0, 0, 0);
        return _roundData(uint32(_roundId));
    }

    /// @inheritdoc AggregatorV3Interface
    /// @dev All zero before the first round.
    function latestRoundData()
        external
        view
        override
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        return _roundData(latestRoundId);
    }

    /// @dev The bounds are the contract's own: a configuration has to repeat them.
    function _beforeSetConfig(uint8, bytes memory onchainConfig) internal view override {
        if (keccak256(onchainConfig) != keccak256(abi.encodePacked(uint8(1), MIN_ANSWER, MAX_ANSWER))) {
            revert Ocr2Aggregator__WrongOnchainConfig();
        }
    }

    /// @dev Epochs begin anew under a new digest.
    function _afterSetConfig(uint8, bytes memory) internal override {
        latestEpochAndRound = 0;
    }

    /// @dev The base hands over 32 bits of epoch and round; the calldata has all 40.
    function _validateReport(bytes32, uint40, bytes memory) internal override returns (bool) {
        uint40 epochAndRound = uint40(uint256(bytes32(msg.data[EPOCH_AND_ROUND_AT:])));
        if (epochAndRound <= latestEpochAndRound) {
            revert Ocr2Aggregator__StaleReport(epochAndRound, latestEpochAndRound);
        }
        latestEpochAndRound = epochAndRound;
        return true;
    }

    /// @dev Signatures, transmitter and digest were checked. A list that is not sorted is believed: one of the f + 1
    ///      signers is honest.
    function _report(uint256, address transmitter, uint8, address[MAX_NUM_ORACLES] memory, bytes calldata report)
        internal
        override
    {
        (uint32 timestamp, bytes32 rawObservers, int192[] memory observations, int192 juelsPerFeeCoin) =
            abi.decode(report, (uint32, bytes32, int192[], int192));
        uint256 count = observations.length;
        if (report.length != FIXED_REPORT_LENGTH + 32 * count) {
            revert Ocr2Aggregator__WrongReportLength(report.length, FIXED_REPORT_LENGTH + 32 * count);
        }
        if (count > MAX_NUM_ORACLES) revert Ocr2Aggregator__TooManyObservations(count, MAX_NUM_ORACLES);
        if (count <= s_configInfo.f) revert Ocr2Aggregator__TooFewObservations(count, s_configInfo.f);
        int192 median = observations[count / 2];
        if (median < MIN_ANSWER || median > MAX_ANSWER) {
            revert Ocr2Aggregator__MedianOutOfRange(median, MIN_ANSWER, MAX_ANSWER);
        }

        uint32 roundId = ++latestRoundId;
        transmissions[roundId] = Transmission(median, timestamp, uint32(block.timestamp));
        emit NewTransmission(
            roundId,
            median,
            transmitter,
            timestamp,
            observations,
            _firstBytes(rawObservers, count),
            juelsPerFeeCoin,
            s_configInfo.latestConfigDigest,
            latestEpochAndRound
        );
    }

    function _roundData(uint32 id) private view returns (uint80, int256, uint256, uint256, uint80) {
        Transmission memory found = transmissions[id];
        return (id, found.answer, found.observationsTimestamp, found.transmissionTimestamp, id);
    }

    function _firstBytes(bytes32 word, uint256 count) private pure returns (bytes memory list) {
        list = new bytes(count);
        for (uint256 i = 0; i < count; ++i) list[i] = word[i];
    }
}
