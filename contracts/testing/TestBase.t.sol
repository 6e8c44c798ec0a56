// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The cheat codes of the test runner that the tests use
interface CheatCodes {
    function warp(uint256 timestamp) external;
    function chainId(uint256 id) external;
    function roll(uint256 blockNumber) external;
    function setBlockhash(uint256 blockNumber, bytes32 hash) external;
    function txGasPrice(uint256 price) external;
    function deal(address account, uint256 balance) external;
    function mockCall(address callee, bytes calldata data, bytes calldata result) external;
    function prank(address sender) external;
    function sign(uint256 key, bytes32 hash) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function addr(uint256 key) external pure returns (address);
    function getCode(string calldata artifact) external view returns (bytes memory creationCode);
    function expectRevert(bytes4 selector) external;
    function expectRevert(bytes calldata reason) external;
    function expectEmit(bool topic1, bool topic2, bool topic3, bool data, address emitter) external;
}

/// @title What the Solidity tests share
/// @notice The cheat codes, the few assertions the tests use, and the hooks by which the runner learns what an
///         invariant test may call.
abstract contract TestBase {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    CheatCodes internal constant vm = CheatCodes(address(uint160(uint256(keccak256("hevm cheat code")))));

    address[] private targets;
    FuzzSelector[] private selectors;

    error TestBase__NotEqual(bytes32 got, bytes32 want, string what);
    error TestBase__False(string what);
    error TestBase__NotCreated(string artifact);

    /// @notice Read by the runner: contracts that an invariant test calls.
    function targetContracts() external view returns (address[] memory) {
        return targets;
    }

    /// @notice Read by the runner: functions that an invariant test calls.
    function targetSelectors() external view returns (FuzzSelector[] memory) {
        return selectors;
    }

    function _target(address handler, bytes4[] memory functions) internal {
        targets.push(handler);
        selectors.push(FuzzSelector(handler, functions));
    }

    /// @dev Creates a contract from its artifact. `new` would compile the contract once more into each test that says it:
    ///      for the large ones that took most of the time of a build.
    /// @param args The arguments of its constructor, encoded.
    function _create(string memory artifact, bytes memory args) internal returns (address created) {
        bytes memory code = bytes.concat(vm.getCode(artifact), args);
        assembly ("memory-safe") {
            created := create(0, add(code, 0x20), mload(code))
        }
        if (created == address(0)) revert TestBase__NotCreated(artifact);
    }

    function _true(bool condition, string memory what) internal pure {
        if (!condition) revert TestBase__False(what);
    }

    function _equal(uint256 got, uint256 want, string memory what) internal pure {
        if (got != want) revert TestBase__NotEqual(bytes32(got), bytes32(want), what);
    }

    function _equal(int256 got, int256 want, string memory what) internal pure {
        if (got != want) revert TestBase__NotEqual(bytes32(uint256(got)), bytes32(uint256(want)), what);
    }

    function _equal(bytes32 got, bytes32 want, string memory what) internal pure {
        if (got != want) revert TestBase__NotEqual(got, want, what);
    }

    function _equal(address got, address want, string memory what) internal pure {
        _equal(uint256(uint160(got)), uint256(uint160(want)), what);
    }

    /// @dev Maps x onto [min, max].
    function _bound(uint256 x, uint256 min, uint256 max) internal pure returns (uint256) {
        uint256 size = max - min;
        return size == type(uint256).max ? x : min + x % (size + 1);
    }
}
