// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TestBase} from "../testing/TestBase.t.sol";
import {ActiveVersions} from "./ActiveVersions.sol";

contract ActiveVersionsTest is TestBase {
    using ActiveVersions for ActiveVersions.Set;

    ActiveVersions.Set private set;

    /// @dev Members far apart and close together, added and removed in any order, against a list.
    function testFuzz_theGreatestMember(uint32[12] calldata numbers, uint256 seed) external {
        bool[12] memory members;
        for (uint256 step = 0; step < 40; ++step) {
            uint256 which = uint256(keccak256(abi.encode(seed, step))) % 12;
            uint32 number = _number(numbers, which);
            if (uint256(keccak256(abi.encode(step, seed))) % 2 == 0) set.add(number);
            else set.remove(number);
            for (uint256 i = 0; i < 12; ++i) {
                if (_number(numbers, i) == number) members[i] = uint256(keccak256(abi.encode(step, seed))) % 2 == 0;
            }
            uint32 greatest = 0;
            for (uint256 i = 0; i < 12; ++i) {
                if (members[i] && _number(numbers, i) > greatest) greatest = _number(numbers, i);
            }
            _equal(set.greatest(), greatest, "greatest");
        }
    }

    function test_bothEnds() external {
        _equal(set.greatest(), 0, "empty");
        set.add(1);
        set.add(type(uint32).max);
        _equal(set.greatest(), type(uint32).max, "last");
        set.remove(type(uint32).max);
        _equal(set.greatest(), 1, "first");
        set.remove(1);
        set.remove(1);
        _equal(set.greatest(), 0, "empty again");
    }

    /// @dev Half of them small, so that words are shared.
    function _number(uint32[12] calldata numbers, uint256 i) private pure returns (uint32) {
        uint32 number = i % 2 == 0 ? numbers[i] % 600 : numbers[i];
        return number == 0 ? 1 : number;
    }
}
