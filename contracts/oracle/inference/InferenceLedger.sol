// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceLedger} from "../IInferenceLedger.sol";

/// @title Who is owed what
/// @notice Credits that their owners withdraw, and the income of the oracles: equal shares in each configuration, so
///         that the set that answered earns, whoever is configured later. Amounts are wei.
/// @dev Crediting the oracles costs the same whether there are 4 or 31: a running sum for each configuration, and what
///      each transmitter has taken of it. Nothing here reads the contract's balance.
abstract contract InferenceLedger is IInferenceLedger {
    /// @dev One slot. `remainder` is what could not be split yet, less than `oracles`.
    struct Income {
        uint128 perOracle;
        uint8 remainder;
        uint8 oracles;
    }

    /// @dev One slot.
    struct Share {
        bool member;
        uint128 taken;
    }

    mapping(uint32 configCount => Income) private incomes;
    mapping(uint32 configCount => mapping(address transmitter => Share)) private shares;
    mapping(address account => uint256) private credits;

    /// @inheritdoc IInferenceLedger
    function claim(uint32 configCount, address transmitter) external returns (uint256 amount) {
        amount = claimable(configCount, transmitter);
        shares[configCount][transmitter].taken = incomes[configCount].perOracle;
        _credit(transmitter, amount);
        emit IncomeClaimed(configCount, transmitter, amount);
    }

    /// @inheritdoc IInferenceLedger
    function withdraw() external {
        _withdraw(payable(msg.sender));
    }

    /// @inheritdoc IInferenceLedger
    function withdrawTo(address payable to) external {
        _withdraw(to);
    }

    /// @inheritdoc IInferenceLedger
    function creditOf(address account) external view returns (uint256) {
        return credits[account];
    }

    /// @inheritdoc IInferenceLedger
    function incomeOf(uint32 configCount) external view returns (uint256 perOracle, uint256 remainder, uint256 oracles) {
        Income memory income = incomes[configCount];
        return (income.perOracle, income.remainder, income.oracles);
    }

    /// @inheritdoc IInferenceLedger
    function claimable(uint32 configCount, address transmitter) public view returns (uint256) {
        Share memory share = shares[configCount][transmitter];
        if (!share.member) revert InferenceOracle__NotOfThisConfig(configCount, transmitter);
        return incomes[configCount].perOracle - share.taken;
    }

    /// @notice Opens the books of a new configuration; the transmitters are distinct, at most 31.
    function _openIncome(uint32 configCount, address[] memory transmitters) internal {
        incomes[configCount].oracles = uint8(transmitters.length);
        for (uint256 i = 0; i < transmitters.length; ++i) shares[configCount][transmitters[i]].member = true;
    }

    /// @notice Credits the oracles of a configuration, in equal shares.
    function _earn(uint32 configCount, uint256 amount) internal {
        if (amount == 0) return;
        Income memory income = incomes[configCount];
        uint256 total = amount + income.remainder;
        // Casts: all the ether there is fits 128 bits, and a remainder is less than 31.
        income.perOracle += uint128(total / income.oracles);
        income.remainder = uint8(total % income.oracles);
        incomes[configCount] = income;
        emit IncomeEarned(configCount, amount);
    }

    /// @notice Raises what an account can withdraw.
    function _credit(address account, uint256 amount) internal {
        if (amount != 0) credits[account] += amount;
    }

    function _withdraw(address payable to) private {
        uint256 amount = credits[msg.sender];
        if (amount == 0) revert InferenceOracle__NothingToWithdraw(msg.sender);
        credits[msg.sender] = 0;
        emit Withdrawn(msg.sender, to, amount);
        // Copies no return data; a failure gives the credit back with everything else.
        bool success;
        assembly ("memory-safe") {
            success := call(gas(), to, amount, 0, 0, 0, 0)
        }
        if (!success) revert InferenceOracle__TransferFailed(to, amount);
    }
}
