// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {OCR2Abstract} from "@chainlink/contracts/src/v0.8/shared/ocr2/OCR2Abstract.sol";
import {AggregatorV3Interface} from "@chainlink/contracts/src/v0.8/shared/interfaces/AggregatorV3Interface.sol";

/// @title What the node needs of an OCR2 aggregator that somebody else deployed
/// @notice `setConfig`, `transmit`, `latestConfigDetails` and `ConfigSet` of OCR2, Chainlink's view of a feed, and the
///         event by which an aggregator tells of a new answer. `onchainConfig` is `0x01 || int192 min || int192 max`,
///         49 bytes. A report is `abi.encode(uint32 observationsTimestamp, bytes32 observers, int192[] observations,
///         int192 juelsPerFeeCoin)`; the answer is `observations[length / 2]`.
/// @dev Abstract and no interface, since OCR2Abstract is.
abstract contract IOcr2Aggregator is OCR2Abstract, AggregatorV3Interface {
    /// @notice A report was accepted and became round `aggregatorRoundId`.
    /// @param answer the median of the observations
    /// @param transmitter who sent it
    /// @param observationsTimestamp Unix seconds of the observations
    /// @param observations ascending
    /// @param observers byte i is the oracle index of observation i; as many bytes as observations
    /// @param juelsPerFeeCoin price of the fee coin, by which a paying aggregator repays gas
    /// @param configDigest the configuration under which the report was made
    /// @param epochAndRound epoch in the upper 32 bits, round in the lower 8
    event NewTransmission(
        uint32 indexed aggregatorRoundId,
        int192 answer,
        address transmitter,
        uint32 observationsTimestamp,
        int192[] observations,
        bytes observers,
        int192 juelsPerFeeCoin,
        bytes32 configDigest,
        uint40 epochAndRound
    );
}
