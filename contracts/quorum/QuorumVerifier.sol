// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ConfigStore} from "./ConfigStore.sol";
import {IQuorumVerifier} from "./IQuorumVerifier.sol";

/// @title Verifier of quorum-signed reports in the layout of OCR2
/// @notice Keeps the oracle set and hands every report that exactly `requiredSignatures()` distinct oracles signed to
///         `_onReport`. What a report means is the inheriting contract's business.
/// @dev Hot path: two storage slots (`config`, `state`), one read of code that holds digest, signers and transmitters.
///      Signatures come in the order of the oracles' indices, so one forward walk over the signers finds them all and
///      a signer cannot count twice.
abstract contract QuorumVerifier is IQuorumVerifier, Ownable2Step {
    /// @notice One recovery byte for each signature has to fit a word; 31 is OCR2's limit.
    uint256 internal constant MAX_ORACLES = 31;

    /// @notice Leaves room for everything else in the code that stores a configuration.
    uint256 internal constant MAX_ONCHAIN_CONFIG_LENGTH = 16_384;

    /// @dev 0x0001 marks digests of EVM contracts, as in OCR2.
    uint256 private constant DIGEST_PREFIX = 0x0001 << 240;

    /// @dev floor(n / 2) of secp256k1; a greater s has a twin signature (EIP-2).
    uint256 private constant MAX_S = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    uint256 private constant WORD = 32;
    uint256 private constant ADDRESS_LENGTH = 20;

    /// @dev selector, three context words, three offsets, rawVs, three lengths
    uint256 private constant FIXED_CALLDATA_LENGTH = 4 + 3 * WORD + 3 * WORD + WORD + 3 * WORD;

    /// @dev One slot, read only while a report is verified. `store` holds digest | onchainConfig | signers |
    ///      transmitters, the addresses as 20 bytes each.
    struct Config {
        address store;
        uint32 count;
        uint32 blockNumber;
        uint16 onchainConfigLength;
        uint8 n;
        uint8 f;
    }

    /// @dev One slot, written once a report. `attached` belongs to the inheriting contract and costs it no slot.
    struct State {
        uint40 epochAndRound;
        uint216 attached;
    }

    Config private config;
    State private state;

    /// @param owner who may configure; ownership moves in two steps
    constructor(address owner) Ownable(owner) {}

    /// @inheritdoc IQuorumVerifier
    function setConfig(
        address[] calldata signers,
        address[] calldata transmitters_,
        uint8 f,
        bytes calldata onchainConfig,
        uint64 offchainConfigVersion,
        bytes calldata offchainConfig
    ) external onlyOwner {
        _checkOracleSet(signers, transmitters_, f);
        if (onchainConfig.length > MAX_ONCHAIN_CONFIG_LENGTH) {
            revert QuorumVerifier__OnchainConfigTooLong(onchainConfig.length, MAX_ONCHAIN_CONFIG_LENGTH);
        }

        uint32 previousBlockNumber = config.blockNumber;
        uint32 count = config.count + 1;
        bytes32 digest = _digest(
            count, signers, transmitters_, f, onchainConfig, offchainConfigVersion, offchainConfig
        );

        // Casts: a block number outlasts 32 bits by centuries, the lengths were bounded above.
        config = Config({
            store: ConfigStore.write(
                abi.encodePacked(digest, onchainConfig, _packAddresses(signers), _packAddresses(transmitters_))
            ),
            count: count,
            blockNumber: uint32(block.number),
            onchainConfigLength: uint16(onchainConfig.length),
            n: uint8(signers.length),
            f: f
        });
        // A report of an earlier configuration carries another digest, so counting may start anew.
        state.epochAndRound = 0;

        emit ConfigSet(
            previousBlockNumber,
            digest,
            count,
            signers,
            transmitters_,
            f,
            onchainConfig,
            offchainConfigVersion,
            offchainConfig
        );
        _onConfig(onchainConfig);
    }

    /// @inheritdoc IQuorumVerifier
    function transmit(
        bytes32[3] calldata reportContext,
        bytes calldata report,
        bytes32[] calldata rs,
        bytes32[] calldata ss,
        bytes32 rawVs
    ) external {
        Config memory current = config;
        if (current.count == 0) revert QuorumVerifier__NotConfigured();
        (bytes32 digest, uint256 signersAt, uint256 transmittersAt, uint256 end) = _load(current);

        if (_find(transmittersAt, end, msg.sender) == end) revert QuorumVerifier__InactiveTransmitter(msg.sender);
        if (reportContext[0] != digest) revert QuorumVerifier__WrongConfigDigest(reportContext[0], digest);
        uint40 epochAndRound = _checkEpochAndRound(reportContext[1]);
        _checkShape(report.length, rs.length, ss.length, _signatureCount(current.n, current.f));
        _checkSignatures(
            signersAt, transmittersAt, keccak256(abi.encode(keccak256(report), reportContext)), rs, ss, rawVs
        );

        state.epochAndRound = epochAndRound;
        _onReport(reportContext[0], epochAndRound, reportContext[2], report);
    }

    /// @inheritdoc IQuorumVerifier
    function latestConfigDetails()
        external
        view
        returns (uint32 configCount, uint32 blockNumber, bytes32 configDigest)
    {
        return (config.count, config.blockNumber, _configDigest());
    }

    /// @inheritdoc IQuorumVerifier
    function latestConfigDigestAndEpoch() external view returns (bool scanLogs, bytes32 configDigest, uint32 epoch) {
        return (false, _configDigest(), uint32(state.epochAndRound >> 8));
    }

    /// @inheritdoc IQuorumVerifier
    function latestEpochAndRound() external view returns (uint32 epoch, uint8 round) {
        uint40 latest = state.epochAndRound;
        return (uint32(latest >> 8), uint8(latest));
    }

    /// @inheritdoc IQuorumVerifier
    function getSigners() external view returns (address[] memory) {
        return _storedAddresses(0);
    }

    /// @inheritdoc IQuorumVerifier
    function transmitters() public view returns (address[] memory) {
        return _storedAddresses(config.n);
    }

    /// @inheritdoc IQuorumVerifier
    function faultTolerance() external view returns (uint8 f) {
        return config.f;
    }

    /// @inheritdoc IQuorumVerifier
    function requiredSignatures() external view returns (uint256 count) {
        return config.count == 0 ? 0 : _signatureCount(config.n, config.f);
    }

    /// @notice Called after a report was verified and its epoch and round were recorded.
    /// @param configDigest the current configuration's digest
    /// @param epochAndRound epoch in the upper 32 bits, round in the lower 8
    /// @param extraHash third context word: signed, otherwise unchecked
    /// @param report the payload
    function _onReport(bytes32 configDigest, uint40 epochAndRound, bytes32 extraHash, bytes calldata report)
        internal
        virtual;

    /// @notice Called after a configuration took effect; reverts if the inheriting contract cannot work with it.
    function _onConfig(bytes calldata onchainConfig) internal virtual;

    /// @notice How many signatures make a quorum. The default f + 1 says that an honest oracle signed; a contract for
    ///         which two different valid reports must not exist overrides it with floor((n + f) / 2) + 1.
    function _signatureCount(uint256, /* n */ uint256 f) internal view virtual returns (uint256) {
        return f + 1;
    }

    /// @notice The current configuration's `onchainConfig`, as it was set.
    function _onchainConfig() internal view returns (bytes memory) {
        if (config.count == 0) revert QuorumVerifier__NotConfigured();
        return ConfigStore.read(config.store, WORD, config.onchainConfigLength);
    }

    /// @notice How many configurations there were; the current one has this number.
    function _configCount() internal view returns (uint32) {
        return config.count;
    }

    /// @notice How many oracles the current configuration has.
    function _oracleCount() internal view returns (uint256) {
        return config.n;
    }

    /// @notice 216 bits for the inheriting contract in the slot that a report writes anyway.
    function _attached() internal view returns (uint216) {
        return state.attached;
    }

    /// @notice Replaces the 216 bits. They survive a new configuration.
    function _setAttached(uint216 value) internal {
        state.attached = value;
    }

    function _configDigest() internal view returns (bytes32) {
        return config.count == 0 ? bytes32(0) : bytes32(ConfigStore.read(config.store, 0, WORD));
    }

    function _digest(
        uint64 count,
        address[] calldata signers,
        address[] calldata transmitters_,
        uint8 f,
        bytes calldata onchainConfig,
        uint64 offchainConfigVersion,
        bytes calldata offchainConfig
    ) private view returns (bytes32) {
        uint256 hash = uint256(
            keccak256(
                abi.encode(
                    block.chainid,
                    address(this),
                    count,
                    signers,
                    transmitters_,
                    f,
                    onchainConfig,
                    offchainConfigVersion,
                    offchainConfig
                )
            )
        );
        return bytes32(DIGEST_PREFIX | (hash & (2 ** 240 - 1)));
    }

    function _checkOracleSet(address[] calldata signers, address[] calldata transmitters_, uint8 f) private pure {
        uint256 n = signers.length;
        if (f == 0) revert QuorumVerifier__ZeroFaultTolerance();
        if (n > MAX_ORACLES) revert QuorumVerifier__TooManySigners(n, MAX_ORACLES);
        if (n < 3 * uint256(f) + 1) revert QuorumVerifier__TooFewSigners(n, 3 * uint256(f) + 1);
        if (n != transmitters_.length) revert QuorumVerifier__TransmitterCountMismatch(n, transmitters_.length);
        for (uint256 i = 0; i < n; ++i) {
            if (signers[i] == address(0)) revert QuorumVerifier__ZeroSigner(i);
            if (transmitters_[i] == address(0)) revert QuorumVerifier__ZeroTransmitter(i);
            for (uint256 j = 0; j < i; ++j) {
                if (signers[i] == signers[j]) revert QuorumVerifier__RepeatedSigner(signers[i]);
                if (transmitters_[i] == transmitters_[j]) {
                    revert QuorumVerifier__RepeatedTransmitter(transmitters_[i]);
                }
            }
        }
    }

    function _checkEpochAndRound(bytes32 word) private view returns (uint40 epochAndRound) {
        if (uint256(word) > type(uint40).max) revert QuorumVerifier__MalformedEpochAndRound(word);
        epochAndRound = uint40(uint256(word));
        uint40 latest = state.epochAndRound;
        if (epochAndRound == latest) revert QuorumVerifier__RepeatedRound(epochAndRound);
        if (epochAndRound < latest) revert QuorumVerifier__StaleRound(epochAndRound, latest);
    }

    /// @dev The exact length rules out calldata that carries something nobody signed.
    function _checkShape(uint256 reportLength, uint256 rs, uint256 ss, uint256 want) private pure {
        if (rs < want) revert QuorumVerifier__TooFewSignatures(rs, want);
        if (rs > want) revert QuorumVerifier__TooManySignatures(rs, want);
        if (rs != ss) revert QuorumVerifier__SignatureCountMismatch(rs, ss);
        uint256 length;
        // No overflow: the decoder has bounded `reportLength` by the calldata's length, and `want` is at most 31.
        unchecked {
            length = FIXED_CALLDATA_LENGTH + ((reportLength + WORD - 1) & ~(WORD - 1)) + 2 * want * WORD;
        }
        if (msg.data.length != length) revert QuorumVerifier__WrongCalldataLength(msg.data.length, length);
    }

    /// @notice Reads digest, signers and transmitters into memory.
    /// @return digest the current digest
    /// @return signersAt memory position of the first signer; the addresses are packed, 20 bytes each
    /// @return transmittersAt of the first transmitter, where the signers end
    /// @return end where the transmitters end
    function _load(Config memory current)
        private
        view
        returns (bytes32 digest, uint256 signersAt, uint256 transmittersAt, uint256 end)
    {
        // No overflow: a uint16, two times 31 addresses, and a memory position that gas keeps small.
        unchecked {
            uint256 listLength = current.n * ADDRESS_LENGTH;
            uint256 length = WORD + current.onchainConfigLength + 2 * listLength;
            bytes memory stored = ConfigStore.read(current.store, 0, length);
            digest = bytes32(stored);
            assembly ("memory-safe") {
                end := add(add(stored, 32), length)
            }
            transmittersAt = end - listLength;
            signersAt = transmittersAt - listLength;
        }
    }

    /// @dev Walks once from `signersAt` to `signersEnd`: the signature of an oracle that was passed finds nobody.
    function _checkSignatures(
        uint256 signersAt,
        uint256 signersEnd,
        bytes32 hash,
        bytes32[] calldata rs,
        bytes32[] calldata ss,
        bytes32 rawVs
    ) private view {
        uint256 count = rs.length;
        if (rawVs << (8 * count) != 0) revert QuorumVerifier__UnusedRecoveryBytes(rawVs);
        uint256 cursor = signersAt;
        // No overflow: `count` is at most 31, `cursor` at most `signersEnd`.
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                address signer = _recover(hash, i, rawVs, rs, ss);
                uint256 found = _find(cursor, signersEnd, signer);
                if (found == signersEnd) _refuseSigner(signersAt, cursor, signersEnd, i, signer);
                cursor = found + ADDRESS_LENGTH;
            }
        }
    }

    /// @dev Signature i of both arrays, which are longer than i; i is at most 30.
    function _recover(bytes32 hash, uint256 i, bytes32 rawVs, bytes32[] calldata rs, bytes32[] calldata ss)
        private
        view
        returns (address signer)
    {
        uint256 v;
        uint256 s;
        assembly ("memory-safe") {
            v := byte(i, rawVs)
            s := calldataload(add(ss.offset, mul(i, 32)))
        }
        if (v > 1) revert QuorumVerifier__InvalidRecoveryByte(i, uint8(v));
        if (s > MAX_S) revert QuorumVerifier__MalleableSignature(i);
        // The precompile at address 1 returns nothing for what is no signature: the zero put there beforehand stays.
        assembly ("memory-safe") {
            let input := mload(64)
            mstore(input, hash)
            mstore(add(input, 32), add(v, 27))
            mstore(add(input, 64), calldataload(add(rs.offset, mul(i, 32))))
            mstore(add(input, 96), s)
            mstore(0, 0)
            pop(staticcall(gas(), 1, input, 128, 0, 32))
            signer := mload(0)
        }
        if (signer == address(0)) revert QuorumVerifier__InvalidSignature(i);
    }

    /// @dev The signer of signature i was not found between `cursor` and `signersEnd`: says why.
    function _refuseSigner(uint256 signersAt, uint256 cursor, uint256 signersEnd, uint256 i, address signer)
        private
        pure
    {
        uint256 found = _find(signersAt, signersEnd, signer);
        if (found == signersEnd) revert QuorumVerifier__UnknownSigner(i, signer);
        if (found + ADDRESS_LENGTH == cursor) revert QuorumVerifier__DuplicateSigner(i, signer);
        revert QuorumVerifier__UnsortedSigners(i, signer);
    }

    /// @return found memory position in [cursor, end) of `wanted` among packed addresses, or `end`
    function _find(uint256 cursor, uint256 end, address wanted) private pure returns (uint256 found) {
        // The 12 bytes read beyond an address are shifted out.
        assembly ("memory-safe") {
            found := cursor
            for {} lt(found, end) { found := add(found, 20) } {
                if eq(shr(96, mload(found)), wanted) { break }
            }
        }
    }

    function _storedAddresses(uint256 skip) private view returns (address[] memory list) {
        uint256 n = config.n;
        list = new address[](n);
        if (n == 0) return list;
        uint256 offset = WORD + config.onchainConfigLength + skip * ADDRESS_LENGTH;
        bytes memory stored = ConfigStore.read(config.store, offset, n * ADDRESS_LENGTH);
        for (uint256 i = 0; i < n; ++i) {
            uint256 place = i * ADDRESS_LENGTH;
            assembly ("memory-safe") {
                mstore(add(add(list, 32), mul(i, 32)), shr(96, mload(add(add(stored, 32), place))))
            }
        }
    }

    function _packAddresses(address[] calldata list) private pure returns (bytes memory packed) {
        packed = new bytes(list.length * ADDRESS_LENGTH);
        for (uint256 i = 0; i < list.length; ++i) {
            address entry = list[i];
            // A write covers 32 bytes: the next one overwrites the last 12, and those of the last one are zeros at or
            // beyond the end of `packed`.
            assembly ("memory-safe") {
                mstore(add(add(packed, 32), mul(i, 20)), shl(96, entry))
            }
        }
    }
}
