// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {InferenceRequester} from "../../mocks/InferenceRequester.sol";
import {InferenceTest} from "../../testing/InferenceTest.t.sol";
import {IInferenceLedger} from "../IInferenceLedger.sol";
import {IInferenceOracle} from "../IInferenceOracle.sol";
import {InferencePricing} from "./InferencePricing.sol";

contract InferenceAnswersTest is InferenceTest {
    event AnswerSkipped(uint256 indexed requestId, IInferenceOracle.SkipReason reason);
    event CallbackMade(uint256 indexed requestId, address indexed requester, bool success, bool isFinal);

    function setUp() external {
        _deploy();
        vm.txGasPrice(GAS_PRICE);
    }

    function testFuzz_whatIsAnsweredCanBeRead(uint256 length, uint256 seed, uint256 spread) external {
        IInferenceOracle.Answer memory answer = _answer(_ask(), 0);
        answer.values = new int256[](_bound(length, 1, 256));
        for (uint256 i = 0; i < answer.values.length; ++i) {
            answer.values[i] = int256(uint256(keccak256(abi.encode(seed, i))));
        }
        answer.spread = spread;
        _deliver(answer);

        IInferenceOracle.AnswerView memory got = oracle.getAnswer(answer.requestId);
        _equal(got.modelDigest, MODEL, "model");
        _equal(got.outcome, ANSWERED, "outcome");
        _equal(got.agreeing, 3, "agreeing");
        _equal(got.observers, 4, "observers");
        _equal(got.spread, spread, "spread");
        _equal(keccak256(abi.encode(got.values)), keccak256(abi.encode(answer.values)), "values");
        _equal(got.evidenceDigest, EVIDENCE, "evidence");
        _equal(got.observedAt, START, "observed");
        _equal(got.answeredAt, START, "answered");
        _true(!got.isFinal, "provisional");
    }

    function test_theSpreadsAtTheEdge() external {
        uint256[3] memory spreads = [uint256(type(uint72).max) - 1, type(uint72).max, type(uint256).max];
        for (uint256 i = 0; i < 3; ++i) {
            IInferenceOracle.Answer memory answer = _answer(_ask(), 1);
            answer.spread = spreads[i];
            _deliver(answer);
            _equal(oracle.getAnswer(answer.requestId).spread, spreads[i], "spread");
        }
    }

    function test_theRequesterIsTold() external {
        uint256 id = _ask();
        vm.expectEmit(true, true, false, true, address(oracle));
        emit CallbackMade(id, address(requester), true, false);
        _deliver(_answer(id, 42));
        _equal(requester.noted(), 1, "called once");
        _equal(requester.lastRequestId(), id, "id");
        _equal(requester.lastDigest(), MODEL, "model");
        _equal(requester.lastOutcome(), ANSWERED, "outcome");
        _true(!requester.lastIsFinal(), "provisional");
        _equal(requester.lastAnswer()[0], 42, "value");
        vm.warp(START + WINDOW + 1);
        _finalize(id);
        _equal(requester.noted(), 1, "not called again");
    }

    function test_aBatchPassesOverWhatItCantUse() external {
        IInferenceOracle.InferenceRequest memory strict = _request();
        strict.minAgreeing = 4;
        strict.deadlineSeconds = 2 hours;
        IInferenceOracle.Answer[] memory answers = new IInferenceOracle.Answer[](8);
        answers[0] = _answer(_ask(), 1);
        answers[1] = _answer(12345, 1);
        answers[2] = answers[0];
        answers[3] = _answer(_ask(), 1);
        answers[3].inputHash = keccak256("another");
        answers[4] = _answer(_ask(strict), 1);
        answers[5] = _answer(_ask(), 1);
        answers[5].values = new int256[](0);
        answers[6] = _answer(_ask(), 1);
        answers[6].agreeing = 5;
        answers[7] = _answer(_ask(), 7);
        _expectSkip(answers[1], IInferenceOracle.SkipReason.NotPending);
        _expectSkip(answers[2], IInferenceOracle.SkipReason.NotPending);
        _expectSkip(answers[3], IInferenceOracle.SkipReason.WrongInput);
        _expectSkip(answers[4], IInferenceOracle.SkipReason.TooFewAgreeing);
        _expectSkip(answers[5], IInferenceOracle.SkipReason.Malformed);
        _expectSkip(answers[6], IInferenceOracle.SkipReason.Malformed);
        bytes memory report = _report(answers);
        vm.prank(TRANSMITTER);
        oracle.deliverReport(report);
        _expectStatus(answers[0].requestId, IInferenceOracle.Status.Answered);
        for (uint256 i = 3; i < 7; ++i) _expectStatus(answers[i].requestId, IInferenceOracle.Status.Pending);
        _equal(oracle.getAnswer(answers[7].requestId).values[0], 7, "the last one");

        answers[4].agreeing = 4;
        _deliver(answers[4]);
        _expectStatus(answers[4].requestId, IInferenceOracle.Status.Answered);
    }

    function test_malformedOutcomes() external {
        IInferenceOracle.Answer memory answer = _answer(_ask(), 1);
        for (uint8 outcome = 0; outcome < 6; ++outcome) {
            if (outcome == ANSWERED) continue;
            answer.outcome = outcome;
            _expectSkip(answer, IInferenceOracle.SkipReason.Malformed);
            _deliver(answer);
        }
        answer.outcome = ANSWERED;
        answer.values = new int256[](257);
        _expectSkip(answer, IInferenceOracle.SkipReason.Malformed);
        _deliver(answer);
        _expectStatus(answer.requestId, IInferenceOracle.Status.Pending);
    }

    function test_anAnswerAfterTheDeadlineIsLate() external {
        uint256 id = _ask();
        vm.warp(START + 1 hours + 1);
        _expectSkip(_answer(id, 1), IInferenceOracle.SkipReason.Late);
        _deliver(_answer(id, 1));
        oracle.refund(id);
        vm.warp(START);
        uint256 next = _ask();
        vm.warp(START + 1 hours);
        _deliver(_answer(next, 1));
        _expectStatus(next, IInferenceOracle.Status.Answered);
    }

    function test_refusedReports() external {
        vm.expectRevert(abi.encodeWithSelector(IInferenceOracle.InferenceOracle__ReportTooShort.selector, 255, 256));
        oracle.deliverReport(new bytes(255));
        IInferenceOracle.Answer[] memory answers = new IInferenceOracle.Answer[](0);
        vm.expectRevert(abi.encodeWithSelector(IInferenceOracle.InferenceOracle__EntryCount.selector, 0, 1, 32));
        oracle.deliverReport(_report(uint32(START), EVIDENCE, answers));
        answers = new IInferenceOracle.Answer[](33);
        vm.expectRevert(abi.encodeWithSelector(IInferenceOracle.InferenceOracle__EntryCount.selector, 33, 1, 32));
        oracle.deliverReport(_report(uint32(START), EVIDENCE, answers));
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceOracle.InferenceOracle__ObservedInFuture.selector, START + 61, START + 60)
        );
        oracle.deliverReport(_report(uint32(START + 61), EVIDENCE, answers));
    }

    function test_hostileRequestersHarmNobody() external {
        IInferenceOracle.Answer[] memory answers = new IInferenceOracle.Answer[](5);
        InferenceRequester good = requester;
        for (uint8 mood = 1; mood <= 3; ++mood) {
            requester = InferenceRequester(payable(_create("InferenceRequester", abi.encode(oracle))));
            requester.setMood(InferenceRequester.Mood(mood));
            answers[mood - 1] = _answer(_ask(), 1);
        }
        // One without code: it asked and is gone.
        vm.deal(address(0xDEAD), 1 ether);
        vm.prank(address(0xDEAD));
        answers[3] = _answer(oracle.requestInference{value: 1 ether}(1, INPUT, 100_000, 1 ether), 1);
        requester = good;
        answers[4] = _answer(_ask(), 4);
        bytes memory report = _report(answers);
        vm.prank(TRANSMITTER);
        oracle.deliverReport(report);
        for (uint256 i = 0; i < 5; ++i) _expectStatus(answers[i].requestId, IInferenceOracle.Status.Answered);
        _equal(requester.lastAnswer()[0], 4, "the good one has its answer");
    }

    function test_whatARequesterMayDoWithinTheCallback() external {
        uint256 other = _ask();
        IInferenceOracle.InferenceRequest memory request = _request();
        request.callbackGasLimit = 1_000_000;
        uint256 id = _ask(request);
        uint256[] memory ids = new uint256[](1);
        ids[0] = id;
        vm.deal(address(requester), 10 ether);
        requester.setMood(InferenceRequester.Mood.Reenter);
        requester.plan(BOND, abi.encodeCall(IInferenceOracle.challenge, (id)));
        requester.plan(0, abi.encodeCall(IInferenceOracle.refund, (other)));
        requester.plan(0, abi.encodeCall(IInferenceOracle.finalize, (ids)));
        requester.plan(0, abi.encodeCall(IInferenceOracle.deliver, (id)));
        requester.plan(0, abi.encodeCall(IInferenceOracle.drawCommittee, (id)));
        requester.plan(0, abi.encodeCall(IInferenceOracle.closeDispute, (id)));
        IInferenceOracle.Answer[] memory answers = new IInferenceOracle.Answer[](1);
        answers[0] = _answer(other, 1);
        requester.plan(0, abi.encodeWithSignature("deliverReport(bytes)", _report(answers)));
        requester.plan(0, abi.encodeCall(IInferenceOracle.getAnswer, (id)));
        requester.plan(0, abi.encodeCall(IInferenceLedger.claim, (uint32(1), TRANSMITTER)));
        requester.plan(1 ether, abi.encodeCall(IInferenceOracle.requestInference, (1, INPUT, 0, 1 ether)));
        _deliver(_answer(id, 1));
        _equal(requester.noted(), 1, "called");
        _equal(requester.taken(), 7 << 7, "reads, claims and asks again; nothing else");
        _expectStatus(id, IInferenceOracle.Status.Answered);
        _expectStatus(other, IInferenceOracle.Status.Pending);
    }

    /// @dev Whatever gas the transmitter gives: the callback has what was agreed, or nothing happens at all.
    function testFuzz_theTransmitterCantStarveTheCallback(uint256 gas_) external {
        uint256 id = _ask();
        IInferenceOracle.Answer[] memory answers = new IInferenceOracle.Answer[](1);
        answers[0] = _answer(id, 1);
        bytes memory report = _report(answers);
        gas_ = _bound(gas_, 100_000, 800_000);
        vm.prank(TRANSMITTER);
        try oracle.deliverReport{gas: gas_}(report) {
            _equal(requester.noted(), 1, "called");
            // Up to 1500 gas of decoding come before the requester's first look.
            _true(requester.lastGas() > CALLBACK_GAS - 1500 && requester.lastGas() <= CALLBACK_GAS, "with all of it");
        } catch {
            _expectStatus(id, IInferenceOracle.Status.Pending);
        }
    }

    function test_tooLittleGasIsNamed() external {
        IInferenceOracle.InferenceRequest memory request = _request();
        request.callbackGasLimit = 1_000_000;
        IInferenceOracle.Answer[] memory answers = new IInferenceOracle.Answer[](1);
        answers[0] = _answer(_ask(request), 1);
        bytes memory report = _report(answers);
        try oracle.deliverReport{gas: 900_000}(report) {
            _true(false, "taken");
        } catch (bytes memory reason) {
            _equal(bytes32(bytes4(reason)), bytes32(IInferenceOracle.InferenceOracle__TooLittleGas.selector), "named");
        }
    }

    function testFuzz_whatAnAnswerCosts(uint256 gasPrice, uint256 extra, uint8 outcome) external {
        gasPrice = _bound(gasPrice, 0, 3 * GAS_PRICE);
        extra = _bound(extra, 0, 0.01 ether);
        outcome = uint8(_bound(outcome, 1, 3));
        vm.txGasPrice(gasPrice);
        uint256 quoted = oracle.quote(1, INPUT.length, CALLBACK_GAS);
        uint256 price = BASE + PER_WORD;
        uint256 id = requester.ask{value: quoted + extra}(_request());
        _deliver(outcome == ANSWERED ? _answer(id, 1) : _none(id, outcome));

        uint256 repaid = oracle.creditOf(TRANSMITTER);
        uint256 most = uint256(ANSWER_GAS) + CALLBACK_GAS;
        uint256 effective = gasPrice < GAS_PRICE ? gasPrice : GAS_PRICE;
        _true(repaid <= effective * most, "bounded");
        // The report's share and a slot or more were paid for.
        _true(repaid >= effective * 150_000, "repaid");
        uint256 held = oracle.getRequest(id).held;
        _equal(held, outcome == NO_AGREEMENT ? 0 : price, "held for the oracles");
        _equal(oracle.creditOf(address(requester)), quoted + extra - repaid - held, "the rest went back");
    }

    function test_withoutAgreementItIsOverAndFree() external {
        uint256 id = _ask();
        _deliver(_none(id, NO_AGREEMENT));
        _expectStatus(id, IInferenceOracle.Status.Final);
        _true(oracle.isFinal(id) && requester.lastIsFinal(), "final");
        (uint256 perOracle, uint256 remainder,) = oracle.incomeOf(1);
        _equal(perOracle + remainder, 0, "nobody earned");
        vm.expectRevert(_wrongStatus(id, IInferenceOracle.Status.Final));
        _challenge(id);
    }

    function test_incomeIsEarnedWhenItIsFinal() external {
        uint256 id = _ask();
        uint256 bad = _ask();
        _deliver(_answer(id, 1));
        _deliver(_none(bad, BAD_INPUT));
        uint256[] memory ids = new uint256[](3);
        (ids[0], ids[1], ids[2]) = (id, bad, id);
        vm.warp(START + WINDOW);
        oracle.finalize(ids);
        _expectStatus(id, IInferenceOracle.Status.Answered);
        _true(!oracle.isFinal(id), "to the last second");
        vm.warp(START + WINDOW + 1);
        _true(oracle.isFinal(id) && oracle.getAnswer(id).isFinal, "final before anybody says so");
        oracle.finalize(ids);
        _expectStatus(id, IInferenceOracle.Status.Final);
        _equal(oracle.claimable(1, _transmitter(3)), 2 * (BASE + PER_WORD) / 4, "a quarter");
        oracle.finalize(ids);
        _equal(oracle.claimable(1, _transmitter(3)), 2 * (BASE + PER_WORD) / 4, "once");
    }

    function testFuzz_theSetThatAnsweredEarns(uint256 price, uint256 n) external {
        price = _bound(price, 0, 1 ether);
        n = _bound(n, 4, 31);
        _configure(n);
        oracle.setModelPrice(1, InferencePricing.ModelPrice(uint96(price), 0, ANSWER_GAS));
        uint256 first = _ask();
        uint256 second = _ask();
        _deliver(_answer(first, 1));
        // The next set is smaller, and some of its transmitters are the same.
        _configure(4);
        _deliver(_answer(second, 1));
        vm.warp(START + WINDOW + 1);
        _finalize(first);
        _finalize(second);
        for (uint256 i = 0; i < n; ++i) {
            _equal(oracle.claim(2, _transmitter(i)), price / n, "share of the first set");
            _equal(oracle.claim(2, _transmitter(i)), 0, "once");
        }
        _equal(oracle.claim(3, _transmitter(1)), price / 4, "share of the second set");
        (, uint256 remainder,) = oracle.incomeOf(2);
        _equal(remainder, price % n, "what can't be split waits");
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceLedger.InferenceOracle__NotOfThisConfig.selector, 3, _transmitter(4))
        );
        oracle.claim(3, _transmitter(4));
    }

    function test_finalOnlyIsDeliveredOnce() external {
        IInferenceOracle.InferenceRequest memory request = _request();
        request.finalOnly = true;
        uint256 id = _ask(request);
        vm.expectRevert(_wrongStatus(id, IInferenceOracle.Status.Pending));
        oracle.deliver(id);
        _deliver(_answer(id, 42));
        _equal(requester.noted(), 0, "not yet");
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceOracle.InferenceOracle__TooEarly.selector, id, START + WINDOW + 1)
        );
        oracle.deliver(id);
        vm.warp(START + WINDOW + 1);
        oracle.deliver(id);
        _equal(requester.lastAnswer()[0], 42, "delivered");
        _true(requester.lastIsFinal(), "final");
        _expectStatus(id, IInferenceOracle.Status.Final);
        vm.expectRevert(abi.encodeWithSelector(IInferenceOracle.InferenceOracle__NothingToDeliver.selector, id));
        oracle.deliver(id);
    }

    function test_withoutAWindowAnswersAreFinalAtOnce() external {
        InferencePricing.Parameters memory rules = _rules();
        rules.disputeWindow = 0;
        oracle.setParameters(rules);
        IInferenceOracle.InferenceRequest memory request = _request();
        request.finalOnly = true;
        uint256 id = _ask(request);
        _deliver(_answer(id, 42));
        _true(oracle.isFinal(id) && requester.lastIsFinal(), "final");
        _equal(oracle.claimable(1, _transmitter(0)), (BASE + PER_WORD) / 4, "earned");
        vm.expectRevert(abi.encodeWithSelector(IInferenceOracle.InferenceOracle__NothingToDeliver.selector, id));
        oracle.deliver(id);
    }

    function _expectSkip(IInferenceOracle.Answer memory answer, IInferenceOracle.SkipReason reason) private {
        vm.expectEmit(true, false, false, true, address(oracle));
        emit AnswerSkipped(answer.requestId, reason);
    }
}
