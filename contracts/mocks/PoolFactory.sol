// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ConstantProductPool} from "./ConstantProductPool.sol";

/// @title Makes pools of two tokens, as the factory of Uniswap V2 does
/// @notice For development networks and tests of an index that follows what a factory makes.
contract PoolFactory {
    address[] private pools;

    /// @notice A pool was made.
    /// @param token0 the lower address of the two tokens
    /// @param token1 the higher one
    /// @param pool the new pool
    /// @param count how many there are now
    event PairCreated(address indexed token0, address indexed token1, address pool, uint256 count);

    /// @notice Makes a pool; several of one pair are fine here.
    /// @param tokenA one token
    /// @param tokenB the other one
    /// @return pool the new pool
    function createPair(address tokenA, address tokenB) external returns (ConstantProductPool pool) {
        pool = new ConstantProductPool(tokenA, tokenB);
        pools.push(address(pool));
        emit PairCreated(pool.token0(), pool.token1(), address(pool), pools.length);
    }
}
