// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {OracleSetTest} from "../testing/OracleSetTest.t.sol";
import {IQuorumVerifier} from "./IQuorumVerifier.sol";
import {QuorumVerifier} from "./QuorumVerifier.sol";

/// @dev Keeps what the hooks were given.
contract VerifierHarness is QuorumVerifier {
    bytes32 public lastDigest;
    uint40 public lastEpochAndRound;
    bytes32 public lastExtraHash;
    bytes public lastReport;
    bytes public lastConfig;
    uint40 public recordedBeforeHook;

    constructor(address owner) QuorumVerifier(owner) {}

    function attached() external view returns (uint216) {
        return _attached();
    }

    function storedOnchainConfig() external view returns (bytes memory) {
        return _onchainConfig();
    }

    function _onConfig(bytes calldata onchainConfig) internal override {
        lastConfig = onchainConfig;
    }

    function _onReport(bytes32 configDigest, uint40 epochAndRound, bytes32 extraHash, bytes calldata report)
        internal
        override
    {
        (uint32 epoch, uint8 round) = this.latestEpochAndRound();
        recordedBeforeHook = uint40(epoch) << 8 | round;
        lastDigest = configDigest;
        lastEpochAndRound = epochAndRound;
        lastExtraHash = extraHash;
        lastReport = report;
        _setAttached(_attached() + 1);
    }
}

