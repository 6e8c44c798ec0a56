// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TestBase} from "../testing/TestBase.t.sol";
import {ConstantProductPool, IFlashSwapReceiver} from "./ConstantProductPool.sol";
import {PoolTrader} from "./PoolTrader.sol";
import {TestToken} from "./TestToken.sol";

/// @dev Adds, removes, trades and donates at random; every step checks that a share is never worth less.
contract PoolHandler is TestBase {
    ConstantProductPool private immutable POOL;
    TestToken private immutable TOKEN0;
    TestToken private immutable TOKEN1;
    PoolTrader private immutable TRADER;

    constructor(ConstantProductPool pool, PoolTrader trader) {
        POOL = pool;
        TRADER = trader;
        TOKEN0 = TestToken(pool.token0());
        TOKEN1 = TestToken(pool.token1());
    }

    modifier shareKeepsItsWorth() {
        (uint256 before0, uint256 before1,) = POOL.getReserves();
        uint256 beforeSupply = POOL.totalSupply();
        _;
        (uint256 after0, uint256 after1,) = POOL.getReserves();
        uint256 afterSupply = POOL.totalSupply();
        _true(after0 * beforeSupply >= before0 * afterSupply, "a share lost token0");
        _true(after1 * beforeSupply >= before1 * afterSupply, "a share lost token1");
    }

    function add(uint256 amount0, uint256 amount1) external shareKeepsItsWorth {
        (uint256 reserve0, uint256 reserve1,) = POOL.getReserves();
        amount0 = _bound(amount0, reserve0 / 100 + 1, reserve0 < 1e30 ? reserve0 : reserve0 / 100 + 1);
        amount1 = amount1 % 2 == 0 ? amount0 * reserve1 / reserve0 + 1 : _bound(amount1, reserve1 / 100 + 1, reserve1);
        TOKEN0.mint(address(POOL), amount0);
        TOKEN1.mint(address(POOL), amount1);
        POOL.mint(address(this));
    }

    function remove(uint256 share) external shareKeepsItsWorth {
        uint256 held = POOL.balanceOf(address(this));
        if (held < 1e6) return;
        POOL.transfer(address(POOL), _bound(share, held / 1000, held / 2));
        POOL.burn(address(this));
    }

    function trade(uint256 amount, bool zeroForOne) external {
        (uint256 before0, uint256 before1,) = POOL.getReserves();
        uint256 reserveIn = zeroForOne ? before0 : before1;
        TRADER.trade(POOL, zeroForOne, _bound(amount, reserveIn / 1000 + 10, reserveIn / 2));
        (uint256 after0, uint256 after1,) = POOL.getReserves();
        _true(after0 * after1 > before0 * before1, "a trade pays its fee");
    }

    function donate(uint256 amount, bool zero) external {
        (zero ? TOKEN0 : TOKEN1).mint(address(POOL), amount % 1e15);
    }
}

/// @dev Pays for a flash swap in the callback, with what it was told to pay.
contract FlashBorrower is IFlashSwapReceiver {
    TestToken private immutable TOKEN;
    bool private immutable REENTERS;

    constructor(TestToken token, bool reenters) {
        TOKEN = token;
        REENTERS = reenters;
    }

    function uniswapV2Call(address sender, uint256 amount0, uint256 amount1, bytes calldata data) external {
        require(sender != address(0) && amount0 + amount1 > 0, "called back for nothing");
        if (REENTERS) ConstantProductPool(msg.sender).swap(1, 0, address(this), "");
        TOKEN.mint(msg.sender, abi.decode(data, (uint256)));
    }
}

