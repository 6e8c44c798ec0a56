// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TestBase} from "../testing/TestBase.t.sol";
import {ModelRegistry} from "./ModelRegistry.sol";

/// @dev Does random admissible things as one of three people and remembers what the registry must hold.
contract RegistryHandler is TestBase {
    struct Entry {
        uint256 modelId;
        uint32 version;
        bool active;
    }

    ModelRegistry private immutable REGISTRY;
    bytes32[] private digests;
    mapping(bytes32 digest => Entry) private entries;
    address[] private owners;
    uint32[] private counts;

    constructor(ModelRegistry registry) {
        REGISTRY = registry;
    }

    function register(uint256 who, bytes32 salt) external {
        bytes32 digest = _fresh(salt);
        address owner = _person(who);
        vm.prank(owner);
        uint256 id = REGISTRY.register("model", digest, "ipfs://manifest");
        owners.push(owner);
        counts.push(1);
        digests.push(digest);
        entries[digest] = Entry(id, 1, true);
        _equal(id, owners.length, "ids count up");
    }

    function addVersion(uint256 which, bytes32 salt) external {
        if (owners.length == 0) return;
        uint256 id = 1 + which % owners.length;
        bytes32 digest = _fresh(salt);
        vm.prank(owners[id - 1]);
        uint32 version = REGISTRY.addVersion(id, digest, "ipfs://manifest");
        _equal(version, ++counts[id - 1], "versions count up");
        digests.push(digest);
        entries[digest] = Entry(id, version, true);
    }

    function setActive(uint256 which, bool active) external {
        if (digests.length == 0) return;
        Entry storage entry = entries[digests[which % digests.length]];
        vm.prank(owners[entry.modelId - 1]);
        REGISTRY.setVersionActive(entry.modelId, entry.version, active);
        entry.active = active;
    }

    function transfer(uint256 which, uint256 who) external {
        if (owners.length == 0) return;
        uint256 id = 1 + which % owners.length;
        address next = _person(who);
        vm.prank(owners[id - 1]);
        REGISTRY.transferModelOwnership(id, next);
        vm.prank(next);
        REGISTRY.acceptModelOwnership(id);
        owners[id - 1] = next;
    }

    function check() external view {
        _equal(REGISTRY.modelCount(), owners.length, "models");
        for (uint256 i = 0; i < digests.length; ++i) {
            Entry memory entry = entries[digests[i]];
            (uint256 id, uint32 version) = REGISTRY.find(digests[i]);
            _equal(id, entry.modelId, "model of the digest");
            _equal(version, entry.version, "version of the digest");
            (bytes32 digest,, bool active,) = REGISTRY.getVersion(id, version);
            _equal(digest, digests[i], "digest of the version");
            _true(active == entry.active && REGISTRY.isActive(digest) == active, "active");
        }
        uint256 total;
        for (uint256 i = 0; i < owners.length; ++i) {
            (address owner, address pending,, uint32 count) = REGISTRY.getModel(i + 1);
            _equal(owner, owners[i], "owner");
            _equal(pending, address(0), "nobody pending");
            _equal(count, counts[i], "versions");
            _checkNewest(i + 1);
            total += count;
        }
        _equal(total, digests.length, "a digest for each version");
    }

    /// @dev Looks for the newest active version by hand.
    function _checkNewest(uint256 id) private view {
        uint32 newest = 0;
        bytes32 want;
        for (uint256 i = 0; i < digests.length; ++i) {
            Entry memory entry = entries[digests[i]];
            if (entry.modelId != id || !entry.active || entry.version <= newest) continue;
            (newest, want) = (entry.version, digests[i]);
        }
        if (newest == 0) {
            try REGISTRY.resolve(id, 0) {
                _true(false, "resolved nothing");
            } catch (bytes memory reason) {
                _equal(
                    keccak256(reason),
                    keccak256(abi.encodeWithSelector(ModelRegistry.ModelRegistry__NoActiveVersion.selector, id)),
                    "none is active"
                );
            }
            return;
        }
        (uint32 version, bytes32 digest) = REGISTRY.resolve(id, 0);
        _equal(version, newest, "newest active");
        _equal(digest, want, "its digest");
    }

    function _fresh(bytes32 salt) private view returns (bytes32) {
        return keccak256(abi.encode(salt, digests.length));
    }

    function _person(uint256 who) private pure returns (address) {
        return address(uint160(0xA11CE + who % 3));
    }
}

