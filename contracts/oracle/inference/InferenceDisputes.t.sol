// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {InferenceTest} from "../../testing/InferenceTest.t.sol";
import {IInferenceOracle} from "../IInferenceOracle.sol";
import {Committee} from "./Committee.sol";
import {InferencePricing} from "./InferencePricing.sol";

contract InferenceDisputesTest is InferenceTest {
    uint256 private constant PRICE = BASE + PER_WORD;
    uint256 private constant CHALLENGED_AT = 1000;
    uint256 private constant ANCHOR = CHALLENGED_AT + 4;

    event VerdictSkipped(uint256 indexed requestId, IInferenceOracle.SkipReason reason);
    event CommitteeDrawn(uint256 indexed requestId, bytes32 seed);
    event CommitteeReanchored(uint256 indexed requestId, uint64 anchorBlock);
    event DisputeUnresolved(uint256 indexed requestId, address indexed challenger, uint256 bond, uint256 price);

    function setUp() external {
        _deploy();
    }

    function testFuzz_committeesAreSetsOfOracles(bytes32 seed, uint256 size, uint256 n) external pure {
        n = _bound(n, 1, 31);
        size = _bound(size, 1, n);
        uint8[] memory drawn = Committee.draw(seed, size, n);
        _equal(drawn.length, size, "size");
        uint256 seen = 0;
        for (uint256 i = 0; i < size; ++i) {
            _true(drawn[i] < n, "an oracle");
            _true(seen & (1 << drawn[i]) == 0, "once");
            seen |= 1 << drawn[i];
        }
    }

    /// @dev 3 of 10: each is expected 300 times in 1000 draws, with a standard deviation of 14.5.
    function test_everyOracleIsDrawnAsOften() external pure {
        uint256[10] memory times;
        for (uint256 i = 0; i < 1000; ++i) {
            uint8[] memory drawn = Committee.draw(keccak256(abi.encode("seed", i)), 3, 10);
            for (uint256 j = 0; j < 3; ++j) ++times[drawn[j]];
        }
        for (uint256 i = 0; i < 10; ++i) _true(times[i] > 240 && times[i] < 360, "fair");
    }

    function test_challengeOnceWithinTheWindow() external {
        uint256 id = _ask();
        vm.expectRevert(_wrongStatus(id, IInferenceOracle.Status.Pending));
        _challenge(id);
        _deliver(_answer(id, 42));
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceOracle.InferenceOracle__BondTooLow.selector, BOND - 1, BOND)
        );
        oracle.challenge{value: BOND - 1}(id);
        vm.warp(START + WINDOW);
        _challenge(id);
        IInferenceOracle.DisputeView memory dispute = oracle.getDispute(id);
        _equal(dispute.challenger, CHALLENGER, "challenger");
        _equal(dispute.bond, BOND, "bond");
        _equal(dispute.anchorBlock, ANCHOR, "anchor");
        _equal(oracle.getRequest(id).due, START + WINDOW + TIMEOUT, "verdict due");
        _true(!oracle.isFinal(id), "not final");
        vm.expectRevert(_wrongStatus(id, IInferenceOracle.Status.Disputed));
        _challenge(id);
        vm.warp(START + WINDOW + 10 days);
        _finalize(id);
        _expectStatus(id, IInferenceOracle.Status.Disputed);
        vm.expectRevert(_wrongStatus(id, IInferenceOracle.Status.Disputed));
        oracle.refund(id);
    }

    function test_aChallengeAfterTheWindowIsTooLate() external {
        uint256 id = _ask();
        _deliver(_answer(id, 42));
        vm.warp(START + WINDOW + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceOracle.InferenceOracle__TooLate.selector, id, START + WINDOW)
        );
        _challenge(id);
    }

    function test_theCommitteeIsDrawnByABlockToCome() external {
        uint256 id = _disputed();
        bytes memory early =
            abi.encodeWithSelector(IInferenceOracle.InferenceOracle__CommitteeNotDrawn.selector, id, ANCHOR);
        vm.roll(ANCHOR);
        vm.expectRevert(early);
        oracle.committee(id);
        vm.expectRevert(early);
        oracle.drawCommittee(id);
        _mine(ANCHOR, 1);
        uint8[] memory drawn = oracle.committee(id);
        _equal(drawn.length, 3, "size");

        bytes32 seed = keccak256(abi.encode(blockhash(ANCHOR), id));
        vm.expectEmit(true, false, false, true, address(oracle));
        emit CommitteeDrawn(id, seed);
        oracle.drawCommittee(id);
        vm.roll(ANCHOR + 1000);
        _equal(keccak256(abi.encode(oracle.committee(id))), keccak256(abi.encode(drawn)), "kept for good");
        oracle.drawCommittee(id);
        _equal(oracle.getDispute(id).seed, seed, "once");
    }

    function test_anAnchorOutOfReachIsMoved() external {
        uint256 id = _disputed();
        _mine(ANCHOR, 257);
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceOracle.InferenceOracle__CommitteeOutOfReach.selector, id, ANCHOR)
        );
        oracle.committee(id);
        _expectSkip(id, IInferenceOracle.SkipReason.NoCommittee);
        _deliver(_verdict(id, true));
        vm.expectEmit(true, false, false, true, address(oracle));
        emit CommitteeReanchored(id, uint64(ANCHOR + 261));
        oracle.drawCommittee(id);
        _mine(ANCHOR + 261, 1);
        _equal(oracle.committee(id).length, 3, "drawn");
        _deliver(_verdict(id, true));
        _expectStatus(id, IInferenceOracle.Status.Upheld);
    }

    function test_upheldPaysTheOracles() external {
        vm.txGasPrice(GAS_PRICE);
        uint256 id = _disputed();
        _mine(ANCHOR, 1);
        uint256 before = oracle.creditOf(TRANSMITTER);
        _deliver(_verdict(id, true));
        _expectStatus(id, IInferenceOracle.Status.Upheld);
        _true(oracle.isFinal(id), "final");
        uint256 gasFee = oracle.creditOf(TRANSMITTER) - before;
        _true(gasFee > 0 && gasFee <= 200_000 * GAS_PRICE, "the bond pays the verdict's gas");
        (uint256 perOracle, uint256 remainder,) = oracle.incomeOf(1);
        _equal(4 * perOracle + remainder, PRICE + BOND - gasFee, "price and bond");
        _equal(oracle.creditOf(CHALLENGER), 0, "the challenger lost");
        _equal(oracle.getAnswer(id).values[0], 42, "the answer stands");
        _equal(requester.noted(), 1, "nothing new to tell");
        _equal(oracle.getRequest(id).held, 0, "nothing is held");
        vm.expectRevert(_wrongStatus(id, IInferenceOracle.Status.Upheld));
        _challenge(id);
    }

    function test_overturnedPaysTheChallenger() external {
        vm.txGasPrice(GAS_PRICE);
        uint256 id = _disputed();
        _mine(ANCHOR, 1);
        uint256 before = oracle.creditOf(TRANSMITTER);
        _deliver(_verdict(id, false));
        _expectStatus(id, IInferenceOracle.Status.Overturned);
        _equal(oracle.creditOf(CHALLENGER), BOND + PRICE, "bond and reward");
        _equal(oracle.creditOf(TRANSMITTER), before, "the oracles work for nothing");
        (uint256 perOracle, uint256 remainder,) = oracle.incomeOf(1);
        _equal(perOracle + remainder, 0, "and earn nothing");
        IInferenceOracle.AnswerView memory answer = oracle.getAnswer(id);
        _true(answer.isFinal, "final");
        _equal(answer.values[0], -99, "replaced");
        _equal(answer.agreeing, 2, "votes");
        _equal(answer.observers, 3, "committee");
        _equal(answer.evidenceDigest, keccak256("re-run"), "evidence");
        _equal(requester.noted(), 2, "told again");
        _equal(requester.lastAnswer()[0], -99, "what replaced it");
        _true(requester.lastIsFinal(), "for good");
    }

    function test_overturnedToBadInput() external {
        uint256 id = _disputed();
        _mine(ANCHOR, 1);
        IInferenceOracle.Verdict memory verdict = _verdict(id, false);
        verdict.values = new int256[](0);
        _deliver(verdict);
        _equal(oracle.getAnswer(id).outcome, BAD_INPUT, "the model can't take it");
        _equal(oracle.getAnswer(id).values.length, 0, "no values");
        _equal(requester.lastOutcome(), BAD_INPUT, "told");
    }

    function test_longAnswersAreReplaced() external {
        uint256 id = _ask();
        IInferenceOracle.Answer memory answer = _answer(id, 0);
        answer.values = new int256[](10);
        _deliver(answer);
        _challenge(id);
        _mine(ANCHOR, 1);
        IInferenceOracle.Verdict memory verdict = _verdict(id, false);
        verdict.values = new int256[](20);
        verdict.values[19] = 7;
        _deliver(verdict);
        _equal(oracle.getAnswer(id).values.length, 20, "length");
        _equal(oracle.getAnswer(id).values[19], 7, "value");
    }

    function test_finalOnlyHearsOfADisputeOnce() external {
        IInferenceOracle.InferenceRequest memory request = _request();
        request.finalOnly = true;
        uint256 id = _ask(request);
        _deliver(_answer(id, 42));
        _challenge(id);
        _mine(ANCHOR, 1);
        vm.expectRevert(_wrongStatus(id, IInferenceOracle.Status.Disputed));
        oracle.deliver(id);
        _deliver(_verdict(id, false));
        _equal(requester.noted(), 0, "not by the verdict");
        oracle.deliver(id);
        _equal(requester.lastAnswer()[0], -99, "what replaced it");
        _equal(requester.noted(), 1, "once");
    }

    function test_aDeliveryByTheOraclesIsPaidOfWhatWasKeptForIt() external {
        vm.txGasPrice(GAS_PRICE);
        IInferenceOracle.InferenceRequest memory request = _request();
        request.finalOnly = true;
        uint256[] memory ids = new uint256[](1);
        ids[0] = _ask(request);
        uint256 paid = oracle.getRequest(ids[0]).held;
        _deliver(_answer(ids[0], 42));
        uint256 forAnswer = oracle.creditOf(TRANSMITTER);
        _equal(oracle.getRequest(ids[0]).held, paid - forAnswer, "all the rest is kept");
        vm.warp(START + WINDOW + 1);
        _tend(ids);
        uint256 forDelivery = oracle.creditOf(TRANSMITTER) - forAnswer;
        _true(forDelivery > 30_000 * GAS_PRICE && forDelivery < 400_000 * GAS_PRICE, "its gas");
        _equal(oracle.creditOf(address(requester)), paid - forAnswer - forDelivery - PRICE, "the rest goes back");
        _equal(oracle.getRequest(ids[0]).held, 0, "nothing is held");
        _equal(requester.noted(), 1, "called");
    }

    function test_aDeliveryByAnybodyElseIsNotPaid() external {
        vm.txGasPrice(GAS_PRICE);
        IInferenceOracle.InferenceRequest memory request = _request();
        request.finalOnly = true;
        uint256 id = _ask(request);
        _deliver(_answer(id, 42));
        uint256 held = oracle.getRequest(id).held;
        vm.warp(START + WINDOW + 1);
        vm.prank(CHALLENGER);
        oracle.deliver(id);
        _equal(oracle.creditOf(CHALLENGER), 0, "nothing");
        _equal(oracle.creditOf(address(requester)), held - PRICE, "all of it goes back");
    }

    function test_aReportTendsWhatIsDue() external {
        IInferenceOracle.InferenceRequest memory request = _request();
        request.finalOnly = true;
        uint256[] memory ids = new uint256[](6);
        ids[0] = _ask(request);
        ids[1] = _ask();
        ids[2] = _ask();
        ids[3] = _ask(request);
        ids[4] = _ask();
        ids[5] = 12345;
        for (uint256 i = 0; i < 4; ++i) _deliver(_answer(ids[i], 42));
        _challenge(ids[2]);
        _challenge(ids[3]);
        // Nothing is due yet, and nothing happens.
        _tend(ids);
        _expectStatus(ids[0], IInferenceOracle.Status.Answered);
        _mine(ANCHOR, 1);
        _tend(ids);
        _true(oracle.getDispute(ids[2]).seed != 0, "drawn");
        _deliver(_verdict(ids[2], true));
        uint256 noted = requester.noted();
        vm.warp(START + TIMEOUT + 1);
        _tend(ids);
        _expectStatus(ids[0], IInferenceOracle.Status.Final);
        _expectStatus(ids[1], IInferenceOracle.Status.Final);
        _expectStatus(ids[2], IInferenceOracle.Status.Upheld);
        _expectStatus(ids[3], IInferenceOracle.Status.Unresolved);
        _expectStatus(ids[4], IInferenceOracle.Status.Pending);
        _true(oracle.getRequest(ids[0]).delivered && oracle.getRequest(ids[3]).delivered, "delivered");
        _equal(requester.noted(), noted + 2, "only who waited is called");
        _tend(ids);
        _equal(requester.noted(), noted + 2, "once");
    }

    function test_withoutAVerdictItStaysInDoubt() external {
        IInferenceOracle.InferenceRequest memory request = _request();
        request.finalOnly = true;
        uint256 id = _ask(request);
        _deliver(_answer(id, 42));
        uint256 before = oracle.creditOf(address(requester));
        _challenge(id);
        vm.warp(START + TIMEOUT);
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceOracle.InferenceOracle__TooEarly.selector, id, START + TIMEOUT + 1)
        );
        oracle.closeDispute(id);
        vm.warp(START + TIMEOUT + 1);
        vm.expectEmit(true, true, false, true, address(oracle));
        emit DisputeUnresolved(id, CHALLENGER, BOND, PRICE);
        oracle.closeDispute(id);
        _expectStatus(id, IInferenceOracle.Status.Unresolved);
        _true(!oracle.isFinal(id), "in doubt");
        _equal(oracle.creditOf(CHALLENGER), BOND, "bond");
        _equal(oracle.creditOf(address(requester)), before + PRICE, "price");
        _equal(oracle.getAnswer(id).values[0], 42, "the answer can be read");
        oracle.deliver(id);
        _true(!requester.lastIsFinal(), "delivered as in doubt");
        vm.expectRevert(_wrongStatus(id, IInferenceOracle.Status.Unresolved));
        oracle.closeDispute(id);
    }

    function test_verdictsThatAreNone() external {
        uint256 id = _disputed();
        _skipped(_verdict(id, true), IInferenceOracle.SkipReason.NoCommittee);
        _mine(ANCHOR, 1);
        IInferenceOracle.Verdict memory verdict = _verdict(id, true);
        verdict.requestId = 12345;
        _skipped(verdict, IInferenceOracle.SkipReason.NotDisputed);
        verdict = _verdict(id, true);
        verdict.committeeSize = 4;
        _skipped(verdict, IInferenceOracle.SkipReason.WrongCommittee);
        verdict = _verdict(id, true);
        verdict.votes = 1;
        _skipped(verdict, IInferenceOracle.SkipReason.NoMajority);
        verdict.votes = 4;
        _skipped(verdict, IInferenceOracle.SkipReason.Malformed);
        verdict = _verdict(id, true);
        verdict.values = _values(1);
        _skipped(verdict, IInferenceOracle.SkipReason.Malformed);
        verdict = _verdict(id, false);
        verdict.values = new int256[](257);
        _skipped(verdict, IInferenceOracle.SkipReason.Malformed);
        vm.warp(START + TIMEOUT + 1);
        _skipped(_verdict(id, true), IInferenceOracle.SkipReason.Late);
        _expectStatus(id, IInferenceOracle.Status.Disputed);
        vm.warp(START + TIMEOUT);
        _deliver(_verdict(id, true));
        _skipped(_verdict(id, false), IInferenceOracle.SkipReason.NotDisputed);
        _expectStatus(id, IInferenceOracle.Status.Upheld);
    }

    function test_aSmallerSetHasASmallerCommittee() external {
        InferencePricing.Parameters memory rules = _rules();
        rules.committeeSize = 31;
        oracle.setParameters(rules);
        uint256 id = _disputed();
        _mine(ANCHOR, 1);
        _equal(oracle.committee(id).length, 4, "all four");
        IInferenceOracle.Verdict memory verdict = _verdict(id, true);
        (verdict.votes, verdict.committeeSize) = (3, 4);
        _deliver(verdict);
        _expectStatus(id, IInferenceOracle.Status.Upheld);
    }

    function test_whoAnsweredEarnsThePriceAndWhoRuledTheBond() external {
        uint256 id = _disputed();
        _mine(ANCHOR, 1);
        _configure(5);
        _deliver(_verdict(id, true));
        _equal(oracle.claimable(1, _transmitter(0)), PRICE / 4, "price");
        _equal(oracle.claimable(2, _transmitter(4)), BOND / 5, "bond");
    }

    function _disputed() private returns (uint256 id) {
        id = _ask();
        _deliver(_answer(id, 42));
        _challenge(id);
    }

    function _expectSkip(uint256 id, IInferenceOracle.SkipReason reason) private {
        vm.expectEmit(true, false, false, true, address(oracle));
        emit VerdictSkipped(id, reason);
    }

    function _skipped(IInferenceOracle.Verdict memory verdict, IInferenceOracle.SkipReason reason) private {
        _expectSkip(verdict.requestId, reason);
        _deliver(verdict);
    }
}
