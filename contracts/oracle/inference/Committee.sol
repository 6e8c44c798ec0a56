// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title A committee drawn by lot
library Committee {
    /// @notice Draws `size` of the numbers below `n`, each set of them equally likely: the first steps of a Fisher-Yates
    ///         shuffle. Step i swaps place i with place i + keccak256(abi.encode(seed, i)) mod (n - i).
    /// @param size at most n
    /// @param n at most 255
    /// @return drawn the numbers in the order in which they were drawn
    function draw(bytes32 seed, uint256 size, uint256 n) internal pure returns (uint8[] memory drawn) {
        uint8[] memory places = new uint8[](n);
        // Casts: n is at most 255.
        for (uint256 i = 0; i < n; ++i) places[i] = uint8(i);
        drawn = new uint8[](size);
        for (uint256 i = 0; i < size; ++i) {
            uint256 pick = i + uint256(keccak256(abi.encode(seed, i))) % (n - i);
            drawn[i] = places[pick];
            places[pick] = places[i];
        }
    }
}
