// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What a contract that takes reports of a quorum offers
/// @notice The layout of OCR2: the same `setConfig`, `transmit`, configuration digest, report context and signed hash,
///         so that off-chain tooling made for OCR2 works against it.
interface IQuorumVerifier {
    /// @notice A new oracle set took effect. Everything the digest is computed from is in the event.
    event ConfigSet(
        uint32 previousConfigBlockNumber,
        bytes32 configDigest,
        uint64 configCount,
        address[] signers,
        address[] transmitters,
        uint8 f,
        bytes onchainConfig,
        uint64 offchainConfigVersion,
        bytes offchainConfig
    );

    // Faults of `setConfig`.
    error QuorumVerifier__ZeroFaultTolerance();
    error QuorumVerifier__TooManySigners(uint256 got, uint256 max);
    error QuorumVerifier__TooFewSigners(uint256 got, uint256 want);
    error QuorumVerifier__TransmitterCountMismatch(uint256 signers, uint256 transmitters);
    error QuorumVerifier__ZeroSigner(uint256 index);
    error QuorumVerifier__ZeroTransmitter(uint256 index);
    error QuorumVerifier__RepeatedSigner(address signer);
    error QuorumVerifier__RepeatedTransmitter(address transmitter);
    error QuorumVerifier__OnchainConfigTooLong(uint256 got, uint256 max);

    // Faults of `transmit`, in the order in which they are checked.
    error QuorumVerifier__NotConfigured();
    error QuorumVerifier__InactiveTransmitter(address sender);
    error QuorumVerifier__WrongConfigDigest(bytes32 got, bytes32 want);
    error QuorumVerifier__MalformedEpochAndRound(bytes32 got);
    error QuorumVerifier__RepeatedRound(uint40 epochAndRound);
    error QuorumVerifier__StaleRound(uint40 got, uint40 latest);
    error QuorumVerifier__TooFewSignatures(uint256 got, uint256 want);
    error QuorumVerifier__TooManySignatures(uint256 got, uint256 want);
    error QuorumVerifier__SignatureCountMismatch(uint256 rs, uint256 ss);
    error QuorumVerifier__WrongCalldataLength(uint256 got, uint256 want);
    error QuorumVerifier__UnusedRecoveryBytes(bytes32 rawVs);
    error QuorumVerifier__InvalidRecoveryByte(uint256 index, uint8 got);
    error QuorumVerifier__MalleableSignature(uint256 index);
    error QuorumVerifier__InvalidSignature(uint256 index);
    error QuorumVerifier__UnknownSigner(uint256 index, address recovered);
    error QuorumVerifier__DuplicateSigner(uint256 index, address signer);
    error QuorumVerifier__UnsortedSigners(uint256 index, address signer);

    /// @notice Replaces the oracle set. Only the owner.
    /// @param signers on-chain signing addresses, one for each oracle, in oracle order
    /// @param transmitters_ accounts that may call `transmit`, one for each oracle, in oracle order
    /// @param f number of faulty oracles tolerated; `signers.length >= 3f + 1`
    /// @param onchainConfig what the inheriting contract needs to know; it checks it
    /// @param offchainConfigVersion version of the encoding of `offchainConfig`
    /// @param offchainConfig what the oracles need to know; bound by the digest, not read on-chain
    function setConfig(
        address[] calldata signers,
        address[] calldata transmitters_,
        uint8 f,
        bytes calldata onchainConfig,
        uint64 offchainConfigVersion,
        bytes calldata offchainConfig
    ) external;

    /// @notice Takes a report signed by a quorum of the current oracle set. Only an active transmitter.
    /// @param reportContext `[0]` the configuration digest; `[1]` 27 zero bytes, uint32 epoch, uint8 round, strictly
    ///        greater than the last; `[2]` extra hash, signed but not read here
    /// @param report the payload, meaningful to the inheriting contract
    /// @param rs the r of each signature, in strictly ascending order of the signers' oracle index
    /// @param ss the s of each signature, in the lower half of the curve's order (EIP-2)
    /// @param rawVs byte i is the recovery bit (0 or 1) of signature i; the bytes not used are zero
    function transmit(
        bytes32[3] calldata reportContext,
        bytes calldata report,
        bytes32[] calldata rs,
        bytes32[] calldata ss,
        bytes32 rawVs
    ) external;

    /// @notice Facts of the current configuration; all zero before the first.
    /// @return configCount number of configurations so far
    /// @return blockNumber block of the last `ConfigSet`
    /// @return configDigest digest that reports have to carry
    function latestConfigDetails() external view returns (uint32 configCount, uint32 blockNumber, bytes32 configDigest);

    /// @notice OCR2's view for transmitters.
    /// @return scanLogs always false: the two other values are current
    /// @return configDigest digest that reports have to carry
    /// @return epoch epoch of the last accepted report under this configuration
    function latestConfigDigestAndEpoch() external view returns (bool scanLogs, bytes32 configDigest, uint32 epoch);

    /// @notice Epoch and round of the last accepted report under this configuration; zero before the first.
    function latestEpochAndRound() external view returns (uint32 epoch, uint8 round);

    /// @notice The signing addresses in oracle order.
    function getSigners() external view returns (address[] memory);

    /// @notice The transmitter accounts in oracle order.
    function transmitters() external view returns (address[] memory);

    /// @notice Number of faulty oracles tolerated; zero before the first configuration.
    function faultTolerance() external view returns (uint8 f);

    /// @notice How many signatures `transmit` wants: exactly as many, no more; zero before the first configuration.
    function requiredSignatures() external view returns (uint256 count);
}
