// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {QuorumVerifier} from "../quorum/QuorumVerifier.sol";
import {IQuorumFeed} from "./IQuorumFeed.sol";

/// @title What feeds of every shape have in common
/// @notice Bounds, heartbeat and model of the configuration; number and time of the newest report. What an answer is,
///         and how rounds are kept, is the inheriting contract's business.
/// @dev An on-chain configuration begins with `uint8 version = 1, int192 minAnswer, int192 maxAnswer,
///      uint32 heartbeatSeconds, bytes32 modelDigest`. Rounds live in a ring of `HISTORY` places: from round
///      `HISTORY` + 1 on a round overwrites slots (5000 gas each) instead of filling empty ones (22100 gas).
abstract contract QuorumFeed is IQuorumFeed, QuorumVerifier {
    /// @dev A power of two, so that a round's place is its low bits.
    uint32 internal constant HISTORY = 1024;

    /// @dev Node clocks and block times differ by a little; more than this is a fault.
    uint256 internal constant MAX_CLOCK_DRIFT = 60 seconds;

    /// @dev Bytes of the part of a configuration that all feeds have.
    uint256 internal constant CONFIG_LENGTH = 5 * 32;

    uint256 private constant CONFIG_VERSION = 1;

    /// @dev The words of an on-chain configuration after its version, as they are encoded.
    struct FeedConfig {
        int192 minAnswer;
        int192 maxAnswer;
        uint32 heartbeat;
        bytes32 modelDigest;
    }

    uint8 internal immutable DECIMALS;
    string internal name;

    constructor(address owner, uint8 decimals_, string memory description_) QuorumVerifier(owner) {
        DECIMALS = decimals_;
        name = description_;
    }

    /// @inheritdoc IQuorumFeed
    function status() external view returns (Status) {
        uint216 latest = _attached();
        if (_isOutOfRange(latest)) return Status.OutOfRange;
        if (_roundIdOf(latest) == 0) return Status.NoData;
        // The sum is of two 32-bit numbers in 256 bits.
        bool fresh = block.timestamp <= uint256(_timestampOf(latest)) + _feedConfig().heartbeat;
        return fresh ? Status.Fresh : Status.Stale;
    }

    /// @inheritdoc IQuorumFeed
    function heartbeat() external view returns (uint32) {
        return _feedConfig().heartbeat;
    }

    /// @inheritdoc IQuorumFeed
    function modelDigest() external view returns (bytes32) {
        return _feedConfig().modelDigest;
    }

    /// @inheritdoc IQuorumFeed
    function minAnswer() external view returns (int192) {
        return _feedConfig().minAnswer;
    }

    /// @inheritdoc IQuorumFeed
    function maxAnswer() external view returns (int192) {
        return _feedConfig().maxAnswer;
    }

    /// @inheritdoc IQuorumFeed
    function historyLength() external pure returns (uint32) {
        return HISTORY;
    }

    /// @inheritdoc IQuorumFeed
    function latestObservationsTimestamp() external view returns (uint32) {
        return _timestampOf(_attached());
    }

    /// @notice Refuses a configuration whose common part, its first `CONFIG_LENGTH` bytes, is none.
    function _checkFeedConfig(bytes calldata common) internal pure {
        (uint256 configVersion, int256 min, int256 max, uint256 heartbeatSeconds,) =
            abi.decode(common, (uint256, int256, int256, uint256, bytes32));
        if (configVersion != CONFIG_VERSION) revert OracleFeed__UnsupportedConfigVersion(configVersion);
        if (min != int192(min) || max != int192(max) || heartbeatSeconds > type(uint32).max) {
            revert OracleFeed__MalformedConfig();
        }
        if (min >= max) revert OracleFeed__EmptyAnswerRange(min, max);
        if (heartbeatSeconds == 0) revert OracleFeed__ZeroHeartbeat();
    }

    /// @dev `_onConfig` has checked every word's padding, so the words are taken as they are.
    function _feedConfig() internal view returns (FeedConfig memory feed) {
        bytes memory encoded = _onchainConfig();
        // Skips the array's length and the version. The four words that follow are laid out as the struct is.
        assembly ("memory-safe") {
            feed := add(encoded, 64)
        }
    }

    /// @notice Refuses a report of another model, from the future, or older than the last one.
    /// @param latest what is attached
    function _checkReport(uint216 latest, uint32 timestamp, bytes32 model, bytes32 wantedModel) internal view {
        if (model != wantedModel) revert OracleFeed__WrongModel(model, wantedModel);
        if (timestamp > block.timestamp + MAX_CLOCK_DRIFT) {
            revert OracleFeed__ObservedInFuture(timestamp, block.timestamp + MAX_CLOCK_DRIFT);
        }
        if (timestamp < _timestampOf(latest)) revert OracleFeed__ObservedBeforeLast(timestamp, _timestampOf(latest));
    }

    /// @notice The newest round, which exists.
    function _latestRound() internal view returns (uint32 latest) {
        latest = _roundIdOf(_attached());
        if (latest == 0) revert OracleFeed__NoData();
    }

    /// @notice Refuses a round that is not among the last `HISTORY`.
    function _keptRound(uint80 roundId) internal view returns (uint32) {
        uint32 latest = _roundIdOf(_attached());
        uint32 oldest = latest > HISTORY ? latest - HISTORY + 1 : 1;
        if (roundId < oldest || roundId > latest) revert OracleFeed__RoundNotAvailable(roundId, oldest, latest);
        return uint32(roundId);
    }

    function _pack(uint32 roundId, uint32 timestamp, bool outOfRange) internal pure returns (uint216) {
        return uint216(roundId) | uint216(timestamp) << 32 | uint216(outOfRange ? 1 : 0) << 64;
    }

    function _roundIdOf(uint216 latest) internal pure returns (uint32) {
        return uint32(latest);
    }

    function _timestampOf(uint216 latest) private pure returns (uint32) {
        return uint32(latest >> 32);
    }

    function _isOutOfRange(uint216 latest) private pure returns (bool) {
        return latest >> 64 != 0;
    }
}