contract ModelRegistryTest is TestBase {
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);
    bytes32 private constant DIGEST = keccak256("manifest");
    string private constant URI = "ipfs://manifest";

    ModelRegistry private registry;
    RegistryHandler private handler;

    event ModelRegistered(uint256 indexed modelId, address indexed owner, string name);
    event ModelVersionAdded(
        uint256 indexed modelId, uint32 indexed version, bytes32 indexed manifestDigest, string uri
    );
    event ModelVersionActiveSet(uint256 indexed modelId, uint32 indexed version, bool active);
    event ModelOwnershipTransferStarted(
        uint256 indexed modelId, address indexed previousOwner, address indexed newOwner
    );
    event ModelOwnershipTransferred(uint256 indexed modelId, address indexed previousOwner, address indexed newOwner);

    function setUp() external {
        vm.warp(1_700_000_000);
        registry = new ModelRegistry();
        handler = new RegistryHandler(registry);
        bytes4[] memory functions = new bytes4[](4);
        functions[0] = RegistryHandler.register.selector;
        functions[1] = RegistryHandler.addVersion.selector;
        functions[2] = RegistryHandler.setActive.selector;
        functions[3] = RegistryHandler.transfer.selector;
        _target(address(handler), functions);
    }

    function invariant_everyDigestIsOneVersion() external view {
        handler.check();
    }

    function test_register() external {
        vm.expectEmit(true, true, true, true, address(registry));
        emit ModelRegistered(1, ALICE, "scorer");
        vm.expectEmit(true, true, true, true, address(registry));
        emit ModelVersionAdded(1, 1, DIGEST, URI);
        vm.prank(ALICE);
        _equal(registry.register("scorer", DIGEST, URI), 1, "id");

        (address owner, address pending, string memory name, uint32 count) = registry.getModel(1);
        _equal(owner, ALICE, "owner");
        _equal(pending, address(0), "pending");
        _equal(keccak256(bytes(name)), keccak256("scorer"), "name");
        _equal(count, 1, "versions");
        (bytes32 digest, string memory uri, bool active, uint64 registeredAt) = registry.getVersion(1, 1);
        _equal(digest, DIGEST, "digest");
        _equal(keccak256(bytes(uri)), keccak256(bytes(URI)), "uri");
        _true(active && registry.isActive(DIGEST), "active");
        _equal(registeredAt, block.timestamp, "time");
    }

    function test_versionsSwitch() external {
        _register();
        vm.expectEmit(true, true, false, true, address(registry));
        emit ModelVersionActiveSet(1, 1, false);
        vm.prank(ALICE);
        registry.setVersionActive(1, 1, false);
        _true(!registry.isActive(DIGEST), "off");
        vm.prank(ALICE);
        registry.setVersionActive(1, 1, true);
        _true(registry.isActive(DIGEST), "on");
    }

    function test_resolve() external {
        _register();
        vm.prank(ALICE);
        registry.addVersion(1, keccak256("next"), URI);
        (uint32 version, bytes32 digest) = registry.resolve(1, 0);
        _equal(version, 2, "newest");
        _equal(digest, keccak256("next"), "its digest");
        (version, digest) = registry.resolve(1, 1);
        _equal(version, 1, "named");
        _equal(digest, DIGEST, "digest");
        vm.prank(ALICE);
        registry.setVersionActive(1, 2, false);
        (version,) = registry.resolve(1, 0);
        _equal(version, 1, "the one before");
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.ModelRegistry__InactiveVersion.selector, 1, 2));
        registry.resolve(1, 2);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.ModelRegistry__UnknownVersion.selector, 1, 3));
        registry.resolve(1, 3);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.ModelRegistry__UnknownModel.selector, 2));
        registry.resolve(2, 0);
    }

    function testFuzz_unknownDigests(bytes32 digest) external {
        if (digest == DIGEST) return;
        _register();
        (uint256 id, uint32 version) = registry.find(digest);
        _equal(id + version, 0, "not found");
        _true(!registry.isActive(digest), "not active");
    }

    function test_ownershipMovesInTwoSteps() external {
        _register();
        vm.expectEmit(true, true, true, true, address(registry));
        emit ModelOwnershipTransferStarted(1, ALICE, BOB);
        vm.prank(ALICE);
        registry.transferModelOwnership(1, BOB);
        (address owner, address pending,,) = registry.getModel(1);
        _equal(owner, ALICE, "not yet");
        _equal(pending, BOB, "pending");

        vm.expectEmit(true, true, true, true, address(registry));
        emit ModelOwnershipTransferred(1, ALICE, BOB);
        vm.prank(BOB);
        registry.acceptModelOwnership(1);
        (owner, pending,,) = registry.getModel(1);
        _equal(owner, BOB, "moved");
        _equal(pending, address(0), "done");

        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.ModelRegistry__NotOwner.selector, 1, ALICE));
        vm.prank(ALICE);
        registry.addVersion(1, keccak256("next"), URI);
    }

    function test_anOfferCanBeWithdrawn() external {
        _register();
        vm.prank(ALICE);
        registry.transferModelOwnership(1, BOB);
        vm.prank(ALICE);
        registry.transferModelOwnership(1, address(0));
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.ModelRegistry__NotPendingOwner.selector, 1, BOB));
        vm.prank(BOB);
        registry.acceptModelOwnership(1);
    }

    function testFuzz_strangersChangeNothing(address stranger) external {
        // Nobody can send from the zero address.
        if (stranger == ALICE || stranger == address(0)) return;
        _register();
        bytes memory refused = abi.encodeWithSelector(ModelRegistry.ModelRegistry__NotOwner.selector, 1, stranger);
        vm.expectRevert(refused);
        vm.prank(stranger);
        registry.addVersion(1, keccak256("next"), URI);
        vm.expectRevert(refused);
        vm.prank(stranger);
        registry.setVersionActive(1, 1, false);
        vm.expectRevert(refused);
        vm.prank(stranger);
        registry.transferModelOwnership(1, stranger);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.ModelRegistry__NotPendingOwner.selector, 1, stranger));
        vm.prank(stranger);
        registry.acceptModelOwnership(1);
    }

    function test_aDigestIsRegisteredOnce() external {
        _register();
        bytes memory taken =
            abi.encodeWithSelector(ModelRegistry.ModelRegistry__DigestTaken.selector, DIGEST, uint256(1), uint32(1));
        vm.expectRevert(taken);
        vm.prank(BOB);
        registry.register("copy", DIGEST, URI);
        vm.expectRevert(taken);
        vm.prank(ALICE);
        registry.addVersion(1, DIGEST, URI);
        vm.expectRevert(ModelRegistry.ModelRegistry__ZeroDigest.selector);
        registry.register("zero", bytes32(0), URI);
        _equal(registry.modelCount(), 1, "one model");
    }

    function testFuzz_lengths(uint256 name, uint256 uri) external {
        name = _bound(name, 0, 70);
        uri = _bound(uri, 0, 520);
        if (name == 0 || name > 64) {
            vm.expectRevert(abi.encodeWithSelector(ModelRegistry.ModelRegistry__NameLength.selector, name, 1, 64));
        } else if (uri == 0 || uri > 512) {
            vm.expectRevert(abi.encodeWithSelector(ModelRegistry.ModelRegistry__UriLength.selector, uri, 1, 512));
        }
        registry.register(string(new bytes(name)), DIGEST, string(new bytes(uri)));
    }

    function testFuzz_unknownModelsAndVersions(uint256 id, uint32 version) external {
        _register();
        if (id == 1) {
            if (version == 1) return;
            bytes memory unknown =
                abi.encodeWithSelector(ModelRegistry.ModelRegistry__UnknownVersion.selector, 1, version);
            vm.expectRevert(unknown);
            registry.getVersion(1, version);
            vm.expectRevert(unknown);
            vm.prank(ALICE);
            registry.setVersionActive(1, version, false);
            return;
        }
        bytes memory reason = abi.encodeWithSelector(ModelRegistry.ModelRegistry__UnknownModel.selector, id);
        vm.expectRevert(reason);
        registry.getModel(id);
        vm.expectRevert(reason);
        registry.getVersion(id, version);
        vm.expectRevert(reason);
        registry.addVersion(id, keccak256("next"), URI);
        vm.expectRevert(reason);
        registry.acceptModelOwnership(id);
    }

    function _register() private {
        vm.prank(ALICE);
        registry.register("scorer", DIGEST, URI);
    }
}
