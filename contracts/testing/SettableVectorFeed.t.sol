// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {OracleVectorFeed} from "../oracle/OracleVectorFeed.sol";

/// @title A vector feed that takes answers without signatures, for tests
/// @notice 8 decimals, elements from -1000 to 1e18, a heartbeat of an hour, no model; element i is labelled 300 * (i + 1).
contract SettableVectorFeed is OracleVectorFeed {
    uint40 private round;

    /// @dev It owns itself, and has no code to call before the constructor ends: `configure` comes after.
    constructor(uint256 length) OracleVectorFeed(address(this), 8, length, "TEST") {}

    function configure() external {
        this.configureWith(int192(-1000), int192(1e18));
    }

    function configureWith(int192 min, int192 max) external {
        uint256[] memory labels = new uint256[](this.length());
        for (uint256 i = 0; i < labels.length; ++i) labels[i] = 300 * (i + 1);
        this.configureRaw(abi.encode(uint8(1), min, max, uint32(1 hours), bytes32(0), labels));
    }

    function configureRaw(bytes calldata config) external {
        address[] memory list = new address[](4);
        for (uint256 i = 0; i < 4; ++i) list[i] = address(uint160(0x1000 + i));
        this.setConfig(list, list, 1, config, 30, "");
    }

    /// @notice Becomes the latest vector, observed at `observedAt`; 3 of 4 agree, 5 apart.
    function set(int192[] calldata answers, uint256 observedAt) external {
        this.take(
            abi.encode(uint32(observedAt), keccak256("evidence"), bytes32(0), uint8(3), uint8(4), uint256(5), answers)
        );
    }

    function take(bytes calldata report) external {
        _onReport(bytes32(uint256(1)), ++round, bytes32(0), report);
    }
}
