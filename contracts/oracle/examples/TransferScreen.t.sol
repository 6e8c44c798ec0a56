// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {InferenceTest} from "../../testing/InferenceTest.t.sol";
import {IInferenceOracle} from "../IInferenceOracle.sol";
import {TransferScreen} from "./TransferScreen.sol";

contract TransferScreenTest is InferenceTest {
    address private constant ALICE = address(0xA11CE);
    address payable private constant BOB = payable(address(0xB0B));
    address payable private constant TREASURY = payable(address(0x7EA));
    int256 private constant CLEAN = 0;
    uint256 private constant AMOUNT = 2 ether;

    TransferScreen private screen;

    function setUp() external {
        _deploy();
        screen = new TransferScreen(oracle, 1, MODEL, CLEAN, TREASURY);
        vm.deal(ALICE, 100 ether);
    }

    function test_aCleanDepositGoesToTheRecipient() external {
        uint256 id = _send(0, 0);
        _decide(id, 0, 0, ANSWERED, CLEAN);
        _expectStage(id, TransferScreen.Stage.Screening);
        vm.warp(START + WINDOW + 1);
        oracle.deliver(id);
        _expectStage(id, TransferScreen.Stage.Released);
        vm.expectRevert(abi.encodeWithSelector(TransferScreen.TransferScreen__NotYours.selector, id, ALICE));
        vm.prank(ALICE);
        screen.collect(id);
        vm.expectRevert(
            abi.encodeWithSelector(
                TransferScreen.TransferScreen__NotReady.selector, id, TransferScreen.Stage.Released
            )
        );
        vm.prank(ALICE);
        screen.takeBack(id);
        vm.prank(BOB);
        screen.collect(id);
        _equal(BOB.balance, AMOUNT, "collected");
        vm.expectRevert(
            abi.encodeWithSelector(TransferScreen.TransferScreen__NotReady.selector, id, TransferScreen.Stage.Closed)
        );
        vm.prank(BOB);
        screen.collect(id);

        // The model sees what came of earlier deposits.
        uint256 next = _send(1, 1);
        _decide(next, 1, 1, ANSWERED, CLEAN);
        _expectStage(next, TransferScreen.Stage.Screening);
        screen.collectFees();
        _true(TREASURY.balance > 0, "change");
    }

    function test_anythingElseIsHeld() external {
        int256[2] memory classes = [int256(1), -1];
        for (uint256 i = 0; i < 2; ++i) _held(_sendAndDeliver(ANSWERED, classes[i]));
        _held(_sendAndDeliver(BAD_INPUT, 0));
        _held(_sendAndDeliver(NO_AGREEMENT, 0));
    }

    function test_anAnswerInDoubtIsHeld() external {
        uint256 id = _send(0, 0);
        _decide(id, 0, 0, ANSWERED, CLEAN);
        _challenge(id);
        vm.warp(START + TIMEOUT + 1);
        oracle.closeDispute(id);
        oracle.deliver(id);
        _held(id);
    }

    function test_anUnansweredDepositGoesBack() external {
        uint256 id = _send(0, 0);
        bytes memory notReady = abi.encodeWithSelector(
            TransferScreen.TransferScreen__NotReady.selector, id, TransferScreen.Stage.Screening
        );
        vm.warp(START + 1 hours + 1);
        vm.expectRevert(notReady);
        vm.prank(ALICE);
        screen.takeBack(id);
        oracle.refund(id);
        uint256 before = ALICE.balance;
        vm.prank(ALICE);
        screen.takeBack(id);
        _equal(ALICE.balance - before, AMOUNT, "back");
    }

    function test_aDepositWhoseAnswerGotLostGoesBack() external {
        uint256 id = _send(0, 0);
        IInferenceOracle.RequestView memory request = oracle.getRequest(id);
        (request.status, request.delivered) = (IInferenceOracle.Status.Final, true);
        vm.mockCall(address(oracle), abi.encodeCall(IInferenceOracle.getRequest, (id)), abi.encode(request));
        uint256 before = ALICE.balance;
        vm.prank(ALICE);
        screen.takeBack(id);
        _equal(ALICE.balance - before, AMOUNT, "back");
    }

    function test_theFeeAloneIsNoDeposit() external {
        uint256 fee = screen.fee();
        vm.expectRevert(abi.encodeWithSelector(TransferScreen.TransferScreen__NothingToSend.selector, fee, fee));
        screen.send{value: fee}(BOB);
    }

    function _sendAndDeliver(uint8 outcome, int256 class_) private returns (uint256 id) {
        vm.warp(START);
        id = _send(0, 0);
        _decide(id, 0, 0, outcome, class_);
        vm.warp(START + WINDOW + 1);
        if (outcome != NO_AGREEMENT) oracle.deliver(id);
    }

    function _held(uint256 id) private {
        _expectStage(id, TransferScreen.Stage.Held);
        vm.expectRevert(
            abi.encodeWithSelector(TransferScreen.TransferScreen__NotReady.selector, id, TransferScreen.Stage.Held)
        );
        vm.prank(BOB);
        screen.collect(id);
        uint256 before = ALICE.balance;
        vm.prank(ALICE);
        screen.takeBack(id);
        _equal(ALICE.balance - before, AMOUNT, "back");
    }

    function _send(uint256 sent, uint256 received) private returns (uint256 id) {
        uint256 value = AMOUNT + screen.fee();
        vm.prank(ALICE);
        id = screen.send{value: value}(BOB);
        _equal(screen.getDeposit(id).amount, AMOUNT, "amount");
        _equal(oracle.getRequest(id).inputHash, sha256(_input(sent, received)), "what the model sees");
    }

    function _decide(uint256 id, uint256 sent, uint256 received, uint8 outcome, int256 class_) private {
        IInferenceOracle.Answer memory answer = outcome == ANSWERED ? _answer(id, class_) : _none(id, outcome);
        answer.inputHash = sha256(_input(sent, received));
        _deliver(answer);
    }

    function _input(uint256 sent, uint256 received) private pure returns (bytes memory) {
        int256[] memory facts = new int256[](3);
        (facts[0], facts[1], facts[2]) = (int256(AMOUNT), int256(sent), int256(received));
        return abi.encode(facts);
    }

    function _expectStage(uint256 id, TransferScreen.Stage want) private view {
        _equal(uint256(screen.getDeposit(id).stage), uint256(want), "stage");
    }
}