contract QuorumVerifierTest is OracleSetTest {
    address private constant STRANGER = address(0xBAD);

    VerifierHarness private verifier;

    function setUp() external {
        verifier = new VerifierHarness(address(this));
    }

    function testFuzz_digestIsTheFormula(
        uint256 n,
        uint64 chainId,
        uint8 configurations,
        bytes calldata onchainConfig,
        uint64 version,
        bytes calldata offchainConfig
    ) external {
        n = _bound(n, 4, 31);
        chainId = uint64(_bound(chainId, 1, type(uint64).max - 1));
        vm.chainId(chainId);
        uint256 count = _bound(configurations, 1, 4);
        Set memory set = Set(_signers(n), _transmitters(n), uint8((n - 1) / 3), onchainConfig, version, offchainConfig);
        for (uint256 i = 0; i < count; ++i) _configure(set);

        bytes memory encoded = abi.encode(
            uint256(chainId),
            address(verifier),
            uint64(count),
            set.signers,
            set.transmitters,
            set.f,
            set.onchainConfig,
            set.offchainConfigVersion,
            set.offchainConfig
        );
        (uint32 configCount, uint32 blockNumber, bytes32 digest) = verifier.latestConfigDetails();
        _equal(configCount, count, "count");
        _equal(blockNumber, block.number, "block number");
        _equal(digest >> 240, bytes32(uint256(1)), "prefix");
        _equal(digest << 16, keccak256(encoded) << 16, "low 240 bits");
    }

    function testFuzz_configurationReadsBack(uint256 n, bytes calldata onchainConfig) external {
        n = _bound(n, 4, 31);
        Set memory set = _set(n);
        set.onchainConfig = onchainConfig;
        _configure(set);
        _equal(keccak256(abi.encode(verifier.getSigners())), keccak256(abi.encode(set.signers)), "signers");
        _equal(keccak256(abi.encode(verifier.transmitters())), keccak256(abi.encode(set.transmitters)), "transmitters");
        _equal(verifier.faultTolerance(), set.f, "f");
        _equal(verifier.requiredSignatures(), uint256(set.f) + 1, "signatures");
        _equal(keccak256(verifier.storedOnchainConfig()), keccak256(onchainConfig), "stored");
        _equal(keccak256(verifier.lastConfig()), keccak256(onchainConfig), "hook");
    }

    function testFuzz_anyAscendingQuorumAnyReport(uint256 n, uint256 seed, bytes calldata report, bytes32 extraHash)
        external
    {
        n = _bound(n, 4, 31);
        Set memory set = _set(n);
        _configure(set);
        uint40 epochAndRound = uint40(_bound(seed, 1, type(uint40).max));
        bytes32[3] memory context = [_digest(), bytes32(uint256(epochAndRound)), extraHash];
        uint256[] memory indices = _subset(n, uint256(set.f) + 1, seed);
        _transmit(set.transmitters[seed % n], context, report, indices);

        _equal(verifier.lastDigest(), context[0], "digest");
        _equal(verifier.lastEpochAndRound(), epochAndRound, "epoch and round");
        _equal(verifier.recordedBeforeHook(), epochAndRound, "recorded before the hook");
        _equal(verifier.lastExtraHash(), extraHash, "extra hash");
        _equal(keccak256(verifier.lastReport()), keccak256(report), "report");
        _equal(verifier.attached(), 1, "attached");
    }

    function testFuzz_swappedSignersAreRefused(uint256 n, uint256 seed) external {
        n = _bound(n, 4, 31);
        Set memory set = _set(n);
        _configure(set);
        uint256[] memory indices = _subset(n, uint256(set.f) + 1, seed);
        uint256 i = 1 + seed % (indices.length - 1);
        (indices[i - 1], indices[i]) = (indices[i], indices[i - 1]);
        bytes32[3] memory context = [_digest(), bytes32(uint256(1)), bytes32(0)];
        bytes memory want =
            abi.encodeWithSelector(IQuorumVerifier.QuorumVerifier__UnsortedSigners.selector, i, set.signers[indices[i]]);
        _transmitRefused(set.transmitters[0], context, "", indices, want);
    }

    function testFuzz_repeatedSignerIsRefused(uint256 n, uint256 seed) external {
        n = _bound(n, 4, 31);
        Set memory set = _set(n);
        _configure(set);
        uint256[] memory indices = _subset(n, uint256(set.f) + 1, seed);
        uint256 i = 1 + seed % (indices.length - 1);
        indices[i] = indices[i - 1];
        bytes32[3] memory context = [_digest(), bytes32(uint256(1)), bytes32(0)];
        bytes memory want =
            abi.encodeWithSelector(IQuorumVerifier.QuorumVerifier__DuplicateSigner.selector, i, set.signers[indices[i]]);
        _transmitRefused(set.transmitters[0], context, "", indices, want);
    }

    function testFuzz_roundsOnlyRise(uint40 first, uint40 second) external {
        first = uint40(_bound(first, 1, type(uint40).max));
        Set memory set = _set(4);
        _configure(set);
        uint256[] memory indices = _subset(4, 2, first);
        bytes32[3] memory context = [_digest(), bytes32(uint256(first)), bytes32(0)];
        _transmit(set.transmitters[0], context, "first", indices);
        context[1] = bytes32(uint256(second));
        if (second > first) {
            _transmit(set.transmitters[0], context, "second", indices);
            return;
        }
        bytes memory want = second == first
            ? abi.encodeWithSelector(IQuorumVerifier.QuorumVerifier__RepeatedRound.selector, first)
            : abi.encodeWithSelector(IQuorumVerifier.QuorumVerifier__StaleRound.selector, second, first);
        _transmitRefused(set.transmitters[0], context, "second", indices, want);
    }

    function test_configurationKeepsWhatTheContractAttached() external {
        Set memory set = _set(4);
        _configure(set);
        _transmit(set.transmitters[0], [_digest(), bytes32(uint256(7)), bytes32(0)], "", _subset(4, 2, 0));
        _configure(set);
        (uint32 epoch, uint8 round) = verifier.latestEpochAndRound();
        _equal(uint256(epoch) + round, 0, "counts anew");
        _equal(verifier.attached(), 1, "attached");
    }

    function test_viewsBeforeTheFirstConfiguration() external {
        (uint32 count, uint32 blockNumber, bytes32 digest) = verifier.latestConfigDetails();
        _equal(uint256(count) + blockNumber, 0, "no configuration");
        _equal(digest, bytes32(0), "no digest");
        _equal(verifier.getSigners().length + verifier.transmitters().length, 0, "nobody");
        _equal(verifier.requiredSignatures(), 0, "no quorum");
        vm.expectRevert(IQuorumVerifier.QuorumVerifier__NotConfigured.selector);
        verifier.storedOnchainConfig();
    }

    function test_onlyTheOwnerConfigures() external {
        Set memory set = _set(4);
        vm.prank(STRANGER);
        _configureRefused(set, abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, STRANGER));
    }

    function test_ownershipMovesInTwoSteps() external {
        verifier.transferOwnership(STRANGER);
        _equal(verifier.owner(), address(this), "not yet");
        vm.prank(STRANGER);
        verifier.acceptOwnership();
        _equal(verifier.owner(), STRANGER, "moved");
    }

    function test_refusedOracleSets() external {
        Set memory set = _set(4);
        set.f = 0;
        _configureRefused(set, abi.encodeWithSelector(IQuorumVerifier.QuorumVerifier__ZeroFaultTolerance.selector));

        set = _set(4);
        set.f = 2;
        _configureRefused(set, abi.encodeWithSelector(IQuorumVerifier.QuorumVerifier__TooFewSigners.selector, 4, 7));
        set.f = 255;
        _configureRefused(set, abi.encodeWithSelector(IQuorumVerifier.QuorumVerifier__TooFewSigners.selector, 4, 766));

        set = _set(32);
        _configureRefused(set, abi.encodeWithSelector(IQuorumVerifier.QuorumVerifier__TooManySigners.selector, 32, 31));

        set = _set(4);
        set.transmitters = _transmitters(5);
        _configureRefused(
            set, abi.encodeWithSelector(IQuorumVerifier.QuorumVerifier__TransmitterCountMismatch.selector, 4, 5)
        );

        set = _set(4);
        set.signers[3] = address(0);
        _configureRefused(set, abi.encodeWithSelector(IQuorumVerifier.QuorumVerifier__ZeroSigner.selector, 3));

        set = _set(4);
        set.transmitters[0] = address(0);
        _configureRefused(set, abi.encodeWithSelector(IQuorumVerifier.QuorumVerifier__ZeroTransmitter.selector, 0));

        set = _set(4);
        set.signers[3] = set.signers[1];
        _configureRefused(
            set, abi.encodeWithSelector(IQuorumVerifier.QuorumVerifier__RepeatedSigner.selector, set.signers[1])
        );

        set = _set(4);
        set.transmitters[2] = set.transmitters[0];
        _configureRefused(
            set,
            abi.encodeWithSelector(IQuorumVerifier.QuorumVerifier__RepeatedTransmitter.selector, set.transmitters[0])
        );

        set = _set(4);
        set.onchainConfig = new bytes(16_385);
        _configureRefused(
            set, abi.encodeWithSelector(IQuorumVerifier.QuorumVerifier__OnchainConfigTooLong.selector, 16_385, 16_384)
        );
    }

    function test_theLongestOnchainConfigFits() external {
        Set memory set = _set(31);
        set.onchainConfig = new bytes(16_384);
        set.onchainConfig[16_383] = 0x7F;
        _configure(set);
        _equal(keccak256(verifier.storedOnchainConfig()), keccak256(set.onchainConfig), "stored");
        _transmit(set.transmitters[30], [_digest(), bytes32(uint256(1)), bytes32(0)], "", _subset(31, 11, 5));
    }

    function _configure(Set memory set) private {
        verifier.setConfig(
            set.signers, set.transmitters, set.f, set.onchainConfig, set.offchainConfigVersion, set.offchainConfig
        );
    }

    function _configureRefused(Set memory set, bytes memory want) private {
        vm.expectRevert(want);
        _configure(set);
    }

    function _transmit(address sender, bytes32[3] memory context, bytes memory report, uint256[] memory indices)
        private
    {
        (bytes32[] memory rs, bytes32[] memory ss, bytes32 rawVs) = _sign(context, report, indices);
        vm.prank(sender);
        verifier.transmit(context, report, rs, ss, rawVs);
    }

    function _transmitRefused(
        address sender,
        bytes32[3] memory context,
        bytes memory report,
        uint256[] memory indices,
        bytes memory want
    ) private {
        (bytes32[] memory rs, bytes32[] memory ss, bytes32 rawVs) = _sign(context, report, indices);
        vm.prank(sender);
        vm.expectRevert(want);
        verifier.transmit(context, report, rs, ss, rawVs);
    }

    function _digest() private view returns (bytes32 digest) {
        (,, digest) = verifier.latestConfigDetails();
    }
}
