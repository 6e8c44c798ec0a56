// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What a contract offers that wants its answer brought to it
interface IInferenceConsumer {
    /// @notice The oracle brings an answer. Called with exactly the gas that the request named; a fault here loses
    ///         nothing, since the answer can be read by `getAnswer` afterwards.
    /// @dev Check `msg.sender`, the id and the digest: `InferenceConsumer` does. It may come twice: once provisional
    ///      and, if a dispute overturned that answer, once more. Within it the oracle takes new requests, `claim` and
    ///      `withdraw`, and refuses everything else that changes a request.
    /// @param requestId what `requestInference` returned
    /// @param modelDigest manifest digest that the request was bound to
    /// @param outcome 1 answered, 2 no agreement, 3 the model can't take the input
    /// @param values the model's output in fixed point, as its manifest says; empty unless answered
    /// @param isFinal whether the answer can't change any more
    function onInference(
        uint256 requestId,
        bytes32 modelDigest,
        uint8 outcome,
        int256[] calldata values,
        bool isFinal
    ) external;
}
