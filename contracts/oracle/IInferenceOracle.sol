// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceLedger} from "./IInferenceLedger.sol";
import {ModelRegistry} from "./ModelRegistry.sol";

/// @title Asking a registered model, and getting what a Byzantine quorum computed
/// @notice A request pays a fee into escrow and is bound to a manifest digest. It ends exactly once: with an answer or
///         with a refund. An answer is provisional while it can be challenged. Every payout is a credit that its owner
///         withdraws. Amounts are wei, times are Unix seconds.
interface IInferenceOracle is IInferenceLedger {
    /// @notice Where a request stands.
    /// None: no such request. Pending: waits for an answer. Answered: has one that can be challenged until it is
    /// final. Disputed: waits for a verdict. Final: nobody challenged it in time. Upheld: a verdict confirmed the
    /// answer. Overturned: a verdict replaced it. Unresolved: no verdict came in time; the answer stays, in doubt.
    /// Refunded: no answer came in time.
    enum Status {
        None,
        Pending,
        Answered,
        Disputed,
        Final,
        Upheld,
        Overturned,
        Unresolved,
        Refunded
    }

    /// @notice Why a part of a report was passed over.
    /// NotPending: no such request, or it has ended. Late: past its deadline. WrongInput: computed from another
    /// input. TooFewAgreeing: fewer oracles agreed than the request wants. Malformed: fields contradict each other.
    /// NotDisputed: no dispute is open. NoCommittee: the committee isn't drawn, or its block is out of reach.
    /// WrongCommittee: the size of the committee is another. NoMajority: half of the committee's votes or fewer.
    enum SkipReason {
        NotPending,
        Late,
        WrongInput,
        TooFewAgreeing,
        Malformed,
        NotDisputed,
        NoCommittee,
        WrongCommittee,
        NoMajority
    }

    /// @notice What is asked.
    /// @param modelId id in the model registry
    /// @param version 0 for the newest active one
    /// @param input the input itself, at most 4096 bytes; empty if it is delivered off-chain
    /// @param inputHash SHA-256 of an input that is delivered off-chain; zero if `input` holds it
    /// @param inputLength bytes of an input that is delivered off-chain; zero if `input` holds it
    /// @param callbackGasLimit gas of `onInference`; zero for no callback
    /// @param minAgreeing fewest oracles that have to agree; zero leaves it to the engine
    /// @param deadlineSeconds how long to wait for an answer; zero for an hour
    /// @param finalOnly call back only once the answer is final, through `deliver`
    struct InferenceRequest {
        uint256 modelId;
        uint32 version;
        bytes input;
        bytes32 inputHash;
        uint32 inputLength;
        uint32 callbackGasLimit;
        uint8 minAgreeing;
        uint32 deadlineSeconds;
        bool finalOnly;
    }

    /// @notice One answer of a report.
    /// @param requestId which request
    /// @param inputHash SHA-256 of the input that it was computed from
    /// @param outcome 1 answered, 2 no agreement, 3 the model can't take the input
    /// @param agreeing how many oracles' results lie within the model's tolerance of the answer
    /// @param observers how many oracles gave a result
    /// @param spread greatest distance between a coordinate of two results that agree, in the values' unit
    /// @param values 1 to 256 if answered, none otherwise
    struct Answer {
        uint256 requestId;
        bytes32 inputHash;
        uint8 outcome;
        uint8 agreeing;
        uint8 observers;
        uint256 spread;
        int256[] values;
    }

    /// @notice What a committee found about a disputed answer.
    /// @param requestId which request
    /// @param upheld true: the answer stands. false: `values` replace it
    /// @param votes how many of the committee say so
    /// @param committeeSize how many were drawn
    /// @param distance greatest distance between a coordinate of the answer and of the committee's result
    /// @param values what replaces the answer; none says that the model can't take the input. None if upheld
    struct Verdict {
        uint256 requestId;
        bool upheld;
        uint8 votes;
        uint8 committeeSize;
        uint256 distance;
        int256[] values;
    }

    /// @notice Facts of a request.
    /// @param due Pending: last second for an answer. Answered: last second for a challenge. Disputed: last second for
    ///        a verdict. Otherwise the one that was last in force
    /// @param price what the oracles earn
    /// @param held what the request holds in this contract now, bond apart: the escrow, then the price while it can be
    ///        disputed, and what delivering a final answer may cost until it was delivered
    struct RequestView {
        Status status;
        address requester;
        bytes32 modelDigest;
        bytes32 inputHash;
        uint64 requestedAt;
        uint64 due;
        uint32 callbackGasLimit;
        uint8 minAgreeing;
        bool finalOnly;
        bool delivered;
        uint256 price;
        uint256 held;
    }

