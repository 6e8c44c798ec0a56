// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {TestToken} from "./TestToken.sol";

/// @title Many transfers in one transaction, for measuring an index
contract TransferBurst {
    using SafeERC20 for TestToken;

    /// @notice Sends one base unit of `token`, minted to this contract first, to `count` accounts that follow each other.
    /// @param token a test token
    /// @param first the first of the accounts
    /// @param count how many transfers
    function burst(TestToken token, uint160 first, uint256 count) external {
        token.mint(address(this), count);
        for (uint256 i = 0; i < count; ++i) {
            token.safeTransfer(address(first + uint160(i)), 1);
        }
    }
}
