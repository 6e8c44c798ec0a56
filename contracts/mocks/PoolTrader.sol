// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ConstantProductPool} from "./ConstantProductPool.sol";
import {TestToken} from "./TestToken.sol";

/// @title A trade in one transaction, for simulated markets
contract PoolTrader {
    uint256 private constant FEE_DENOMINATOR = 1000;
    uint256 private constant FEE = 3;

    error PoolTrader__NothingOut(uint256 amountIn);

    /// @notice Mints `amountIn` of a test token into the pool and takes all that the pool gives for it.
    /// @param pool a pool of two test tokens
    /// @param zeroForOne true sells token0, false sells token1
    /// @param amountIn amount sold, in base units
    /// @return amountOut amount bought; it goes to the caller
    function trade(ConstantProductPool pool, bool zeroForOne, uint256 amountIn) external returns (uint256 amountOut) {
        (uint256 reserve0, uint256 reserve1,) = pool.getReserves();
        (uint256 reserveIn, uint256 reserveOut) = zeroForOne ? (reserve0, reserve1) : (reserve1, reserve0);
        uint256 charged = amountIn * (FEE_DENOMINATOR - FEE);
        amountOut = charged * reserveOut / (reserveIn * FEE_DENOMINATOR + charged);
        if (amountOut == 0) revert PoolTrader__NothingOut(amountIn);

        TestToken(zeroForOne ? pool.token0() : pool.token1()).mint(address(pool), amountIn);
        pool.swap(zeroForOne ? 0 : amountOut, zeroForOne ? amountOut : 0, msg.sender, "");
    }
}