    /// @notice An answer as it stands.
    /// @param spread see `Answer`; zero after a verdict replaced the answer
    /// @param agreeing see `Answer`; the votes after a verdict replaced the answer
    /// @param observers see `Answer`; the committee's size after a verdict replaced the answer
    /// @param observedAt when the oracles computed it
    /// @param answeredAt block time at which it was written
    struct AnswerView {
        Status status;
        bytes32 modelDigest;
        uint8 outcome;
        uint8 agreeing;
        uint8 observers;
        uint256 spread;
        int256[] values;
        bytes32 evidenceDigest;
        uint64 observedAt;
        uint64 answeredAt;
        bool isFinal;
    }

    /// @notice A dispute.
    /// @param anchorBlock the block whose hash draws the committee
    /// @param seed what the committee is drawn from; zero until `drawCommittee` or a verdict kept it
    struct DisputeView {
        address challenger;
        uint256 bond;
        uint64 anchorBlock;
        uint8 committeeSize;
        bytes32 seed;
    }

    /// @notice Everything that a node needs to answer.
    /// @param input empty if it is delivered off-chain
    /// @param deadline last second at which an answer is taken
    event InferenceRequested(
        uint256 indexed requestId,
        bytes32 indexed modelDigest,
        address indexed requester,
        uint256 modelId,
        uint32 version,
        bytes32 inputHash,
        uint32 inputLength,
        bytes input,
        uint32 callbackGasLimit,
        uint8 minAgreeing,
        bool finalOnly,
        uint64 deadline,
        uint256 price,
        uint256 maxFee
    );

    /// @notice A request was answered.
    /// @param finalAt last second for a challenge; the block's own time if the answer is final at once
    event InferenceAnswered(
        uint256 indexed requestId,
        bytes32 indexed modelDigest,
        address indexed transmitter,
        uint8 outcome,
        uint8 agreeing,
        uint8 observers,
        uint256 spread,
        int256[] values,
        bytes32 evidenceDigest,
        uint32 observationsTimestamp,
        uint64 finalAt,
        uint32 configCount,
        uint40 epochAndRound
    );

    /// @notice What an answer cost: `price` is held for the oracles, `gasFee` went to the transmitter for `gasUsed`, and
    ///         `returned` back to the requester; nothing yet where a callback waits for the final answer.
    event InferencePaid(
        uint256 indexed requestId, uint256 price, uint256 gasUsed, uint256 gasFee, uint256 returned
    );

    /// @notice A callback that waited was made: `gasFee` went to the transmitter for `gasUsed`, `returned` back to the requester.
    event InferenceDelivered(uint256 indexed requestId, uint256 gasUsed, uint256 gasFee, uint256 returned);

    /// @notice An answer of a report was passed over.
    event AnswerSkipped(uint256 indexed requestId, SkipReason reason);

    /// @notice The requester was called. `success` is false if it ran out of gas or reverted.
    event CallbackMade(uint256 indexed requestId, address indexed requester, bool success, bool isFinal);

    /// @notice No answer came in time; the requester was credited.
    event InferenceRefunded(uint256 indexed requestId, address indexed requester, uint256 amount);

    /// @notice The time for a challenge passed; the oracles earned `income`.
    event InferenceFinalized(uint256 indexed requestId, uint256 income);

    /// @notice An answer was challenged.
    event InferenceChallenged(
        uint256 indexed requestId,
        address indexed challenger,
        uint256 bond,
        uint64 anchorBlock,
        uint8 committeeSize,
        uint64 verdictDeadline
    );

    /// @notice The committee is known for good.
    event CommitteeDrawn(uint256 indexed requestId, bytes32 seed);

    /// @notice The anchor's hash is out of reach; another block draws the committee.
    event CommitteeReanchored(uint256 indexed requestId, uint64 anchorBlock);

    /// @notice A verdict was taken.
    /// @param reward what the challenger was credited beyond the bond
    /// @param income what the oracles earned: price and bond, less `gasFee`, which went to the transmitter
    event DisputeResolved(
        uint256 indexed requestId,
        bool indexed upheld,
        address indexed challenger,
        uint8 votes,
        uint8 committeeSize,
        uint256 distance,
        int256[] values,
        bytes32 evidenceDigest,
        uint256 reward,
        uint256 income,
        uint256 gasFee
    );

    /// @notice A verdict of a report was passed over.
    event VerdictSkipped(uint256 indexed requestId, SkipReason reason);

    /// @notice No verdict came in time: the challenger has the bond back, the requester the price.
    event DisputeUnresolved(uint256 indexed requestId, address indexed challenger, uint256 bond, uint256 price);

