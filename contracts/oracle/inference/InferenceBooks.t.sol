// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {InferenceRequester} from "../../mocks/InferenceRequester.sol";
import {InferenceTest} from "../../testing/InferenceTest.t.sol";
import {IInferenceOracle} from "../IInferenceOracle.sol";
import {InferencePricing} from "./InferencePricing.sol";

/// @dev Asks, answers, disputes, rules, waits, reconfigures and takes money out at random, and keeps books of its own.
contract InferenceBooksHandler is InferenceTest {
    uint256[] private ids;
    mapping(uint256 id => uint256) private terminal;
    uint32 private configs = 1;
    uint256 private paidIn;
    uint256 private paidOut;
    uint256 private blockNumber = 1000;
    uint256 private time = START;

    /// @dev The runner repays the sender's gas at this price, and a sender may be the oracle itself: back to zero after.
    modifier atGasPrice(uint256 price) {
        vm.txGasPrice(_bound(price, 0, 2 * GAS_PRICE));
        _;
        vm.txGasPrice(0);
    }

    constructor() {
        _deploy();
        vm.deal(address(this), type(uint96).max);
    }

    receive() external payable {}

    function ask(uint256 extra, uint256 mood, bool finalOnly, uint256 gas_) external {
        extra = _bound(extra, 0, 1 ether);
        IInferenceOracle.InferenceRequest memory request = _request();
        request.finalOnly = finalOnly;
        request.callbackGasLimit = uint32(_bound(gas_, finalOnly ? 1 : 0, 100_000));
        uint256 fee = oracle.quote(1, INPUT.length, request.callbackGasLimit) + extra;
        requester.setMood(InferenceRequester.Mood(mood % 4));
        vm.deal(address(this), address(this).balance + fee);
        ids.push(requester.ask{value: fee}(request));
        paidIn += fee;
    }

    function answer(uint256 which, uint256 count, uint8 outcome, uint256 gasPrice, uint256 who)
        external
        atGasPrice(gasPrice)
    {
        if (ids.length == 0) return;
        IInferenceOracle.Answer[] memory answers = new IInferenceOracle.Answer[](_bound(count, 1, 5));
        for (uint256 i = 0; i < answers.length; ++i) {
            uint256 id = _pick(which % ids.length + i);
            uint256 kind = (uint256(outcome) + i) % 8;
            answers[i] = kind > 3 ? _answer(id, int256(which)) : _none(id, uint8(kind));
        }
        bytes memory report = _report(answers);
        vm.prank(_transmitter(who % 4));
        oracle.deliverReport(report);
    }

    function challenge(uint256 which, uint256 extra) external {
        uint256 id = _pick(which);
        if (!_is(id, IInferenceOracle.Status.Answered) || time > oracle.getRequest(id).due) return;
        uint256 bond = BOND + _bound(extra, 0, 1 ether);
        vm.deal(CHALLENGER, bond);
        vm.prank(CHALLENGER);
        oracle.challenge{value: bond}(id);
        paidIn += bond;
    }

    function rule(uint256 which, bool upheld, uint256 gasPrice) external atGasPrice(gasPrice) {
        uint256 id = _pick(which);
        if (!_is(id, IInferenceOracle.Status.Disputed)) return;
        _deliver(_verdict(id, upheld));
    }

    function settle(uint256 which) external {
        uint256 id = _pick(which);
        IInferenceOracle.RequestView memory request = oracle.getRequest(id);
        if (time <= request.due || ids.length == 0) return;
        if (request.status == IInferenceOracle.Status.Pending) oracle.refund(id);
        else if (request.status == IInferenceOracle.Status.Disputed) oracle.closeDispute(id);
        else if (request.finalOnly && !request.delivered && request.status != IInferenceOracle.Status.Refunded) {
            oracle.deliver(id);
        } else {
            _finalize(id);
        }
    }

    function tend(uint256 which, uint256 gasPrice) external atGasPrice(gasPrice) {
        uint256[] memory some = new uint256[](4);
        for (uint256 i = 0; i < 4; ++i) some[i] = ids.length == 0 ? i : ids[(which % ids.length + i) % ids.length];
        _tend(some);
    }

    function wait(uint256 seconds_) external {
        time += _bound(seconds_, 1, 40 minutes);
        vm.warp(time);
        _mine(blockNumber, 5);
        blockNumber += 5;
    }

    function reconfigure(uint256 n) external {
        if (configs == 20) return;
        _configure(_bound(n, 4, 7));
        ++configs;
    }

    function setWindow(bool none) external {
        InferencePricing.Parameters memory rules = _rules();
        rules.disputeWindow = none ? 0 : uint32(WINDOW);
        oracle.setParameters(rules);
    }

    function claim(uint256 config, uint256 who) external {
        oracle.claim(uint32(_bound(config, 1, configs)), _transmitter(who % 4));
    }

    function withdraw(uint256 who) external {
        address account = _account(who % 9);
        uint256 amount = oracle.creditOf(account);
        if (amount == 0) return;
        vm.prank(account);
        oracle.withdrawTo(payable(address(0xBA4C)));
        paidOut += amount;
    }

    function checkBooks() external view {
        uint256 owed = 0;
        for (uint256 i = 0; i < ids.length; ++i) {
            owed += oracle.getRequest(ids[i]).held;
            if (_is(ids[i], IInferenceOracle.Status.Disputed)) owed += oracle.getDispute(ids[i]).bond;
        }
        for (uint256 i = 0; i < 9; ++i) owed += oracle.creditOf(_account(i));
        for (uint32 config = 1; config <= configs; ++config) {
            (, uint256 remainder, uint256 oracles) = oracle.incomeOf(config);
            owed += remainder;
            for (uint256 i = 0; i < oracles; ++i) owed += oracle.claimable(config, _transmitter(i));
        }
        _equal(address(oracle).balance, owed, "all that lies there is owed, and no more");
        _equal(paidIn, owed + paidOut, "nothing came from nowhere or got lost");
    }

    function statusOf(uint256 which) external view returns (uint256) {
        return _status(ids[which]);
    }

    /// @dev Run now and then: a request that has ended stays as it ended.
    function checkEnds() external {
        for (uint256 i = 0; i < ids.length; ++i) {
            uint256 status = _status(ids[i]);
            if (terminal[ids[i]] != 0) _equal(status, terminal[ids[i]], "ended once");
            if (status >= uint256(IInferenceOracle.Status.Final)) {
                terminal[ids[i]] = status;
                IInferenceOracle.RequestView memory request = oracle.getRequest(ids[i]);
                if (!request.finalOnly || request.delivered) _equal(request.held, 0, "nothing is held");
            }
            bool hasAnswer = status != uint256(IInferenceOracle.Status.Refunded)
                && status != uint256(IInferenceOracle.Status.Pending);
            try oracle.getAnswer(ids[i]) {
                _true(hasAnswer, "an answer or a refund");
            } catch {
                _true(!hasAnswer, "an answer can be read");
            }
        }
    }

    function _pick(uint256 which) private view returns (uint256) {
        return ids.length == 0 ? 0 : ids[which % ids.length];
    }

    function _is(uint256 id, IInferenceOracle.Status want) private view returns (bool) {
        return _status(id) == uint256(want);
    }

    function _account(uint256 i) private view returns (address) {
        if (i < 7) return _transmitter(i);
        return i == 7 ? address(requester) : CHALLENGER;
    }
}

