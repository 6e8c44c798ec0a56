// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TestToken} from "../../mocks/TestToken.sol";
import {SettableFeed} from "../../testing/SettableFeed.t.sol";
import {TestBase} from "../../testing/TestBase.t.sol";
import {FeedReader} from "../FeedReader.sol";
import {IQuorumFeed} from "../IQuorumFeed.sol";
import {VolatilityLendingPool} from "./VolatilityLendingPool.sol";

uint256 constant BEGIN = 1_700_000_000;

/// @dev Lends, borrows, repays, liquidates, moves price and volatility at random. Watches that a share is worth less only
///      when a debt is written off, and that the pool has what it says.
contract LendingHandler is TestBase {
    VolatilityLendingPool private immutable POOL;
    TestToken private immutable ASSET;
    TestToken private immutable COLLATERAL;
    SettableFeed private immutable PRICE;
    SettableFeed private immutable VOLATILITY;
    uint256 private time = BEGIN;
    uint256 private lastWorth;

    constructor(
        VolatilityLendingPool pool,
        TestToken asset,
        TestToken collateral,
        SettableFeed price,
        SettableFeed volatility
    ) {
        (POOL, ASSET, COLLATERAL, PRICE, VOLATILITY) = (pool, asset, collateral, price, volatility);
    }

    function lend(uint256 who, uint256 amount) external {
        amount = _bound(amount, 1, 1_000_000e6);
        ASSET.mint(address(this), amount);
        ASSET.approve(address(POOL), amount);
        POOL.deposit(amount, _person(who));
        _check(false);
    }

    function takeOut(uint256 who, uint256 shares) external {
        address person = _person(who);
        shares = _bound(shares, 0, POOL.maxRedeem(person));
        vm.prank(person);
        POOL.redeem(shares, person, person);
        _check(false);
    }

    function borrow(uint256 who, uint256 collateral, uint256 amount) external {
        address person = _person(who);
        collateral = _bound(collateral, 1, 100e18);
        COLLATERAL.mint(person, collateral);
        vm.prank(person);
        COLLATERAL.approve(address(POOL), collateral);
        vm.prank(person);
        POOL.addCollateral(collateral);
        amount = _bound(amount, 1, 200_000e6);
        vm.prank(person);
        try POOL.borrow(amount) {
            (uint256 all, uint256 debt) = POOL.positionOf(person);
            _true(debt <= _worth(all) * POOL.maxLtvBps() / 10_000, "not more than the volatility allows");
        } catch {}
        _check(false);
    }

    function repay(uint256 who, uint256 amount) external {
        address person = _person(who);
        if (POOL.debtOf(person) == 0) return;
        amount = _bound(amount, 1, 300_000e6);
        ASSET.mint(address(this), amount);
        ASSET.approve(address(POOL), amount);
        POOL.repay(person, amount);
        _check(false);
    }

    function liquidate(uint256 who, uint256 amount) external {
        address person = _person(who);
        amount = _bound(amount, 1, 300_000e6);
        ASSET.mint(address(this), amount);
        ASSET.approve(address(POOL), amount);
        try POOL.liquidate(person, amount) {
            (uint256 left, uint256 debt) = POOL.positionOf(person);
            _check(left == 0);
            if (left == 0) _equal(debt, 0, "written off");
        } catch {}
    }

    function removeCollateral(uint256 who, uint256 amount) external {
        address person = _person(who);
        (uint256 collateral,) = POOL.positionOf(person);
        vm.prank(person);
        try POOL.removeCollateral(_bound(amount, 0, collateral)) {} catch {}
        _check(false);
    }

    function move(uint256 seconds_, uint256 price, uint256 volatility) external {
        time += _bound(seconds_, 1, 30 days);
        vm.warp(time);
        PRICE.set(int192(int256(_bound(price, 500e8, 4000e8))), time);
        VOLATILITY.set(int192(int256(_bound(volatility, 0, 3e8))), time);
        _check(false);
    }

    function checkBooks() external view {
        uint256 debts = 0;
        uint256 collateral = 0;
        for (uint256 i = 0; i < 3; ++i) {
            (uint256 held, uint256 debt) = POOL.positionOf(_person(i));
            debts += debt;
            collateral += held;
        }
        _equal(COLLATERAL.balanceOf(address(POOL)), collateral, "collateral");
        // A debt is rounded up for each of three.
        _true(debts >= POOL.totalDebt() && debts <= POOL.totalDebt() + 3, "debts add up");
        _equal(POOL.totalAssets(), ASSET.balanceOf(address(POOL)) + POOL.totalDebt(), "assets");
    }

    /// @dev Worth of a million shares, which only a written-off debt lowers.
    function _check(bool mayFall) private {
        uint256 worth = POOL.convertToAssets(1e30);
        _true(mayFall || worth >= lastWorth, "a share is worth less");
        lastWorth = worth;
    }

    function _worth(uint256 collateral) private view returns (uint256) {
        (, int256 price,,,) = PRICE.latestRoundData();
        return collateral * uint256(price) * 1e6 / 1e26;
    }

    function _person(uint256 who) private pure returns (address) {
        return address(uint160(0xA11CE + who % 3));
    }
}

