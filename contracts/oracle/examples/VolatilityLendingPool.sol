// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {FeedReader} from "../FeedReader.sol";
import {IOracleFeed} from "../IOracleFeed.sol";

/// @title A lending pool that lends less when the market is wild
/// @notice Lenders pay an asset in for shares (ERC-4626). Borrowers leave collateral and borrow up to a part of its value
///         that falls with the volatility that a feed tells. Borrowing, and taking collateral out from under a debt,
///         stop while one of the feeds is stale; repaying never does.
/// @dev For plain ERC-20 tokens: no fee on transfer, no hooks. Roundings favour the pool.
contract VolatilityLendingPool is ERC4626 {
    using FeedReader for IOracleFeed;
    using SafeERC20 for IERC20;
    using Math for uint256;

    uint256 private constant BPS = 10_000;

    /// @notice The pool's terms; basis points of the collateral's value.
    /// @param calmLtvBps most that is lent at zero volatility
    /// @param minLtvBps most that is lent however wild it gets
    /// @param ltvDropBps how much less is lent for each 1.00 of volatility
    /// @param liquidationLtvBps a debt above this is liquidated; above `calmLtvBps`
    /// @param liquidationBonusBps what a liquidator gets on top
    /// @param rateBps interest a year
    /// @param maxPriceAgeSeconds oldest price that is good enough
    /// @param maxVolatilityAgeSeconds oldest volatility that is good enough
    struct Terms {
        uint256 calmLtvBps;
        uint256 minLtvBps;
        uint256 ltvDropBps;
        uint256 liquidationLtvBps;
        uint256 liquidationBonusBps;
        uint256 rateBps;
        uint256 maxPriceAgeSeconds;
        uint256 maxVolatilityAgeSeconds;
    }

    struct Position {
        uint256 collateral;
        uint256 debtShares;
    }

    IERC20 private immutable COLLATERAL;
    IOracleFeed private immutable PRICE;
    IOracleFeed private immutable VOLATILITY;
    uint256 private immutable COLLATERAL_UNIT;
    uint256 private immutable ASSET_UNIT;
    uint256 private immutable PRICE_UNIT;
    uint256 private immutable VOLATILITY_UNIT;

    Terms private terms;
    mapping(address account => Position) private positions;
    uint256 private storedDebt;
    uint256 private totalDebtShares;
    uint256 private accruedAt;

    event CollateralAdded(address indexed account, uint256 amount);
    event CollateralRemoved(address indexed account, uint256 amount);
    event Borrowed(address indexed account, uint256 amount);
    event Repaid(address indexed account, address indexed payer, uint256 amount);

    /// @notice `repaid` of a debt was paid for `seized` of its collateral; `lost` of it is nobody's any more.
    event Liquidated(address indexed account, address indexed liquidator, uint256 repaid, uint256 seized, uint256 lost);

    error VolatilityLendingPool__SameToken(address token);
    error VolatilityLendingPool__BadTerms();
    error VolatilityLendingPool__ZeroAmount();
    error VolatilityLendingPool__BorrowsTooMuch(uint256 debt, uint256 max);
    error VolatilityLendingPool__TooLittleCollateral(uint256 got, uint256 want);
    error VolatilityLendingPool__Healthy(address account);

    /// @param asset_ what is lent
    /// @param collateral what secures it
    /// @param price one collateral token in the asset
    /// @param volatility as a fraction: 1.00 in the feed's decimals is 100 %
    /// @param terms_ see `Terms`
    constructor(
        IERC20Metadata asset_,
        IERC20Metadata collateral,
        IOracleFeed price,
        IOracleFeed volatility,
        Terms memory terms_
    ) ERC20("Volatility Lending Pool Share", "VLP") ERC4626(asset_) {
        if (address(asset_) == address(collateral)) revert VolatilityLendingPool__SameToken(address(asset_));
        // A liquidated debt and its bonus have to fit into the collateral.
        bool fine = terms_.minLtvBps <= terms_.calmLtvBps && terms_.calmLtvBps < terms_.liquidationLtvBps
            && terms_.liquidationLtvBps * (BPS + terms_.liquidationBonusBps) <= BPS * BPS;
        if (!fine) revert VolatilityLendingPool__BadTerms();
        COLLATERAL = collateral;
        PRICE = price;
        VOLATILITY = volatility;
        COLLATERAL_UNIT = 10 ** collateral.decimals();
        ASSET_UNIT = 10 ** asset_.decimals();
        PRICE_UNIT = 10 ** price.decimals();
        VOLATILITY_UNIT = 10 ** volatility.decimals();
        terms = terms_;
        accruedAt = block.timestamp;
    }

    /// @notice Leaves collateral.
    function addCollateral(uint256 amount) external {
        positions[msg.sender].collateral += amount;
        emit CollateralAdded(msg.sender, amount);
        COLLATERAL.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @notice Takes collateral out, as far as the debt allows at the volatility of now.
    function removeCollateral(uint256 amount) external {
        _accrue();
        Position storage position = positions[msg.sender];
        if (amount > position.collateral) {
            revert VolatilityLendingPool__TooLittleCollateral(position.collateral, amount);
        }
        position.collateral -= amount;
        if (position.debtShares != 0) _checkLtv(msg.sender);
        emit CollateralRemoved(msg.sender, amount);
        COLLATERAL.safeTransfer(msg.sender, amount);
    }

    /// @notice Borrows, up to `maxLtvBps()` of the collateral's value.
    function borrow(uint256 amount) external {
        if (amount == 0) revert VolatilityLendingPool__ZeroAmount();
        _accrue();
        uint256 shares =
            totalDebtShares == 0 ? amount : amount.mulDiv(totalDebtShares, storedDebt, Math.Rounding.Ceil);
        positions[msg.sender].debtShares += shares;
        totalDebtShares += shares;
        storedDebt += amount;
        _checkLtv(msg.sender);
        emit Borrowed(msg.sender, amount);
        IERC20(asset()).safeTransfer(msg.sender, amount);
    }

    /// @notice Pays a debt back; more than is owed is not taken.
    /// @return paid what was taken from the caller
    function repay(address account, uint256 amount) external returns (uint256 paid) {
        _accrue();
        paid = _reduceDebt(account, amount);
        emit Repaid(account, msg.sender, paid);
        IERC20(asset()).safeTransferFrom(msg.sender, address(this), paid);
    }

    /// @notice Pays a debt back that outgrew its collateral, for collateral of that value and a bonus. If nothing of the
    ///         collateral is left, the rest of the debt is written off, and the lenders lose it.
    /// @param amount most that the caller pays
    function liquidate(address account, uint256 amount) external returns (uint256 paid, uint256 seized) {
        if (amount == 0) revert VolatilityLendingPool__ZeroAmount();
        _accrue();
        Position storage position = positions[account];
        uint256 price_ = PRICE.readPositive(terms.maxPriceAgeSeconds);
        uint256 value = _valueOf(position.collateral, price_);
        if (debtOf(account) * BPS <= value * terms.liquidationLtvBps) revert VolatilityLendingPool__Healthy(account);

        uint256 withBonus = BPS + terms.liquidationBonusBps;
        uint256 worth = value.mulDiv(BPS, withBonus, Math.Rounding.Ceil);
        paid = Math.min(amount, debtOf(account));
        if (paid >= worth) {
            (paid, seized) = (worth, position.collateral);
        } else {
            uint256 gained = paid.mulDiv(withBonus, BPS);
            seized = Math.min(gained.mulDiv(COLLATERAL_UNIT * PRICE_UNIT, price_ * ASSET_UNIT), position.collateral);
        }
        position.collateral -= seized;
        if (paid != 0) _reduceDebt(account, paid);
        uint256 lost = position.collateral == 0 ? debtOf(account) : 0;
        if (lost != 0) _reduceDebt(account, lost);
        emit Liquidated(account, msg.sender, paid, seized, lost);
        IERC20(asset()).safeTransferFrom(msg.sender, address(this), paid);
        COLLATERAL.safeTransfer(msg.sender, seized);
    }

    /// @notice Collateral and debt of an account, the debt with interest up to now.
    function positionOf(address account) external view returns (uint256 collateral, uint256 debt) {
        return (positions[account].collateral, debtOf(account));
    }

    /// @notice Most that is lent now, in basis points of the collateral's value. Reverts while the volatility is stale.
    function maxLtvBps() public view returns (uint256) {
        Terms storage t = terms;
        uint256 volatility = uint256(VOLATILITY.read(t.maxVolatilityAgeSeconds, 0, type(int128).max));
        uint256 drop = volatility.mulDiv(t.ltvDropBps, VOLATILITY_UNIT, Math.Rounding.Ceil);
        return drop >= t.calmLtvBps - t.minLtvBps ? t.minLtvBps : t.calmLtvBps - drop;
    }

    /// @notice What an account owes, with interest up to now.
    function debtOf(address account) public view returns (uint256) {
        uint256 shares = positions[account].debtShares;
        return shares == 0 ? 0 : shares.mulDiv(totalDebt(), totalDebtShares, Math.Rounding.Ceil);
    }

    /// @notice What all borrowers owe, with interest up to now.
    function totalDebt() public view returns (uint256) {
        return storedDebt + storedDebt.mulDiv(terms.rateBps * (block.timestamp - accruedAt), BPS * 365 days);
    }

    /// @inheritdoc ERC4626
    /// @dev What lies here and what is owed.
    function totalAssets() public view override returns (uint256) {
        return _cash() + totalDebt();
    }

    /// @inheritdoc ERC4626
    /// @dev Not more than lies here: the rest is lent.
    function maxWithdraw(address owner) public view override returns (uint256) {
        return Math.min(super.maxWithdraw(owner), _cash());
    }

    /// @inheritdoc ERC4626
    /// @dev Not more than lies here: the rest is lent.
    function maxRedeem(address owner) public view override returns (uint256) {
        return Math.min(super.maxRedeem(owner), _convertToShares(_cash(), Math.Rounding.Floor));
    }

    function _accrue() private {
        storedDebt = totalDebt();
        accruedAt = block.timestamp;
    }

    /// @dev After `_accrue`. The last share takes what is left of the debt with it.
    function _reduceDebt(address account, uint256 amount) private returns (uint256 reduced) {
        Position storage position = positions[account];
        uint256 owed = debtOf(account);
        reduced = Math.min(amount, owed);
        if (reduced == 0) revert VolatilityLendingPool__ZeroAmount();
        uint256 shares =
            reduced == owed ? position.debtShares : reduced.mulDiv(totalDebtShares, storedDebt);
        position.debtShares -= shares;
        totalDebtShares -= shares;
        storedDebt = totalDebtShares == 0 ? 0 : storedDebt - Math.min(reduced, storedDebt);
    }

    function _checkLtv(address account) private view {
        uint256 value = _valueOf(positions[account].collateral, PRICE.readPositive(terms.maxPriceAgeSeconds));
        uint256 max = value * maxLtvBps() / BPS;
        uint256 debt = debtOf(account);
        if (debt > max) revert VolatilityLendingPool__BorrowsTooMuch(debt, max);
    }

    /// @dev In the asset's base units, rounded down.
    function _valueOf(uint256 collateral, uint256 price_) private view returns (uint256) {
        return collateral.mulDiv(price_ * ASSET_UNIT, COLLATERAL_UNIT * PRICE_UNIT);
    }

    function _cash() private view returns (uint256) {
        return IERC20(asset()).balanceOf(address(this));
    }
}
