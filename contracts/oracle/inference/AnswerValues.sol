// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ConfigStore} from "../../quorum/ConfigStore.sol";

/// @title Where the values of an answer lie
/// @notice One value fills a storage slot; more of them become code, and the slot says where. Code costs 32000 gas and
///         6400 a value, storage 22100 a value.
library AnswerValues {
    /// @notice Keeps `values`.
    /// @return slot what `load` wants: the value itself, the address of the code, or zero for none
    function keep(int256[] memory values) internal returns (bytes32 slot) {
        if (values.length == 0) return 0;
        if (values.length == 1) return bytes32(uint256(values[0]));
        return bytes32(uint256(uint160(ConfigStore.write(abi.encodePacked(values)))));
    }

    /// @notice Reads `count` values back.
    function load(bytes32 slot, uint256 count) internal view returns (int256[] memory values) {
        values = new int256[](count);
        if (count == 0) return values;
        if (count == 1) {
            values[0] = int256(uint256(slot));
            return values;
        }
        bytes memory stored = ConfigStore.read(address(uint160(uint256(slot))), 0, 32 * count);
        for (uint256 i = 0; i < count; ++i) {
            assembly ("memory-safe") {
                mstore(add(add(values, 32), mul(i, 32)), mload(add(add(stored, 32), mul(i, 32))))
            }
        }
    }
}