contract VolatilityLendingPoolTest is TestBase {
    address private constant BORROWER = address(0xB0B);
    VolatilityLendingPool private pool;
    TestToken private asset;
    TestToken private collateral;
    SettableFeed private price;
    SettableFeed private volatility;
    LendingHandler private handler;

    function setUp() external {
        vm.warp(BEGIN);
        asset = new TestToken("Dollar", "USD", 6);
        collateral = new TestToken("Ether", "ETH", 18);
        (price, volatility) = (new SettableFeed(), new SettableFeed());
        price.configure();
        volatility.configure();
        _tell(2000e8, 0.5e8, BEGIN);
        pool = new VolatilityLendingPool(asset, collateral, price, volatility, _terms());
        asset.mint(address(this), 1_000_000e6);
        asset.approve(address(pool), type(uint256).max);
        pool.deposit(100_000e6, address(this));
        collateral.mint(BORROWER, 100e18);
        vm.prank(BORROWER);
        collateral.approve(address(pool), type(uint256).max);

        handler = new LendingHandler(pool, asset, collateral, price, volatility);
        bytes4[] memory functions = new bytes4[](7);
        functions[0] = LendingHandler.lend.selector;
        functions[1] = LendingHandler.takeOut.selector;
        functions[2] = LendingHandler.borrow.selector;
        functions[3] = LendingHandler.repay.selector;
        functions[4] = LendingHandler.liquidate.selector;
        functions[5] = LendingHandler.removeCollateral.selector;
        functions[6] = LendingHandler.move.selector;
        _target(address(handler), functions);
    }

    function invariant_theBooksAddUp() external view {
        handler.checkBooks();
    }

    function testFuzz_lessIsLentTheWilderItGets(uint256 a, uint256 b) external {
        a = _bound(a, 0, 5e8);
        b = _bound(b, a, 5e8);
        _tell(2000e8, int256(a), BEGIN);
        uint256 calm = pool.maxLtvBps();
        _tell(2000e8, int256(b), BEGIN);
        uint256 wild = pool.maxLtvBps();
        _true(wild <= calm && wild >= 3000 && calm <= 7500, "falls within its bounds");
    }

    function test_theLimitFollowsTheFeed() external {
        _tell(2000e8, 0, BEGIN);
        _equal(pool.maxLtvBps(), 7500, "calm");
        _tell(2000e8, 0.5e8, BEGIN);
        _equal(pool.maxLtvBps(), 5500, "75 % - 0.5 * 40 %");
        _tell(2000e8, 2e8, BEGIN);
        _equal(pool.maxLtvBps(), 3000, "never less");
    }

    function test_borrowsUpToTheLimit() external {
        _addCollateral(10e18);
        vm.expectRevert(
            abi.encodeWithSelector(
                VolatilityLendingPool.VolatilityLendingPool__BorrowsTooMuch.selector, 11_000e6 + 1, 11_000e6
            )
        );
        vm.prank(BORROWER);
        pool.borrow(11_000e6 + 1);
        vm.prank(BORROWER);
        pool.borrow(11_000e6);
        _equal(asset.balanceOf(BORROWER), 11_000e6, "lent");
        vm.expectRevert(
            abi.encodeWithSelector(
                VolatilityLendingPool.VolatilityLendingPool__BorrowsTooMuch.selector, 11_000e6, 10_998.9e6
            )
        );
        vm.prank(BORROWER);
        pool.removeCollateral(0.001e18);
        _equal(pool.maxWithdraw(address(this)), 89_000e6, "what is lent can't be taken out");
    }

    function test_aStaleFeedStopsBorrowingAndNothingElse() external {
        _addCollateral(10e18);
        vm.prank(BORROWER);
        pool.borrow(1000e6);
        vm.warp(BEGIN + 30 minutes);
        price.set(2000e8, BEGIN + 30 minutes);
        vm.warp(BEGIN + 30 minutes + 1);
        bytes memory old = abi.encodeWithSelector(FeedReader.FeedReader__TooOld.selector, volatility, BEGIN);
        vm.expectRevert(old);
        vm.prank(BORROWER);
        pool.borrow(1);
        vm.expectRevert(old);
        vm.prank(BORROWER);
        pool.removeCollateral(1);
        volatility.set(0.5e8, BEGIN + 30 minutes);
        vm.warp(BEGIN + 40 minutes + 1);
        vm.expectRevert(abi.encodeWithSelector(FeedReader.FeedReader__TooOld.selector, price, BEGIN + 30 minutes));
        vm.prank(BORROWER);
        pool.borrow(1);
        vm.warp(BEGIN + 2 hours);
        vm.expectRevert(
            abi.encodeWithSelector(FeedReader.FeedReader__NotFresh.selector, price, IQuorumFeed.Status.Stale)
        );
        vm.prank(BORROWER);
        pool.borrow(1);
        pool.repay(BORROWER, type(uint128).max);
        _equal(pool.debtOf(BORROWER), 0, "repaid");
        vm.prank(BORROWER);
        pool.removeCollateral(10e18);
        _equal(collateral.balanceOf(BORROWER), 100e18, "and out");
    }

    function test_interestGoesToTheLenders() external {
        _addCollateral(10e18);
        vm.prank(BORROWER);
        pool.borrow(10_000e6);
        vm.warp(BEGIN + 365 days);
        _equal(pool.debtOf(BORROWER), 10_500e6, "5 % a year");
        _equal(pool.totalAssets(), 100_500e6, "the lenders'");
        _equal(pool.repay(BORROWER, 20_000e6), 10_500e6, "no more than is owed");
        _equal(pool.maxWithdraw(address(this)), 100_500e6 - 1, "less a rounding");
    }

    function test_liquidationPaysABonus() external {
        _addCollateral(10e18);
        vm.prank(BORROWER);
        pool.borrow(11_000e6);
        vm.expectRevert(
            abi.encodeWithSelector(VolatilityLendingPool.VolatilityLendingPool__Healthy.selector, BORROWER)
        );
        pool.liquidate(BORROWER, 1000e6);
        _tell(1250e8, 0.5e8, BEGIN);
        (uint256 paid, uint256 seized) = pool.liquidate(BORROWER, 1250e6);
        _equal(paid, 1250e6, "paid");
        _equal(seized, 1.05e18, "for that and 5 %");
        _equal(collateral.balanceOf(address(this)), 1.05e18, "received");
        _equal(pool.debtOf(BORROWER), 9750e6, "less debt");
    }

    function test_aDebtBeyondItsCollateralIsWrittenOff() external {
        _addCollateral(10e18);
        vm.prank(BORROWER);
        pool.borrow(11_000e6);
        _tell(1050e8, 0.5e8, BEGIN);
        (uint256 paid, uint256 seized) = pool.liquidate(BORROWER, 11_000e6);
        _equal(paid, 10_000e6, "what the collateral is worth without the bonus");
        _equal(seized, 10e18, "all of it");
        _equal(pool.debtOf(BORROWER) + pool.totalDebt(), 0, "written off");
        _equal(pool.totalAssets(), 99_000e6, "the lenders lose it");
    }

    function test_termsThatCantWork() external {
        VolatilityLendingPool.Terms memory terms = _terms();
        terms.liquidationLtvBps = terms.calmLtvBps;
        _badTerms(terms);
        terms = _terms();
        terms.minLtvBps = terms.calmLtvBps + 1;
        _badTerms(terms);
        terms = _terms();
        terms.liquidationBonusBps = 2000;
        _badTerms(terms);
    }

    function _badTerms(VolatilityLendingPool.Terms memory terms) private {
        vm.expectRevert(VolatilityLendingPool.VolatilityLendingPool__BadTerms.selector);
        new VolatilityLendingPool(asset, collateral, price, volatility, terms);
    }

    function _terms() private pure returns (VolatilityLendingPool.Terms memory) {
        return VolatilityLendingPool.Terms({
            calmLtvBps: 7500,
            minLtvBps: 3000,
            ltvDropBps: 4000,
            liquidationLtvBps: 8500,
            liquidationBonusBps: 500,
            rateBps: 500,
            maxPriceAgeSeconds: 10 minutes,
            maxVolatilityAgeSeconds: 30 minutes
        });
    }

    function _addCollateral(uint256 amount) private {
        vm.prank(BORROWER);
        pool.addCollateral(amount);
    }

    function _tell(int256 price_, int256 volatility_, uint256 observedAt) private {
        price.set(int192(price_), observedAt);
        volatility.set(int192(volatility_), observedAt);
    }
}
