// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {InferenceTest} from "../testing/InferenceTest.t.sol";
import {IInferenceOracle} from "./IInferenceOracle.sol";
import {InferenceConsumer} from "./InferenceConsumer.sol";

/// @dev Opens what the base offers.
contract AskingContract is InferenceConsumer {
    uint256 public told;

    constructor(IInferenceOracle oracle) InferenceConsumer(oracle) {}

    function ask(IInferenceOracle.InferenceRequest calldata request, bytes32 digest)
        external
        payable
        returns (uint256)
    {
        return _ask(request, digest, msg.value);
    }

    function answerOf(uint256 requestId, uint256 maxAge, bool wantFinal) external view returns (int256[] memory) {
        return _answerOf(requestId, maxAge, wantFinal);
    }

    function collect(address payable to) external {
        _collect(to);
    }

    function _onInference(uint256, uint8, int256[] calldata, bool) internal override {
        ++told;
    }
}

contract InferenceConsumerTest is InferenceTest {
    AskingContract private asker;

    function setUp() external {
        _deploy();
        asker = new AskingContract(oracle);
    }

    function test_takesAnswersToItsRequestsFromTheOracle() external {
        uint256 id = asker.ask{value: 1 ether}(_request(), MODEL);
        _deliver(_answer(id, 42));
        _equal(asker.told(), 1, "told");
        asker.collect(payable(address(0xBA4C)));
        _equal(address(0xBA4C).balance, 1 ether - oracle.getRequest(id).price - oracle.creditOf(TRANSMITTER), "change");
    }

    function test_anotherModelIsNotAsked() external {
        bytes32 other = keccak256("other");
        vm.expectRevert(abi.encodeWithSelector(InferenceConsumer.InferenceConsumer__WrongModel.selector, MODEL, other));
        asker.ask{value: 1 ether}(_request(), other);
    }

    function test_othersAreNotListenedTo() external {
        uint256 id = asker.ask{value: 1 ether}(_request(), MODEL);
        int256[] memory values = _values(1);
        vm.expectRevert(
            abi.encodeWithSelector(InferenceConsumer.InferenceConsumer__NotTheOracle.selector, address(this))
        );
        asker.onInference(id, MODEL, ANSWERED, values, true);
        vm.expectRevert(abi.encodeWithSelector(InferenceConsumer.InferenceConsumer__NotAsked.selector, 7));
        vm.prank(address(oracle));
        asker.onInference(7, MODEL, ANSWERED, values, true);
        vm.expectRevert(
            abi.encodeWithSelector(InferenceConsumer.InferenceConsumer__WrongModel.selector, bytes32(0), MODEL)
        );
        vm.prank(address(oracle));
        asker.onInference(id, bytes32(0), ANSWERED, values, true);
        _equal(asker.told(), 0, "nothing");
    }

    function test_readingAnAnswer() external {
        IInferenceOracle.InferenceRequest memory request = _request();
        request.callbackGasLimit = 0;
        uint256 id = asker.ask{value: 1 ether}(request, MODEL);
        vm.expectRevert(abi.encodeWithSelector(InferenceConsumer.InferenceConsumer__NotAsked.selector, 7));
        asker.answerOf(7, 0, false);
        _deliver(_answer(id, 42));
        _equal(asker.answerOf(id, 0, false)[0], 42, "provisional");
        vm.expectRevert(abi.encodeWithSelector(InferenceConsumer.InferenceConsumer__NotFinal.selector, id));
        asker.answerOf(id, 0, true);
        vm.warp(START + WINDOW + 1);
        _equal(asker.answerOf(id, WINDOW + 1, true)[0], 42, "final");
        vm.expectRevert(abi.encodeWithSelector(InferenceConsumer.InferenceConsumer__TooOld.selector, id, START));
        asker.answerOf(id, WINDOW, true);

        vm.warp(START);
        uint256 none = asker.ask{value: 1 ether}(request, MODEL);
        _deliver(_none(none, NO_AGREEMENT));
        vm.expectRevert(
            abi.encodeWithSelector(InferenceConsumer.InferenceConsumer__NotAnswered.selector, none, NO_AGREEMENT)
        );
        asker.answerOf(none, 0, false);
    }
}
