// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Vectors in as few storage slots as their elements need
/// @notice Every element takes as many bytes as the widest one of its vector: four numbers below 2^31 and the times of
///         a round share one slot, where a slot for each number would make a report cost 15000 gas more.
/// @dev The first slot begins, from its lowest bit on, with `uint32 startedAt, uint32 updatedAt, uint8 width` (bytes an
///      element). Elements follow in two's complement, none across two slots. What is left of an earlier, wider vector
///      behind the last element is never read: width and length tell where a vector ends.
library PackedVector {
    /// @notice Elements a vector may have.
    uint256 internal constant MAX_LENGTH = 32;

    /// @notice Slots of the longest vector of the widest elements: none of 192 bits fits beside the header.
    uint256 internal constant SLOTS = 1 + MAX_LENGTH;

    uint256 private constant HEADER_BITS = 72;
    uint256 private constant SLOT_BITS = 256;

    /// @notice Where one vector is kept.
    struct Place {
        uint256[SLOTS] words;
    }

    /// @notice Overwrites a place. `answers` has at most `MAX_LENGTH` elements.
    function write(Place storage place, int192[] calldata answers, uint32 startedAt, uint32 updatedAt)
        internal
    {
        uint256 bits = _bitsOf(answers);
        uint256 word = uint256(startedAt) | uint256(updatedAt) << 32 | (bits / 8) << 64;
        uint256 shift = HEADER_BITS;
        uint256 slot = 0;
        // No overflow: `bits` is 8 to 192, `shift` at most 256, `slot` at most the number of elements.
        unchecked {
            uint256 mask = (1 << bits) - 1;
            for (uint256 i = 0; i < answers.length; ++i) {
                if (shift + bits > SLOT_BITS) {
                    place.words[slot++] = word;
                    (word, shift) = (0, 0);
                }
                word |= (uint256(int256(answers[i])) & mask) << shift;
                shift += bits;
            }
        }
        place.words[slot] = word;
    }

    /// @notice The first `length` elements of what was written.
    function read(Place storage place, uint256 length)
        internal
        view
        returns (int192[] memory answers, uint32 startedAt, uint32 updatedAt)
    {
        uint256 bits;
        uint256 word = place.words[0];
        (startedAt, updatedAt, bits) = _header(word);
        answers = new int192[](length);
        uint256 shift = HEADER_BITS;
        uint256 slot = 0;
        // No overflow: as in `write`, whose steps these are.
        unchecked {
            for (uint256 i = 0; i < length; ++i) {
                if (shift + bits > SLOT_BITS) {
                    word = place.words[++slot];
                    shift = 0;
                }
                answers[i] = _element(word, shift, bits);
                shift += bits;
            }
        }
    }

    /// @notice One element of what was written, below its length.
    function readElement(Place storage place, uint256 index)
        internal
        view
        returns (int192 answer, uint32 startedAt, uint32 updatedAt)
    {
        uint256 bits;
        uint256 word = place.words[0];
        (startedAt, updatedAt, bits) = _header(word);
        uint256 first = (SLOT_BITS - HEADER_BITS) / bits;
        if (index < first) return (_element(word, HEADER_BITS + index * bits, bits), startedAt, updatedAt);
        uint256 each = SLOT_BITS / bits;
        uint256 rest = index - first;
        return (_element(place.words[1 + rest / each], (rest % each) * bits, bits), startedAt, updatedAt);
    }

    /// @dev Fewest whole bytes in which every element has its sign.
    function _bitsOf(int192[] calldata answers) private pure returns (uint256 bits) {
        uint256 magnitude = 0;
        for (uint256 i = 0; i < answers.length; ++i) {
            int256 answer = answers[i];
            // ~x for a negative x: both need as many bits.
            magnitude |= uint256(answer ^ (answer >> 255));
        }
        bits = 8;
        while (magnitude >> (bits - 1) != 0) bits += 8;
    }

    function _header(uint256 word) private pure returns (uint32 startedAt, uint32 updatedAt, uint256 bits) {
        return (uint32(word), uint32(word >> 32), uint256(uint8(word >> 64)) * 8);
    }

    /// @dev `shift + bits` is at most 256. Shifts left to drop what is above, then back with the sign.
    function _element(uint256 word, uint256 shift, uint256 bits) private pure returns (int192) {
        // No underflow: see above, and bits is at most 192.
        unchecked {
            return int192(int256(word << (SLOT_BITS - shift - bits)) >> (SLOT_BITS - bits));
        }
    }
}
