// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Who is owed what by an inference oracle
/// @notice Every payout is a credit that its owner withdraws. The oracles of a configuration share its income equally.
///         Amounts are wei.
interface IInferenceLedger {
    /// @notice The oracles of a configuration earned `amount` together.
    event IncomeEarned(uint32 indexed configCount, uint256 amount);

    /// @notice A transmitter's share of the income became its credit.
    event IncomeClaimed(uint32 indexed configCount, address indexed transmitter, uint256 amount);

    /// @notice A credit was paid out.
    event Withdrawn(address indexed account, address indexed to, uint256 amount);

    error InferenceOracle__NotOfThisConfig(uint32 configCount, address transmitter);
    error InferenceOracle__NothingToWithdraw(address account);
    error InferenceOracle__TransferFailed(address to, uint256 amount);

    /// @notice Turns what a transmitter has earned under a configuration into its credit. By anyone.
    /// @param configCount number of the configuration; those before the current one go on being claimable
    /// @return amount what was credited; zero if nothing was left
    function claim(uint32 configCount, address transmitter) external returns (uint256 amount);

    /// @notice Pays the caller's credit out to it.
    function withdraw() external;

    /// @notice Pays the caller's credit out to `to`, for a caller that can't receive.
    function withdrawTo(address payable to) external;

    /// @notice What an account can withdraw.
    function creditOf(address account) external view returns (uint256);

    /// @notice What `claim` would credit.
    function claimable(uint32 configCount, address transmitter) external view returns (uint256);

    /// @notice The income of a configuration.
    /// @return perOracle what each oracle has earned so far
    /// @return remainder what is not split yet
    /// @return oracles how many share
    function incomeOf(uint32 configCount) external view returns (uint256 perOracle, uint256 remainder, uint256 oracles);
}
