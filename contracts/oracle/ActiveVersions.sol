// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title A set of version numbers that knows its greatest member
/// @notice Adding, removing and the greatest member take four steps, however many versions there are.
/// @dev A tree of bitmaps with 256 branches and four levels covers 32 bits. Bit b of word i of a level says that word
///      256 i + b of the level below is not empty; on level 0 it says that the number is a member.
library ActiveVersions {
    uint256 private constant LEVELS = 4;

    struct Set {
        mapping(uint256 level => mapping(uint256 index => uint256 word)) words;
    }

    /// @notice Puts `version` into the set; nothing happens if it is a member.
    function add(Set storage set, uint32 version) internal {
        uint256 index = version;
        for (uint256 level = 0; level < LEVELS; ++level) {
            uint256 bit = 1 << (index & 255);
            index >>= 8;
            uint256 word = set.words[level][index];
            set.words[level][index] = word | bit;
            // The levels above know already.
            if (word != 0) return;
        }
    }

    /// @notice Takes `version` out of the set; nothing happens if it is no member.
    function remove(Set storage set, uint32 version) internal {
        uint256 index = version;
        for (uint256 level = 0; level < LEVELS; ++level) {
            uint256 bit = 1 << (index & 255);
            index >>= 8;
            uint256 word = set.words[level][index] & ~bit;
            set.words[level][index] = word;
            // What the levels above say is still true.
            if (word != 0) return;
        }
    }

    /// @notice The greatest member; zero for the empty set, and 0 itself is not meant to be a member.
    function greatest(Set storage set) internal view returns (uint32) {
        uint256 index = 0;
        for (uint256 level = LEVELS; level > 0; --level) {
            uint256 word = set.words[level - 1][index];
            if (word == 0) return 0;
            index = index << 8 | Math.log2(word);
        }
        // Cast: four levels give 32 bits.
        return uint32(index);
    }
}
