// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IInferenceOracle} from "../IInferenceOracle.sol";
import {ModelRegistry} from "../ModelRegistry.sol";
import {InferenceLedger} from "./InferenceLedger.sol";
import {InferencePricing} from "./InferencePricing.sol";

/// @title Requests and their escrow
abstract contract InferenceRequests is
    InferencePricing,
    InferenceLedger,
    IInferenceOracle,
    ReentrancyGuardTransient
{
    uint256 private constant MAX_INPUT_LENGTH = 4096;

    /// @dev Of an input that is delivered off-chain.
    uint256 private constant MAX_REMOTE_INPUT_LENGTH = 16 * 1024 * 1024;

    uint256 private constant MAX_CALLBACK_GAS = 1_000_000;
    uint256 private constant MIN_DEADLINE = 30 seconds;
    uint256 private constant DEFAULT_DEADLINE = 1 hours;
    uint256 private constant MAX_DEADLINE = 7 days;

    /// @dev When the requester is called back. `WhenFinal` becomes `Done` once it was.
    enum Delivery {
        AtOnce,
        WhenFinal,
        Done
    }

    /// @dev Four slots. `due` is a deadline whose meaning goes with the status; see `RequestView`. `maxFee` is what lies
    ///      there of a pending request, and after a provisional answer, if the callback waits, price and what delivering it
    ///      may cost.
    struct Request {
        address requester;
        uint40 due;
        uint32 callbackGasLimit;
        Status status;
        uint8 minAgreeing;
        Delivery delivery;
        bytes32 inputHash;
        bytes32 modelDigest;
        uint96 price;
        uint96 maxFee;
        uint32 answerGas;
        uint32 requestedAt;
    }

    ModelRegistry private immutable REGISTRY;
    uint256 private count;
    mapping(uint256 requestId => Request) internal requests;

    constructor(ModelRegistry registry_) {
        REGISTRY = registry_;
    }

    /// @inheritdoc IInferenceOracle
    function requestInference(uint256 modelId, bytes calldata input, uint32 callbackGasLimit, uint256 maxFee)
        external
        payable
        returns (uint256 requestId)
    {
        InferenceRequest memory request;
        request.modelId = modelId;
        request.input = input;
        request.callbackGasLimit = callbackGasLimit;
        return _request(request, maxFee);
    }

    /// @inheritdoc IInferenceOracle
    function requestInferenceWith(InferenceRequest calldata request, uint256 maxFee)
        external
        payable
        returns (uint256 requestId)
    {
        return _request(request, maxFee);
    }

    /// @inheritdoc IInferenceOracle
    function refund(uint256 requestId) external nonReentrant {
        Request storage request = _inStatus(requestId, Status.Pending);
        if (block.timestamp <= request.due) {
            revert InferenceOracle__TooEarly(requestId, uint256(request.due) + 1);
        }
        request.status = Status.Refunded;
        _credit(request.requester, request.maxFee);
        emit InferenceRefunded(requestId, request.requester, request.maxFee);
    }

    /// @inheritdoc IInferenceOracle
    function quote(uint256 modelId, uint256 inputLength, uint32 callbackGasLimit) external view returns (uint256) {
        (uint256 price, uint256 gasFee) = _quote(_priced(modelId), inputLength, callbackGasLimit);
        return price + gasFee;
    }

    /// @inheritdoc IInferenceOracle
    function getRequest(uint256 requestId) external view returns (RequestView memory) {
        Request memory request = requests[requestId];
        bool waits = request.delivery == Delivery.WhenFinal;
        uint256 held = 0;
        if (request.status == Status.Pending) held = request.maxFee;
        else if (request.status == Status.Answered || request.status == Status.Disputed) {
            held = waits ? request.maxFee : request.price;
        } else if (waits && request.status != Status.Refunded) held = request.maxFee - request.price;
        return RequestView({
            status: request.status,
            requester: request.requester,
            modelDigest: request.modelDigest,
            inputHash: request.inputHash,
            requestedAt: request.requestedAt,
            due: request.due,
            callbackGasLimit: request.callbackGasLimit,
            minAgreeing: request.minAgreeing,
            finalOnly: request.delivery != Delivery.AtOnce,
            delivered: request.delivery == Delivery.Done,
            price: request.price,
            held: held
        });
    }

    /// @inheritdoc IInferenceOracle
    function requestCount() external view returns (uint256) {
        return count;
    }

    /// @inheritdoc IInferenceOracle
    function modelRegistry() external view returns (ModelRegistry) {
        return REGISTRY;
    }

    /// @dev The request, if it has this status.
    function _inStatus(uint256 requestId, Status want) internal view returns (Request storage request) {
        request = requests[requestId];
        if (request.status != want) revert InferenceOracle__WrongStatus(requestId, request.status);
    }

    function _request(InferenceRequest memory asked, uint256 maxFee) private returns (uint256 requestId) {
        (bytes32 inputHash, uint256 inputLength) = _checkInput(asked);
        uint256 deadline = block.timestamp + _checkLimits(asked);
        (uint32 version, bytes32 digest) = REGISTRY.resolve(asked.modelId, asked.version);
        ModelPrice memory model = _priced(asked.modelId);
        uint256 price = _checkFee(model, inputLength, asked.callbackGasLimit, maxFee);

        // An id that commits to what was asked: after a reorganisation an answer can't meet another question.
        requestId = uint256(
            keccak256(abi.encode(block.chainid, address(this), ++count, msg.sender, digest, inputHash))
        );
        // Casts: `_checkFee` has bounded both amounts, seconds fit 32 bits until 2106.
        requests[requestId] = Request({
            requester: msg.sender,
            due: uint40(deadline),
            callbackGasLimit: asked.callbackGasLimit,
            status: Status.Pending,
            minAgreeing: asked.minAgreeing,
            delivery: asked.finalOnly ? Delivery.WhenFinal : Delivery.AtOnce,
            inputHash: inputHash,
            modelDigest: digest,
            price: uint96(price),
            maxFee: uint96(maxFee),
            answerGas: model.answerGas,
            requestedAt: uint32(block.timestamp)
        });
        emit InferenceRequested(
            requestId,
            digest,
            msg.sender,
            asked.modelId,
            version,
            inputHash,
            uint32(inputLength),
            asked.input,
            asked.callbackGasLimit,
            asked.minAgreeing,
            asked.finalOnly,
            uint64(deadline),
            price,
            maxFee
        );
    }

    function _priced(uint256 modelId) private view returns (ModelPrice memory price) {
        price = _modelPrice(modelId);
        if (price.answerGas == 0) revert InferenceOracle__ModelNotPriced(modelId);
    }

    /// @dev SHA-256, since that is what the network names content by.
    function _checkInput(InferenceRequest memory asked) private pure returns (bytes32 hash, uint256 length) {
        length = asked.input.length;
        if (asked.inputHash == 0) {
            if (length == 0) revert InferenceOracle__NoInput();
            if (asked.inputLength != 0) revert InferenceOracle__TwoInputs();
            if (length > MAX_INPUT_LENGTH) revert InferenceOracle__InputTooLong(length, MAX_INPUT_LENGTH);
            return (sha256(asked.input), length);
        }
        if (length != 0) revert InferenceOracle__TwoInputs();
        length = asked.inputLength;
        if (length == 0) revert InferenceOracle__NoInput();
        if (length > MAX_REMOTE_INPUT_LENGTH) revert InferenceOracle__InputTooLong(length, MAX_REMOTE_INPUT_LENGTH);
        return (asked.inputHash, length);
    }

    /// @return deadlineSeconds how long to wait
    function _checkLimits(InferenceRequest memory asked) private view returns (uint256 deadlineSeconds) {
        if (asked.callbackGasLimit > MAX_CALLBACK_GAS) {
            revert InferenceOracle__CallbackGasTooHigh(asked.callbackGasLimit, MAX_CALLBACK_GAS);
        }
        if (asked.finalOnly && asked.callbackGasLimit == 0) revert InferenceOracle__FinalOnlyWithoutCallback();
        uint256 oracles = _oracleCount();
        if (oracles == 0) revert QuorumVerifier__NotConfigured();
        if (asked.minAgreeing > oracles) revert InferenceOracle__TooManyAgreeing(asked.minAgreeing, oracles);
        deadlineSeconds = asked.deadlineSeconds == 0 ? DEFAULT_DEADLINE : asked.deadlineSeconds;
        if (deadlineSeconds < MIN_DEADLINE || deadlineSeconds > MAX_DEADLINE) {
            revert InferenceOracle__DeadlineOutOfRange(deadlineSeconds, MIN_DEADLINE, MAX_DEADLINE);
        }
    }

    /// @return price what the oracles earn
    function _checkFee(ModelPrice memory model, uint256 inputLength, uint256 callbackGasLimit, uint256 maxFee)
        private
        view
        returns (uint256 price)
    {
        if (msg.value != maxFee) revert InferenceOracle__WrongValue(msg.value, maxFee);
        if (maxFee > type(uint96).max) revert InferenceOracle__FeeTooHigh(maxFee, type(uint96).max);
        uint256 gasFee;
        (price, gasFee) = _quote(model, inputLength, callbackGasLimit);
        if (maxFee < price + gasFee) revert InferenceOracle__FeeTooLow(maxFee, price + gasFee);
    }
}