contract InferenceBooksTest is InferenceTest {
    /// @dev What the handler makes an answer with a value of.
    uint8 private constant ANSWERED_KIND = 4;

    InferenceBooksHandler private handler;

    function setUp() external {
        handler = InferenceBooksHandler(payable(_create("InferenceBooksHandler", "")));
        bytes4[] memory functions = new bytes4[](13);
        functions[0] = InferenceBooksHandler.ask.selector;
        functions[1] = InferenceBooksHandler.answer.selector;
        functions[2] = InferenceBooksHandler.challenge.selector;
        functions[3] = InferenceBooksHandler.rule.selector;
        functions[4] = InferenceBooksHandler.settle.selector;
        functions[5] = InferenceBooksHandler.wait.selector;
        functions[6] = InferenceBooksHandler.reconfigure.selector;
        functions[7] = InferenceBooksHandler.setWindow.selector;
        functions[8] = InferenceBooksHandler.claim.selector;
        functions[9] = InferenceBooksHandler.withdraw.selector;
        functions[10] = InferenceBooksHandler.checkEnds.selector;
        functions[11] = InferenceBooksHandler.ask.selector;
        functions[12] = InferenceBooksHandler.tend.selector;
        _target(address(handler), functions);
    }

    function invariant_everyWeiIsOwedToSomebody() external view {
        handler.checkBooks();
    }

    /// @dev The way through every end of a dispute, which chance seldom finds. The fourth answer is never challenged.
    function test_theBooksThroughDisputes() external {
        for (uint256 i = 0; i < 4; ++i) handler.ask(i, 0, i % 2 == 0, 50_000);
        for (uint256 i = 0; i < 4; ++i) handler.answer(i, 1, ANSWERED_KIND, GAS_PRICE, i);
        for (uint256 i = 0; i < 3; ++i) handler.challenge(i, 0.333 ether + i);
        handler.checkBooks();
        handler.wait(1);
        handler.reconfigure(7);
        handler.rule(0, true, GAS_PRICE);
        handler.rule(1, false, GAS_PRICE);
        for (uint256 i = 0; i < 60; ++i) handler.wait(40 minutes - 1);
        handler.tend(2, GAS_PRICE);
        for (uint256 i = 0; i < 2; ++i) handler.settle(i);
        IInferenceOracle.Status[4] memory ends = [
            IInferenceOracle.Status.Upheld,
            IInferenceOracle.Status.Overturned,
            IInferenceOracle.Status.Unresolved,
            IInferenceOracle.Status.Final
        ];
        for (uint256 i = 0; i < 4; ++i) _equal(handler.statusOf(i), uint256(ends[i]), "end");
        handler.checkBooks();
        handler.checkEnds();
        for (uint256 i = 0; i < 4; ++i) {
            handler.claim(1, i);
            handler.claim(2, i);
        }
        for (uint256 i = 0; i < 9; ++i) handler.withdraw(i);
        handler.checkBooks();
    }
}
