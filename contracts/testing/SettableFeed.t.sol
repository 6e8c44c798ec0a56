// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {OracleFeed} from "../oracle/OracleFeed.sol";

/// @title A feed that takes answers without signatures, for tests of what reads feeds
/// @notice 8 decimals, answers from 0 to 1e18, a heartbeat of an hour.
contract SettableFeed is OracleFeed {
    uint40 private round;

    /// @dev It owns itself, and has no code to call before the constructor ends: `configure` comes after.
    constructor() OracleFeed(address(this), 8, "TEST") {}

    function configure() external {
        address[] memory list = new address[](4);
        for (uint256 i = 0; i < 4; ++i) list[i] = address(uint160(0x1000 + i));
        bytes memory config = abi.encode(uint8(1), int192(0), int192(1e18), uint32(1 hours), bytes32(0));
        this.setConfig(list, list, 1, config, 30, "");
    }

    /// @notice Becomes the latest answer, observed at `observedAt`.
    function set(int192 answer, uint256 observedAt) external {
        this.take(abi.encode(uint32(observedAt), answer, bytes32(0), bytes32(0)));
    }

    function take(bytes calldata report) external {
        _onReport(bytes32(uint256(1)), ++round, bytes32(0), report);
    }
}
