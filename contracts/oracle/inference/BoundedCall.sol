// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title A call that can do its caller no harm
/// @notice It has exactly the gas that was agreed, and whatever it returns stays where it is.
library BoundedCall {
    /// @dev What a call costs before the callee begins: 2600 for an account that was not touched (EIP-2929), and the few
    ///      instructions between check and call.
    uint256 private constant CALL_COST = 3_500;

    /// @notice How much gas has to be left for `tryCall` to hand on `gasLimit`: all but one 64th is handed on (EIP-150).
    function gasNeeded(uint256 gasLimit) internal pure returns (uint256) {
        return gasLimit + gasLimit / 63 + 1 + CALL_COST;
    }

    /// @notice Calls `to` with exactly `gasLimit` gas. The caller has checked `gasNeeded` just before.
    /// @return success false if the callee reverted or ran out of gas; true also if there is no code
    function tryCall(address to, uint256 gasLimit, bytes memory data) internal returns (bool success) {
        assembly ("memory-safe") {
            success := call(gasLimit, to, 0, add(data, 32), mload(data), 0, 0)
        }
    }
}
