// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Write-once bytes kept as the code of a contract
/// @notice Reading code costs 2600 gas for the first touch and 3 gas a word after it, where storage costs 2100 gas
///         a word. A quorum's configuration is written rarely and read whole on every report, so it lives in code.
/// @dev The stored code begins with STOP, so a call to it does nothing.
library ConfigStore {
    /// @dev EIP-170 caps code at 24576 bytes; one of them is the leading STOP.
    uint256 internal constant MAX_LENGTH = 24_575;

    error ConfigStore__TooLong(uint256 length);
    error ConfigStore__CreationFailed();

    /// @notice Stores `data` for good.
    /// @param data at most `MAX_LENGTH` bytes
    /// @return pointer the address whose code is STOP followed by `data`
    function write(bytes memory data) internal returns (address pointer) {
        if (data.length > MAX_LENGTH) revert ConfigStore__TooLong(data.length);
        // Init code: PUSH2 size, DUP1, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN (ten bytes), then the
        // code to install. RETURNDATASIZE is the cheapest zero while no call was made.
        bytes memory initCode =
            abi.encodePacked(hex"61", uint16(data.length + 1), hex"80600a3d393df3", hex"00", data);
        assembly ("memory-safe") {
            pointer := create(0, add(initCode, 32), mload(initCode))
        }
        if (pointer == address(0)) revert ConfigStore__CreationFailed();
    }

    /// @notice Reads `length` bytes from `offset` on. Bytes beyond what was stored read as zero.
    /// @param pointer an address returned by `write`
    function read(address pointer, uint256 offset, uint256 length) internal view returns (bytes memory data) {
        // EXTCODECOPY fills the whole array, zeros included, so it need not be cleared first.
        assembly ("memory-safe") {
            data := mload(64)
            mstore(64, add(data, and(add(length, 63), not(31))))
            mstore(data, length)
            extcodecopy(pointer, add(data, 32), add(offset, 1), length)
        }
    }
}