    // Faults of a request.
    error InferenceOracle__ModelNotPriced(uint256 modelId);
    error InferenceOracle__WrongValue(uint256 got, uint256 maxFee);
    error InferenceOracle__FeeTooLow(uint256 maxFee, uint256 quoted);
    error InferenceOracle__FeeTooHigh(uint256 maxFee, uint256 max);
    error InferenceOracle__NoInput();
    error InferenceOracle__TwoInputs();
    error InferenceOracle__InputTooLong(uint256 got, uint256 max);
    error InferenceOracle__CallbackGasTooHigh(uint256 got, uint256 max);
    error InferenceOracle__TooManyAgreeing(uint256 got, uint256 oracles);
    error InferenceOracle__DeadlineOutOfRange(uint256 got, uint256 min, uint256 max);
    error InferenceOracle__FinalOnlyWithoutCallback();

    // Faults of a report that a quorum signed.
    error InferenceOracle__ReportTooShort(uint256 got, uint256 min);
    error InferenceOracle__ObservedInFuture(uint256 observationsTimestamp, uint256 latestAllowed);
    error InferenceOracle__EntryCount(uint256 got, uint256 min, uint256 max);
    error InferenceOracle__TooLittleGas(uint256 requestId, uint256 got, uint256 want);

    // Faults of what anyone may do with a request.
    error InferenceOracle__WrongStatus(uint256 requestId, Status got);
    error InferenceOracle__TooEarly(uint256 requestId, uint256 earliest);
    error InferenceOracle__TooLate(uint256 requestId, uint256 latest);
    error InferenceOracle__NoAnswer(uint256 requestId, Status got);
    error InferenceOracle__NothingToDeliver(uint256 requestId);
    error InferenceOracle__BondTooLow(uint256 got, uint256 want);
    error InferenceOracle__CommitteeNotDrawn(uint256 requestId, uint256 anchorBlock);
    error InferenceOracle__CommitteeOutOfReach(uint256 requestId, uint256 anchorBlock);
    error InferenceOracle__UnexpectedConfig(uint256 length);

    /// @notice Asks the newest active version of a model for its answer to `input`, with the usual deadline.
    /// @param modelId id in the model registry; its price has to be set
    /// @param input `abi.encode(int256[])` of the numbers that the model's manifest asks for, 1 to 4096 bytes
    /// @param callbackGasLimit gas of `onInference`; zero for no callback
    /// @param maxFee what the caller is ready to pay; equal to `msg.value`, at least `quote(...)`. What isn't spent comes
    ///        back as a credit
    /// @return requestId commits to chain, contract, requester, model digest and input
    function requestInference(uint256 modelId, bytes calldata input, uint32 callbackGasLimit, uint256 maxFee)
        external
        payable
        returns (uint256 requestId);

    /// @notice The same with everything that can be chosen.
    function requestInferenceWith(InferenceRequest calldata request, uint256 maxFee)
        external
        payable
        returns (uint256 requestId);

    /// @notice Ends a request that wasn't answered in time; the escrow becomes the requester's credit. By anyone.
    function refund(uint256 requestId) external;

    /// @notice Credits the oracles with the price of every listed answer whose time for a challenge has passed; passes
    ///         over the others. By anyone.
    function finalize(uint256[] calldata requestIds) external;

    /// @notice Calls a requester back that wanted nothing but the final answer, once. By anyone, unpaid, once the request
    ///         can't change any more. Oracles do it by themselves, and are repaid for it, within bounds, out of what was left
    ///         of `maxFee`. After an unresolved dispute the callback says that the answer isn't final.
    function deliver(uint256 requestId) external;

    /// @notice Disputes an answer, once, while it is provisional. Outcome 2 can't be disputed: it was free.
    /// @dev `msg.value` is the bond, at least `parameters().bond`.
    function challenge(uint256 requestId) external payable;

    /// @notice Keeps the seed of a committee whose anchor block exists; moves the anchor if the hash is out of reach.
    ///         By anyone.
    function drawCommittee(uint256 requestId) external;

    /// @notice Ends a dispute without a verdict once its time is over. By anyone.
    function closeDispute(uint256 requestId) external;

    /// @notice The least `maxFee` of a request now.
    /// @param inputLength bytes of the input
    function quote(uint256 modelId, uint256 inputLength, uint32 callbackGasLimit) external view returns (uint256);

    /// @notice Facts of a request; all zero for one that doesn't exist.
    function getRequest(uint256 requestId) external view returns (RequestView memory);

    /// @notice The answer as it stands; reverts while there is none.
    function getAnswer(uint256 requestId) external view returns (AnswerView memory);

    /// @notice Whether the answer can't change any more and isn't in doubt: false for ever after an unresolved dispute.
    function isFinal(uint256 requestId) external view returns (bool);

    /// @notice Facts of a dispute; all zero where there was none.
    function getDispute(uint256 requestId) external view returns (DisputeView memory);

    /// @notice The oracles drawn to rule, as indices into `getSigners()`, in the order in which they were drawn.
    function committee(uint256 requestId) external view returns (uint8[] memory indices);

    /// @notice How many requests were made.
    function requestCount() external view returns (uint256);

    /// @notice The registry in which models are found.
    function modelRegistry() external view returns (ModelRegistry);
}
