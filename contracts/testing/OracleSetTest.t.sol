// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TestBase} from "./TestBase.t.sol";

/// @title Oracle sets for the Solidity tests
/// @notice Keys, configurations and signatures of up to 31 oracles.
abstract contract OracleSetTest is TestBase {
    uint256 internal constant KEY = 1 << 128;

    /// @dev The arguments of `setConfig`.
    struct Set {
        address[] signers;
        address[] transmitters;
        uint8 f;
        bytes onchainConfig;
        uint64 offchainConfigVersion;
        bytes offchainConfig;
    }

    /// @dev n oracles that tolerate as many faults as n allows.
    function _set(uint256 n) internal pure returns (Set memory) {
        return Set(_signers(n), _transmitters(n), uint8((n - 1) / 3), hex"01", 30, hex"02");
    }

    function _signers(uint256 n) internal pure returns (address[] memory list) {
        list = new address[](n);
        for (uint256 i = 0; i < n; ++i) list[i] = vm.addr(KEY + i);
    }

    function _transmitters(uint256 n) internal pure returns (address[] memory list) {
        list = new address[](n);
        for (uint256 i = 0; i < n; ++i) list[i] = address(uint160(0x1000 + i));
    }

    /// @dev `size` of the indices below n, ascending, picked by `seed`.
    function _subset(uint256 n, uint256 size, uint256 seed) internal pure returns (uint256[] memory indices) {
        indices = new uint256[](size);
        uint256 picked = 0;
        for (uint256 i = 0; i < n && picked < size; ++i) {
            bool spare = n - i > size - picked;
            if (spare && uint256(keccak256(abi.encode(seed, i))) % n >= size) continue;
            indices[picked++] = i;
        }
    }

    /// @dev The last three arguments of `transmit`, signed by the oracles with these indices, in this order.
    function _sign(bytes32[3] memory context, bytes memory report, uint256[] memory indices)
        internal
        pure
        returns (bytes32[] memory rs, bytes32[] memory ss, bytes32 rawVs)
    {
        bytes32 hash = keccak256(bytes.concat(keccak256(report), context[0], context[1], context[2]));
        rs = new bytes32[](indices.length);
        ss = new bytes32[](indices.length);
        for (uint256 i = 0; i < indices.length; ++i) {
            uint8 v;
            (v, rs[i], ss[i]) = vm.sign(KEY + indices[i], hash);
            rawVs |= bytes32(uint256(v - 27) << (248 - 8 * i));
        }
    }
}
