// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title What a contract offers that wants its output before it pays
/// @notice The name and arguments of Uniswap V2's callback.
interface IFlashSwapReceiver {
    /// @notice Called between payout and the check of the product.
    function uniswapV2Call(address sender, uint256 amount0, uint256 amount1, bytes calldata data) external;
}

/// @title A constant-product pool with the events and entry points of a Uniswap V2 pair
/// @notice For development networks and tests: what indexes and trades against a Uniswap V2 pair works against this.
///         Fee 0.3%, all of it to the liquidity providers. Callers send tokens first and then call.
/// @dev Whitepaper: Adams, Zinsmeister, Robinson, "Uniswap v2 Core" (2020), sections 3.2 and 3.4.
contract ConstantProductPool is ERC20, ReentrancyGuard {
    using SafeERC20 for IERC20;

    /// @notice Shares that the first provider gives up, which makes it dear to price out the others (section 3.4).
    uint256 public constant MINIMUM_LIQUIDITY = 1000;

    /// @dev Nobody's account: shares minted to it are locked.
    address private constant LOCK = address(0xdEaD);

    uint256 private constant FEE_DENOMINATOR = 1000;
    uint256 private constant FEE = 3;

    IERC20 private immutable TOKEN0;
    IERC20 private immutable TOKEN1;

    uint112 private reserve0;
    uint112 private reserve1;
    uint32 private blockTimestampLast;

    /// @notice Liquidity came in.
    event Mint(address indexed sender, uint256 amount0, uint256 amount1);

    /// @notice Liquidity went out.
    event Burn(address indexed sender, uint256 amount0, uint256 amount1, address indexed to);

    /// @notice A trade.
    event Swap(
        address indexed sender,
        uint256 amount0In,
        uint256 amount1In,
        uint256 amount0Out,
        uint256 amount1Out,
        address indexed to
    );

    /// @notice The reserves after any of the above.
    event Sync(uint112 reserve0, uint112 reserve1);

    error ConstantProductPool__ZeroToken();
    error ConstantProductPool__SameToken(address token);
    error ConstantProductPool__InsufficientLiquidityMinted();
    error ConstantProductPool__InsufficientLiquidityBurned();
    error ConstantProductPool__InsufficientOutput();
    error ConstantProductPool__InsufficientInput();
    error ConstantProductPool__InsufficientLiquidity(uint256 amount0Out, uint256 amount1Out);
    error ConstantProductPool__InvalidRecipient(address to);
    error ConstantProductPool__ProductDecreased();
    error ConstantProductPool__ReserveOverflow(uint256 balance0, uint256 balance1);

    /// @param tokenA one token
    /// @param tokenB the other; the lower address becomes token0
    constructor(address tokenA, address tokenB) ERC20("Constant Product Pool Share", "CPP") {
        if (tokenA == address(0) || tokenB == address(0)) revert ConstantProductPool__ZeroToken();
        if (tokenA == tokenB) revert ConstantProductPool__SameToken(tokenA);
        (TOKEN0, TOKEN1) = tokenA < tokenB ? (IERC20(tokenA), IERC20(tokenB)) : (IERC20(tokenB), IERC20(tokenA));
    }

    /// @notice Turns tokens sent to the pool beforehand into shares for `to`.
    /// @return liquidity shares minted
    function mint(address to) external nonReentrant returns (uint256 liquidity) {
        (uint256 balance0, uint256 balance1) = _balances();
        uint256 amount0 = balance0 - reserve0;
        uint256 amount1 = balance1 - reserve1;
        uint256 supply = totalSupply();
        if (supply == 0) {
            uint256 shares = Math.sqrt(amount0 * amount1);
            if (shares <= MINIMUM_LIQUIDITY) revert ConstantProductPool__InsufficientLiquidityMinted();
            liquidity = shares - MINIMUM_LIQUIDITY;
            _mint(LOCK, MINIMUM_LIQUIDITY);
        } else {
            liquidity = Math.min(amount0 * supply / reserve0, amount1 * supply / reserve1);
            if (liquidity == 0) revert ConstantProductPool__InsufficientLiquidityMinted();
        }
        _mint(to, liquidity);
        _update(balance0, balance1);
        emit Mint(msg.sender, amount0, amount1);
    }

    /// @notice Turns shares sent to the pool beforehand into tokens for `to`.
    /// @return amount0 token0 paid out
    /// @return amount1 token1 paid out
    function burn(address to) external nonReentrant returns (uint256 amount0, uint256 amount1) {
        _checkRecipient(to);
        (uint256 balance0, uint256 balance1) = _balances();
        uint256 liquidity = balanceOf(address(this));
        uint256 supply = totalSupply();
        if (liquidity == 0) revert ConstantProductPool__InsufficientLiquidityBurned();
        amount0 = liquidity * balance0 / supply;
        amount1 = liquidity * balance1 / supply;
        if (amount0 == 0 || amount1 == 0) revert ConstantProductPool__InsufficientLiquidityBurned();
        _burn(address(this), liquidity);
        TOKEN0.safeTransfer(to, amount0);
        TOKEN1.safeTransfer(to, amount1);
        (balance0, balance1) = _balances();
        _update(balance0, balance1);
        emit Burn(msg.sender, amount0, amount1, to);
    }

    /// @notice Pays out and checks that enough came in, before the call or in the callback.
    /// @param amount0Out token0 to pay out
    /// @param amount1Out token1 to pay out
    /// @param to who gets it; neither token
    /// @param data not empty: `to` is called with it before the check
    function swap(uint256 amount0Out, uint256 amount1Out, address to, bytes calldata data) external nonReentrant {
        if (amount0Out == 0 && amount1Out == 0) revert ConstantProductPool__InsufficientOutput();
        (uint256 before0, uint256 before1) = (reserve0, reserve1);
        if (amount0Out >= before0 || amount1Out >= before1) {
            revert ConstantProductPool__InsufficientLiquidity(amount0Out, amount1Out);
        }
        _checkRecipient(to);
        if (amount0Out > 0) TOKEN0.safeTransfer(to, amount0Out);
        if (amount1Out > 0) TOKEN1.safeTransfer(to, amount1Out);
        if (data.length > 0) IFlashSwapReceiver(to).uniswapV2Call(msg.sender, amount0Out, amount1Out, data);

        (uint256 balance0, uint256 balance1) = _balances();
        uint256 amount0In = balance0 > before0 - amount0Out ? balance0 - (before0 - amount0Out) : 0;
        uint256 amount1In = balance1 > before1 - amount1Out ? balance1 - (before1 - amount1Out) : 0;
        if (amount0In == 0 && amount1In == 0) revert ConstantProductPool__InsufficientInput();
        _checkProduct(balance0, balance1, amount0In, amount1In, before0 * before1);
        _update(balance0, balance1);
        emit Swap(msg.sender, amount0In, amount1In, amount0Out, amount1Out, to);
    }

    /// @notice The token with the lower address.
    function token0() external view returns (address) {
        return address(TOKEN0);
    }

    /// @notice The token with the higher address.
    function token1() external view returns (address) {
        return address(TOKEN1);
    }

    /// @notice Reserves, and the time of the block in which they last changed.
    function getReserves() external view returns (uint112 reserve0_, uint112 reserve1_, uint32 blockTimestampLast_) {
        return (reserve0, reserve1, blockTimestampLast);
    }

    /// @dev Section 3.2.1: (1000 x - 3 in)(1000 y - 3 in) >= 1000^2 x0 y0. Reserves fit 112 bits, so nothing overflows.
    function _checkProduct(uint256 balance0, uint256 balance1, uint256 in0, uint256 in1, uint256 product)
        private
        pure
    {
        _checkReserves(balance0, balance1);
        uint256 adjusted0 = balance0 * FEE_DENOMINATOR - in0 * FEE;
        uint256 adjusted1 = balance1 * FEE_DENOMINATOR - in1 * FEE;
        if (adjusted0 * adjusted1 < product * FEE_DENOMINATOR ** 2) revert ConstantProductPool__ProductDecreased();
    }

    function _checkReserves(uint256 balance0, uint256 balance1) private pure {
        if (balance0 > type(uint112).max || balance1 > type(uint112).max) {
            revert ConstantProductPool__ReserveOverflow(balance0, balance1);
        }
    }

    function _checkRecipient(address to) private view {
        if (to == address(TOKEN0) || to == address(TOKEN1)) revert ConstantProductPool__InvalidRecipient(to);
    }

    function _balances() private view returns (uint256, uint256) {
        return (TOKEN0.balanceOf(address(this)), TOKEN1.balanceOf(address(this)));
    }

    function _update(uint256 balance0, uint256 balance1) private {
        _checkReserves(balance0, balance1);
        reserve0 = uint112(balance0);
        reserve1 = uint112(balance1);
        blockTimestampLast = uint32(block.timestamp);
        emit Sync(uint112(balance0), uint112(balance1));
    }
}
