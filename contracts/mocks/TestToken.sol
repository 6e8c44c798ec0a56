// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title An ERC-20 that anyone may mint, for development networks
contract TestToken is ERC20 {
    uint8 private immutable DECIMALS;

    /// @param name_ token name
    /// @param symbol_ token symbol
    /// @param decimals_ decimal places
    constructor(string memory name_, string memory symbol_, uint8 decimals_) ERC20(name_, symbol_) {
        DECIMALS = decimals_;
    }

    /// @notice Creates `amount` for `to`. Open to everyone.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Decimal places of an amount.
    function decimals() public view override returns (uint8) {
        return DECIMALS;
    }
}