contract ConstantProductPoolTest is TestBase {
    uint256 private constant RESERVE0 = 1000e18;
    uint256 private constant RESERVE1 = 2_500_000e6;
    address private constant ALICE = address(0xA11CE);

    ConstantProductPool private pool;
    TestToken private token0;
    TestToken private token1;
    PoolTrader private trader;

    event Swap(
        address indexed sender,
        uint256 amount0In,
        uint256 amount1In,
        uint256 amount0Out,
        uint256 amount1Out,
        address indexed to
    );
    event Sync(uint112 reserve0, uint112 reserve1);
    event Mint(address indexed sender, uint256 amount0, uint256 amount1);
    event Burn(address indexed sender, uint256 amount0, uint256 amount1, address indexed to);

    function setUp() external {
        TestToken a = new TestToken("Test Ether", "TETH", 18);
        TestToken b = new TestToken("Test Dollar", "TUSD", 6);
        pool = new ConstantProductPool(address(a), address(b));
        (token0, token1) = (TestToken(pool.token0()), TestToken(pool.token1()));
        trader = new PoolTrader();
        _pay(RESERVE0, RESERVE1);
        PoolHandler handler = new PoolHandler(pool, trader);
        pool.mint(address(handler));
        bytes4[] memory functions = new bytes4[](4);
        functions[0] = PoolHandler.add.selector;
        functions[1] = PoolHandler.remove.selector;
        functions[2] = PoolHandler.trade.selector;
        functions[3] = PoolHandler.donate.selector;
        _target(address(handler), functions);
    }

    function invariant_reservesAreCovered() external view {
        (uint112 reserve0, uint112 reserve1,) = pool.getReserves();
        _true(reserve0 <= token0.balanceOf(address(pool)), "token0");
        _true(reserve1 <= token1.balanceOf(address(pool)), "token1");
        _true(reserve0 > 0 && reserve1 > 0, "never empty");
    }

    function invariant_lockedSharesStay() external view {
        _equal(pool.balanceOf(address(0xdEaD)), pool.MINIMUM_LIQUIDITY(), "locked");
    }

    function test_tokensAreSorted() external view {
        _true(address(token0) < address(token1), "sorted");
        _equal(token0.decimals() + token1.decimals(), 24, "decimals");
    }

    function test_refusedTokens() external {
        vm.expectRevert(ConstantProductPool.ConstantProductPool__ZeroToken.selector);
        new ConstantProductPool(address(0), address(token0));
        vm.expectRevert(
            abi.encodeWithSelector(ConstantProductPool.ConstantProductPool__SameToken.selector, address(token0))
        );
        new ConstantProductPool(address(token0), address(token0));
    }

    function test_eventsOfATrade() external {
        uint256 out = _out(1e18, RESERVE0, RESERVE1);
        token0.mint(address(pool), 1e18);
        vm.expectEmit(false, false, false, true, address(pool));
        emit Sync(uint112(RESERVE0 + 1e18), uint112(RESERVE1 - out));
        vm.expectEmit(true, true, false, true, address(pool));
        emit Swap(address(this), 1e18, 0, 0, out, ALICE);
        pool.swap(0, out, ALICE, "");
        _equal(token1.balanceOf(ALICE), out, "paid out");
    }

    function testFuzz_oneMoreThanTheFormulaIsRefused(uint256 amountIn, bool zeroForOne) external {
        (uint256 reserveIn, uint256 reserveOut) = zeroForOne ? (RESERVE0, RESERVE1) : (RESERVE1, RESERVE0);
        amountIn = _bound(amountIn, reserveIn / 1e6, reserveIn * 10);
        uint256 out = _out(amountIn, reserveIn, reserveOut);
        (zeroForOne ? token0 : token1).mint(address(pool), amountIn);
        vm.expectRevert(ConstantProductPool.ConstantProductPool__ProductDecreased.selector);
        pool.swap(zeroForOne ? 0 : out + 1, zeroForOne ? out + 1 : 0, ALICE, "");
        pool.swap(zeroForOne ? 0 : out, zeroForOne ? out : 0, ALICE, "");
    }

    function testFuzz_traderTakesAllThatThereIs(uint256 amountIn, bool zeroForOne) external {
        (uint256 reserveIn, uint256 reserveOut) = zeroForOne ? (RESERVE0, RESERVE1) : (RESERVE1, RESERVE0);
        amountIn = _bound(amountIn, reserveIn / 1e6, reserveIn * 10);
        vm.prank(ALICE);
        uint256 out = trader.trade(pool, zeroForOne, amountIn);
        _equal(out, _out(amountIn, reserveIn, reserveOut), "formula");
        _equal((zeroForOne ? token1 : token0).balanceOf(ALICE), out, "the caller has it");
    }

    function test_traderRefusesDust() external {
        vm.expectRevert(abi.encodeWithSelector(PoolTrader.PoolTrader__NothingOut.selector, 0));
        trader.trade(pool, true, 0);
    }

    function test_refusedSwaps() external {
        vm.expectRevert(ConstantProductPool.ConstantProductPool__InsufficientOutput.selector);
        pool.swap(0, 0, ALICE, "");
        vm.expectRevert(
            abi.encodeWithSelector(
                ConstantProductPool.ConstantProductPool__InsufficientLiquidity.selector, RESERVE0, 0
            )
        );
        pool.swap(RESERVE0, 0, ALICE, "");
        vm.expectRevert(ConstantProductPool.ConstantProductPool__InsufficientInput.selector);
        pool.swap(1, 0, ALICE, "");
        vm.expectRevert(
            abi.encodeWithSelector(
                ConstantProductPool.ConstantProductPool__InvalidRecipient.selector, address(token1)
            )
        );
        pool.swap(1, 0, address(token1), "");
    }

    function test_reservesStopAt112Bits() external {
        token0.mint(address(pool), type(uint112).max);
        vm.expectRevert(
            abi.encodeWithSelector(
                ConstantProductPool.ConstantProductPool__ReserveOverflow.selector,
                RESERVE0 + type(uint112).max,
                RESERVE1 - 1
            )
        );
        pool.swap(0, 1, ALICE, "");
    }

    function test_mintAndBurn() external {
        uint256 supply = pool.totalSupply();
        _pay(RESERVE0 / 10, RESERVE1 / 10);
        vm.expectEmit(true, false, false, true, address(pool));
        emit Mint(address(this), RESERVE0 / 10, RESERVE1 / 10);
        uint256 shares = pool.mint(address(this));
        _equal(shares, supply / 10, "a tenth");
        _equal(pool.balanceOf(address(this)), shares, "held");

        pool.transfer(address(pool), shares);
        vm.expectEmit(true, true, false, false, address(pool));
        emit Burn(address(this), 0, 0, ALICE);
        (uint256 amount0, uint256 amount1) = pool.burn(ALICE);
        _true(amount0 <= RESERVE0 / 10 && amount0 + 1e6 >= RESERVE0 / 10, "token0 back");
        _true(amount1 <= RESERVE1 / 10 && amount1 + 1 >= RESERVE1 / 10, "token1 back");
        _equal(token0.balanceOf(ALICE), amount0, "token0 paid");
        _equal(token1.balanceOf(ALICE), amount1, "token1 paid");
    }

    function test_refusedLiquidity() external {
        vm.expectRevert(ConstantProductPool.ConstantProductPool__InsufficientLiquidityMinted.selector);
        pool.mint(ALICE);
        vm.expectRevert(ConstantProductPool.ConstantProductPool__InsufficientLiquidityBurned.selector);
        pool.burn(ALICE);
        ConstantProductPool empty = new ConstantProductPool(address(token0), address(token1));
        token0.mint(address(empty), 1000);
        token1.mint(address(empty), 1000);
        vm.expectRevert(ConstantProductPool.ConstantProductPool__InsufficientLiquidityMinted.selector);
        empty.mint(ALICE);
    }

    function test_flashSwap() external {
        FlashBorrower borrower = new FlashBorrower(token0, false);
        // x / 0.997, rounded up, brings back token0 that was lent.
        uint256 owed = 1e18 * 1000 / uint256(997) + 1;
        pool.swap(1e18, 0, address(borrower), abi.encode(owed));
        vm.expectRevert(ConstantProductPool.ConstantProductPool__ProductDecreased.selector);
        pool.swap(1e18, 0, address(borrower), abi.encode(1e18));
    }

    function test_noReentry() external {
        FlashBorrower borrower = new FlashBorrower(token0, true);
        vm.expectRevert(bytes4(keccak256("ReentrancyGuardReentrantCall()")));
        pool.swap(1e18, 0, address(borrower), abi.encode(2e18));
    }

    function _pay(uint256 amount0, uint256 amount1) private {
        token0.mint(address(pool), amount0);
        token1.mint(address(pool), amount1);
    }

    function _out(uint256 amountIn, uint256 reserveIn, uint256 reserveOut) private pure returns (uint256) {
        return amountIn * 997 * reserveOut / (reserveIn * 1000 + amountIn * 997);
    }
}
