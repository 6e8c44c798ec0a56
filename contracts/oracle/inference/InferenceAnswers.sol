// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceConsumer} from "../IInferenceConsumer.sol";
import {IInferenceOracle} from "../IInferenceOracle.sol";
import {AnswerValues} from "./AnswerValues.sol";
import {BoundedCall} from "./BoundedCall.sol";
import {InferenceRequests} from "./InferenceRequests.sol";

/// @title Answers: taking them, keeping them, bringing them to who asked
abstract contract InferenceAnswers is InferenceRequests {
    uint8 internal constant ANSWERED = 1;
    uint8 internal constant NO_AGREEMENT = 2;
    uint8 internal constant BAD_INPUT = 3;
    uint256 internal constant MAX_VALUES = 256;

    /// @dev Gas of what follows the measurement: three credits and an event, the requester's credit an empty slot.
    uint256 private constant SETTLEMENT_GAS = 32_000;

    /// @dev Most gas repaid for a delivery, callback and share of the report apart.
    uint256 private constant DELIVERY_GAS = 150_000;

    /// @dev Says that a spread is in `wideSpreads`.
    uint72 private constant WIDE = type(uint72).max;

    /// @dev One slot. Configuration, epoch and round name the report that the answer came with.
    struct Record {
        uint32 configCount;
        uint40 epochAndRound;
        uint32 observedAt;
        uint32 answeredAt;
        uint8 outcome;
        uint8 agreeing;
        uint8 observers;
        uint16 valueCount;
        uint72 spread;
    }

    /// @dev What all entries of a report share.
    struct Source {
        uint32 configCount;
        uint40 epochAndRound;
        uint32 observedAt;
        bytes32 evidenceDigest;
        uint256 gasShare;
    }

    mapping(uint256 requestId => Record) internal records;
    mapping(uint256 requestId => bytes32) private contents;
    mapping(uint256 requestId => uint256) private wideSpreads;
    mapping(uint256 report => bytes32) private evidences;

    /// @inheritdoc IInferenceOracle
    function finalize(uint256[] calldata requestIds) external nonReentrant {
        for (uint256 i = 0; i < requestIds.length; ++i) {
            if (_isRipe(requests[requestIds[i]])) _finalize(requestIds[i]);
        }
    }

    /// @inheritdoc IInferenceOracle
    function deliver(uint256 requestId) external nonReentrant {
        Request storage request = requests[requestId];
        if (request.delivery != Delivery.WhenFinal) revert InferenceOracle__NothingToDeliver(requestId);
        if (!_isDeliverable(request)) {
            if (request.status == Status.Answered) {
                revert InferenceOracle__TooEarly(requestId, uint256(request.due) + 1);
            }
            revert InferenceOracle__WrongStatus(requestId, request.status);
        }
        _deliver(requestId, 0);
    }

    /// @inheritdoc IInferenceOracle
    function getAnswer(uint256 requestId) external view returns (AnswerView memory) {
        Record memory record = records[requestId];
        Request storage request = requests[requestId];
        if (record.outcome == 0) revert InferenceOracle__NoAnswer(requestId, request.status);
        return AnswerView({
            status: request.status,
            modelDigest: request.modelDigest,
            outcome: record.outcome,
            agreeing: record.agreeing,
            observers: record.observers,
            spread: record.spread == WIDE ? wideSpreads[requestId] : record.spread,
            values: AnswerValues.load(contents[requestId], record.valueCount),
            evidenceDigest: evidences[_reportKey(record.configCount, record.epochAndRound)],
            observedAt: record.observedAt,
            answeredAt: record.answeredAt,
            isFinal: isFinal(requestId)
        });
    }

    /// @inheritdoc IInferenceOracle
    function isFinal(uint256 requestId) public view returns (bool) {
        Request storage request = requests[requestId];
        Status status = request.status;
        return status == Status.Final || status == Status.Upheld || status == Status.Overturned || _isRipe(request);
    }

    /// @notice Takes the answers of a report; credits the transmitter for those that were accepted.
    function _takeAnswers(Source memory source, Answer[] memory answers) internal {
        uint256 repaid = 0;
        for (uint256 i = 0; i < answers.length; ++i) repaid += _takeAnswer(source, answers[i]);
        _credit(msg.sender, repaid);
    }

    /// @notice Keeps an answer, or what replaces one.
    function _keep(
        Source memory source,
        uint256 requestId,
        uint8 outcome,
        uint8 agreeing,
        uint8 observers,
        uint256 spread,
        int256[] memory values
    ) internal {
        // Casts: seconds fit 32 bits until 2106, and there are at most 256 values.
        records[requestId] = Record({
            configCount: source.configCount,
            epochAndRound: source.epochAndRound,
            observedAt: source.observedAt,
            answeredAt: uint32(block.timestamp),
            outcome: outcome,
            agreeing: agreeing,
            observers: observers,
            valueCount: uint16(values.length),
            spread: spread < WIDE ? uint72(spread) : WIDE
        });
        if (spread >= WIDE) wideSpreads[requestId] = spread;
        contents[requestId] = AnswerValues.keep(values);
        uint256 key = _reportKey(source.configCount, source.epochAndRound);
        if (evidences[key] != source.evidenceDigest) evidences[key] = source.evidenceDigest;
    }

    /// @notice Calls the requester, if it wants that. Reverts everything if the transaction has too little gas left.
    function _callback(uint256 requestId, uint8 outcome, int256[] memory values, bool isFinal_) internal {
        Request storage request = requests[requestId];
        uint256 gasLimit = request.callbackGasLimit;
        if (gasLimit == 0) return;
        address requester = request.requester;
        bytes memory data = abi.encodeCall(
            IInferenceConsumer.onInference, (requestId, request.modelDigest, outcome, values, isFinal_)
        );
        uint256 needed = BoundedCall.gasNeeded(gasLimit);
        uint256 left = gasleft();
        if (left < needed) revert InferenceOracle__TooLittleGas(requestId, left, needed);
        bool success = BoundedCall.tryCall(requester, gasLimit, data);
        emit CallbackMade(requestId, requester, success, isFinal_);
    }

    /// @notice Makes the callback that waited, once; what was kept for it and isn't owed goes back.
    /// @param gasShare of a report; zero where no report asked for it, which is not paid: whoever builds a block could
    ///        otherwise take all that was kept by a tip to itself
    /// @return gasFee what the transmitter is owed
    function _deliver(uint256 requestId, uint256 gasShare) internal returns (uint256 gasFee) {
        uint256 gasBefore = gasleft();
        Request storage request = requests[requestId];
        if (_isRipe(request)) _finalize(requestId);
        request.delivery = Delivery.Done;
        Record storage record = records[requestId];
        _callback(
            requestId,
            record.outcome,
            AnswerValues.load(contents[requestId], record.valueCount),
            request.status != Status.Unresolved
        );
        uint256 spare = request.maxFee - request.price;
        uint256 gasUsed = gasShare == 0 ? 0 : gasBefore - gasleft() + gasShare + SETTLEMENT_GAS;
        uint256 bound = DELIVERY_GAS + gasShare + request.callbackGasLimit;
        if (gasUsed > bound) gasUsed = bound;
        gasFee = gasUsed * _gasPrice();
        if (gasFee > spare) gasFee = spare;
        _credit(request.requester, spare - gasFee);
        emit InferenceDelivered(requestId, gasUsed, gasFee, spare - gasFee);
    }

    /// @dev Whether a callback waits that can be made now.
    function _isDeliverable(Request storage request) internal view returns (bool) {
        if (request.delivery != Delivery.WhenFinal) return false;
        Status status = request.status;
        return status == Status.Final || status == Status.Upheld || status == Status.Overturned
            || status == Status.Unresolved || _isRipe(request);
    }

    /// @return gasFee what the transmitter is owed
    function _takeAnswer(Source memory source, Answer memory answer) private returns (uint256 gasFee) {
        uint256 gasBefore = gasleft();
        Request storage request = requests[answer.requestId];
        (bool fine, SkipReason reason) = _judge(request, answer);
        if (!fine) {
            emit AnswerSkipped(answer.requestId, reason);
            return 0;
        }
        bool isFinal_ = _accept(source, request, answer);
        if (request.delivery == Delivery.AtOnce) {
            _callback(answer.requestId, answer.outcome, answer.values, isFinal_);
        } else if (isFinal_) {
            request.delivery = Delivery.Done;
            _callback(answer.requestId, answer.outcome, answer.values, true);
        }
        return _settle(request, answer, gasBefore - gasleft() + source.gasShare + SETTLEMENT_GAS);
    }

    /// @dev Effects of an answer, all before the callback. The escrow is settled after it, since its gas counts.
    /// @return isFinal_ whether the answer can't be challenged
    function _accept(Source memory source, Request storage request, Answer memory answer)
        private
        returns (bool isFinal_)
    {
        uint256 window = answer.outcome == NO_AGREEMENT ? 0 : _parameters().disputeWindow;
        isFinal_ = window == 0;
        uint40 finalAt = uint40(block.timestamp + window);
        request.due = finalAt;
        request.status = isFinal_ ? Status.Final : Status.Answered;
        _keep(
            source,
            answer.requestId,
            answer.outcome,
            answer.agreeing,
            answer.observers,
            answer.spread,
            answer.values
        );
        emit InferenceAnswered(
            answer.requestId,
            request.modelDigest,
            msg.sender,
            answer.outcome,
            answer.agreeing,
            answer.observers,
            answer.spread,
            answer.values,
            source.evidenceDigest,
            source.observedAt,
            finalAt,
            source.configCount,
            source.epochAndRound
        );
    }

    /// @dev Splits the escrow: the price is held, or earned if the answer is final; without agreement it goes back. The
    ///      transmitter gets at most what is left of it, the requester the rest, which is kept while a callback waits.
    function _settle(Request storage request, Answer memory answer, uint256 gasUsed)
        private
        returns (uint256 gasFee)
    {
        (uint256 price, uint256 spare) = (request.price, request.maxFee - request.price);
        bool waits = request.delivery == Delivery.WhenFinal;
        uint256 bound = uint256(request.answerGas) + (waits ? 0 : request.callbackGasLimit);
        if (gasUsed > bound) gasUsed = bound;
        gasFee = gasUsed * _gasPrice();
        if (gasFee > spare) gasFee = spare;
        uint256 returned = spare - gasFee;
        if (answer.outcome == NO_AGREEMENT) {
            returned += price;
            price = 0;
        } else if (request.status == Status.Final) {
            _earn(records[answer.requestId].configCount, price);
        } else if (waits) {
            // Cast: at most what it was before.
            request.maxFee = uint96(price + returned);
            returned = 0;
        }
        _credit(request.requester, returned);
        emit InferencePaid(answer.requestId, price, gasUsed, gasFee, returned);
    }

    function _judge(Request storage request, Answer memory answer) private view returns (bool, SkipReason) {
        if (request.status != Status.Pending) return (false, SkipReason.NotPending);
        if (block.timestamp > request.due) return (false, SkipReason.Late);
        if (request.inputHash != answer.inputHash) return (false, SkipReason.WrongInput);
        uint256 count = answer.values.length;
        bool shaped = answer.outcome == ANSWERED
            ? count != 0 && count <= MAX_VALUES
            : (answer.outcome == NO_AGREEMENT || answer.outcome == BAD_INPUT) && count == 0;
        if (!shaped || answer.agreeing > answer.observers || answer.observers > _oracleCount()) {
            return (false, SkipReason.Malformed);
        }
        if (answer.outcome == ANSWERED && answer.agreeing < request.minAgreeing) {
            return (false, SkipReason.TooFewAgreeing);
        }
        return (true, SkipReason.NotPending);
    }

    /// @dev Whether nobody challenged the answer and nobody can any more.
    function _isRipe(Request storage request) internal view returns (bool) {
        return request.status == Status.Answered && block.timestamp > request.due;
    }

    function _finalize(uint256 requestId) internal {
        Request storage request = requests[requestId];
        request.status = Status.Final;
        _earn(records[requestId].configCount, request.price);
        emit InferenceFinalized(requestId, request.price);
    }

    function _reportKey(uint32 configCount, uint40 epochAndRound) private pure returns (uint256) {
        return uint256(configCount) << 40 | epochAndRound;
    }
}
