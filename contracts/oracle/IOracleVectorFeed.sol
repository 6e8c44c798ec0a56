// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IQuorumFeed} from "./IQuorumFeed.sol";

/// @title A feed whose answer is several numbers at once
/// @notice A round's elements were computed from the same data and agreed on together. `VectorElement` shows one of them
///         as a feed of its own.
interface IOracleVectorFeed is IQuorumFeed {
    /// @notice A report was accepted and became round `roundId`.
    /// @param agreeing how many oracles stand with the answers
    /// @param observers how many oracles observed
    /// @param spread greatest difference of any element between two oracles that agree, in the answers' units
    event VectorTransmitted(
        uint32 indexed roundId,
        bytes32 indexed configDigest,
        uint40 epochAndRound,
        int192[] answers,
        uint32 observationsTimestamp,
        bytes32 evidenceDigest,
        bytes32 modelDigest,
        uint8 agreeing,
        uint8 observers,
        uint256 spread,
        address transmitter
    );

    /// @notice A report was accepted, but an element is outside the bounds: the last round stays `roundId`.
    event VectorOutOfRange(
        uint32 indexed roundId,
        bytes32 indexed configDigest,
        uint40 epochAndRound,
        int192[] answers,
        uint32 observationsTimestamp,
        bytes32 evidenceDigest,
        bytes32 modelDigest,
        uint8 agreeing,
        uint8 observers,
        uint256 spread,
        address transmitter
    );

    error OracleVectorFeed__BadLength(uint256 length, uint256 max);
    error OracleVectorFeed__NoSuchElement(uint256 index, uint256 length);
    /// @notice There is a round already, whose elements other labels would misname: deploy another feed for those.
    error OracleVectorFeed__LabelsChanged();

    /// @notice How many elements every answer has. Never changes.
    function length() external view returns (uint256);

    /// @notice What tells the elements apart, in their order: `description()` says what the numbers mean, for example
    ///         horizons in seconds. Part of the configuration; from the first round on they never change.
    function labels() external view returns (uint256[] memory);

    /// @notice Decimal places of every element. Never changes.
    function decimals() external view returns (uint8);

    /// @notice What the answer is.
    function description() external view returns (string memory);

    /// @notice The last good round with its true times, however old; `status()` says whether to use it. Reverts while
    ///         there is none.
    /// @return roundId number of the round
    /// @return answers the elements, in the order of the labels
    /// @return startedAt time of observation
    /// @return updatedAt time of the block that took the report
    function latestVector()
        external
        view
        returns (uint80 roundId, int192[] memory answers, uint256 startedAt, uint256 updatedAt);

    /// @notice The same of an earlier round. Reverts for one that is not among the last `historyLength()`.
    function getVector(uint80 roundId)
        external
        view
        returns (uint80 id, int192[] memory answers, uint256 startedAt, uint256 updatedAt);

    /// @notice One element of the last good round: cheaper than the whole of it.
    function latestElement(uint256 index)
        external
        view
        returns (uint80 roundId, int192 answer, uint256 startedAt, uint256 updatedAt);

    /// @notice One element of an earlier round.
    function getElement(uint80 roundId, uint256 index)
        external
        view
        returns (uint80 id, int192 answer, uint256 startedAt, uint256 updatedAt);
}
