// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TestBase} from "../testing/TestBase.t.sol";
import {PackedVector} from "./PackedVector.sol";

/// @dev One place, written and read from outside.
contract Packed {
    using PackedVector for PackedVector.Place;

    PackedVector.Place private place;

    function write(int192[] calldata answers, uint32 startedAt, uint32 updatedAt) external {
        place.write(answers, startedAt, updatedAt);
    }

    function read(uint256 length) external view returns (int192[] memory, uint32, uint32) {
        return place.read(length);
    }

    function readElement(uint256 index) external view returns (int192, uint32, uint32) {
        return place.readElement(index);
    }

    /// @notice Slots that hold something.
    function used() external view returns (uint256 count) {
        for (uint256 i = 0; i < PackedVector.SLOTS; ++i) if (place.words[i] != 0) ++count;
    }
}

contract PackedVectorTest is TestBase {
    Packed private packed;

    function setUp() external {
        packed = new Packed();
    }

    /// @dev Two vectors in one place, of any widths: what the first leaves behind never shows.
    function testFuzz_readsWhatWasWritten(int192[32] calldata values, uint256 length, uint256 width, uint256 seed)
        external
    {
        for (uint256 pass = 0; pass < 2; ++pass) {
            length = _bound(uint256(keccak256(abi.encode(length, seed, pass))), 1, 32);
            width = _bound(uint256(keccak256(abi.encode(width, seed, pass))), 1, 192);
            int192[] memory answers = new int192[](length);
            // Drops what is above the width, and keeps the sign.
            for (uint256 i = 0; i < length; ++i) answers[i] = int192(int256(values[i]) >> (192 - width));
            uint32 startedAt = uint32(seed);
            uint32 updatedAt = uint32(seed >> 32);
            packed.write(answers, startedAt, updatedAt);
            _shows(answers, startedAt, updatedAt);
        }
    }

    function test_theEdgesOfEveryWidth() external {
        for (uint256 bits = 8; bits <= 192; bits += 8) {
            int192[] memory answers = new int192[](32);
            int256 limit = int256(1 << (bits - 1));
            for (uint256 i = 0; i < 32; ++i) {
                answers[i] = i % 4 == 0 ? int192(limit - 1) : i % 4 == 1 ? int192(-limit) : i % 4 == 2 ? int192(-1) : int192(0);
            }
            packed.write(answers, type(uint32).max, 1);
            _shows(answers, type(uint32).max, 1);
        }
    }

    function test_fourSmallNumbersTakeOneSlot() external {
        int192[] memory answers = new int192[](4);
        for (uint256 i = 0; i < 4; ++i) answers[i] = type(int32).max;
        packed.write(answers, 1, 2);
        _equal(packed.used(), 1, "32 bits each");
        // 40 bits each: 4 * 40 + 72 fit too, 4 * 48 + 72 do not.
        answers[3] = int192(1) << 38;
        packed.write(answers, 1, 2);
        _equal(packed.used(), 1, "40 bits each");
        answers[3] = int192(1) << 39;
        packed.write(answers, 1, 2);
        _equal(packed.used(), 2, "48 bits each");
    }

    function _shows(int192[] memory want, uint32 startedAt, uint32 updatedAt) private view {
        (int192[] memory got, uint32 gotStarted, uint32 gotUpdated) = packed.read(want.length);
        _equal(got.length, want.length, "length");
        _equal(gotStarted, startedAt, "started");
        _equal(gotUpdated, updatedAt, "updated");
        for (uint256 i = 0; i < want.length; ++i) {
            _equal(got[i], want[i], "of the whole");
            (int192 answer,,) = packed.readElement(i);
            _equal(answer, want[i], "alone");
        }
    }
}
