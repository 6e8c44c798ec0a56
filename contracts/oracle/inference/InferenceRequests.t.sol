// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IQuorumVerifier} from "../../quorum/IQuorumVerifier.sol";
import {InferenceHarness, InferenceTest} from "../../testing/InferenceTest.t.sol";
import {IInferenceLedger} from "../IInferenceLedger.sol";
import {IInferenceOracle} from "../IInferenceOracle.sol";
import {ModelRegistry} from "../ModelRegistry.sol";
import {InferencePricing} from "./InferencePricing.sol";

contract InferenceRequestsTest is InferenceTest {
    address private constant ALICE = address(0xA11CE);

    function setUp() external {
        _deploy();
    }

    function testFuzz_priceAndEscrow(uint256 length, uint32 callbackGas, uint256 extra) external {
        length = _bound(length, 1, 4096);
        callbackGas = uint32(_bound(callbackGas, 0, 1_000_000));
        extra = _bound(extra, 0, 1 ether);
        uint256 price = BASE + PER_WORD * ((length + 31) / 32);
        uint256 quoted = oracle.quote(1, length, callbackGas);
        _equal(quoted, price + GAS_PRICE * (uint256(ANSWER_GAS) + callbackGas), "quote");

        bytes memory input = new bytes(length);
        uint256 id = oracle.requestInference{value: quoted + extra}(1, input, callbackGas, quoted + extra);
        IInferenceOracle.RequestView memory request = oracle.getRequest(id);
        _expectStatus(id, IInferenceOracle.Status.Pending);
        _equal(request.requester, address(this), "requester");
        _equal(request.modelDigest, MODEL, "model");
        _equal(request.inputHash, sha256(input), "input");
        _equal(request.requestedAt, START, "time");
        _equal(request.due, START + 1 hours, "deadline");
        _equal(request.callbackGasLimit, callbackGas, "callback");
        _equal(request.price, price, "price");
        _equal(request.held, quoted + extra, "escrow");
        _equal(address(oracle).balance, quoted + extra, "balance");
    }

    function test_bindsToTheNewestActiveVersion() external {
        bytes32 next = keccak256("next");
        registry.addVersion(1, next, "ipfs://next");
        uint256 id = _ask();
        _equal(oracle.getRequest(id).modelDigest, next, "newest");
        registry.setVersionActive(1, 2, false);
        _equal(oracle.getRequest(id).modelDigest, next, "what was bound stays");
        _equal(oracle.getRequest(_ask()).modelDigest, MODEL, "the one before");

        IInferenceOracle.InferenceRequest memory request = _request();
        request.version = 1;
        _equal(oracle.getRequest(_ask(request)).modelDigest, MODEL, "named");
        request.version = 2;
        _refused(request, abi.encodeWithSelector(ModelRegistry.ModelRegistry__InactiveVersion.selector, 1, 2));
        registry.setVersionActive(1, 1, false);
        _refused(_request(), abi.encodeWithSelector(ModelRegistry.ModelRegistry__NoActiveVersion.selector, 1));
    }

    function test_idsCommitToWhatIsAsked() external {
        uint256 id = oracle.requestInference{value: 1 ether}(1, INPUT, 0, 1 ether);
        _equal(
            id,
            uint256(
                keccak256(
                    abi.encode(block.chainid, address(oracle), uint256(1), address(this), MODEL, sha256(INPUT))
                )
            ),
            "id"
        );
        _true(oracle.requestInference{value: 1 ether}(1, INPUT, 0, 1 ether) != id, "asked again");
        _equal(oracle.requestCount(), 2, "count");
    }

    function test_anInputThatComesOffChain() external {
        IInferenceOracle.InferenceRequest memory request = _request();
        request.input = "";
        request.inputHash = keccak256("weights of a cat");
        request.inputLength = 16 * 1024 * 1024;
        uint256 id = _ask(request);
        _equal(oracle.getRequest(id).inputHash, request.inputHash, "hash");
        _equal(oracle.getRequest(id).price, BASE + PER_WORD * 512 * 1024, "by length");
        request.inputLength += 1;
        bytes4 tooLong = IInferenceOracle.InferenceOracle__InputTooLong.selector;
        _refused(request, abi.encodeWithSelector(tooLong, 16_777_217, 16_777_216));
        request.inputLength = 0;
        _refused(request, abi.encodeWithSelector(IInferenceOracle.InferenceOracle__NoInput.selector));
        request.input = INPUT;
        _refused(request, abi.encodeWithSelector(IInferenceOracle.InferenceOracle__TwoInputs.selector));
    }

    function test_refusedRequests() external {
        IInferenceOracle.InferenceRequest memory request = _request();
        request.modelId = 2;
        _refused(request, abi.encodeWithSelector(ModelRegistry.ModelRegistry__UnknownModel.selector, 2));
        registry.register("dogs", keccak256("dogs"), "ipfs://dogs");
        _refused(request, abi.encodeWithSelector(IInferenceOracle.InferenceOracle__ModelNotPriced.selector, 2));

        request = _request();
        request.input = "";
        _refused(request, abi.encodeWithSelector(IInferenceOracle.InferenceOracle__NoInput.selector));
        request.input = new bytes(4097);
        _refused(request, abi.encodeWithSelector(IInferenceOracle.InferenceOracle__InputTooLong.selector, 4097, 4096));
        request.input = INPUT;
        request.inputLength = 1;
        _refused(request, abi.encodeWithSelector(IInferenceOracle.InferenceOracle__TwoInputs.selector));

        request = _request();
        request.callbackGasLimit = 1_000_001;
        _refused(
            request,
            abi.encodeWithSelector(IInferenceOracle.InferenceOracle__CallbackGasTooHigh.selector, 1_000_001, 1_000_000)
        );
        request.callbackGasLimit = 0;
        request.finalOnly = true;
        _refused(request, abi.encodeWithSelector(IInferenceOracle.InferenceOracle__FinalOnlyWithoutCallback.selector));

        request = _request();
        request.minAgreeing = 5;
        _refused(request, abi.encodeWithSelector(IInferenceOracle.InferenceOracle__TooManyAgreeing.selector, 5, 4));
        request.minAgreeing = 4;
        _ask(request);

        uint256 quoted = oracle.quote(1, INPUT.length, CALLBACK_GAS);
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceOracle.InferenceOracle__FeeTooLow.selector, quoted - 1, quoted)
        );
        oracle.requestInference{value: quoted - 1}(1, INPUT, CALLBACK_GAS, quoted - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceOracle.InferenceOracle__WrongValue.selector, quoted, quoted + 1)
        );
        oracle.requestInference{value: quoted}(1, INPUT, CALLBACK_GAS, quoted + 1);
    }

    function testFuzz_deadlines(uint32 seconds_) external {
        IInferenceOracle.InferenceRequest memory request = _request();
        request.deadlineSeconds = seconds_;
        if (seconds_ != 0 && (seconds_ < 30 || seconds_ > 7 days)) {
            bytes4 reason = IInferenceOracle.InferenceOracle__DeadlineOutOfRange.selector;
            _refused(request, abi.encodeWithSelector(reason, seconds_, 30, 7 days));
        } else {
            uint256 id = _ask(request);
            _equal(oracle.getRequest(id).due, START + (seconds_ == 0 ? 1 hours : seconds_), "due");
        }
    }

    function test_anOracleWithoutNodesTakesNothing() external {
        InferenceHarness bare = _newOracle();
        bare.setModelPrice(1, InferencePricing.ModelPrice(1, 1, 1));
        vm.expectRevert(IQuorumVerifier.QuorumVerifier__NotConfigured.selector);
        bare.requestInference{value: 1 ether}(1, INPUT, 0, 1 ether);
    }

    function test_refundAfterTheDeadlineOnce() external {
        vm.deal(ALICE, 1 ether);
        vm.prank(ALICE);
        uint256 id = oracle.requestInference{value: 1 ether}(1, INPUT, 0, 1 ether);
        vm.warp(START + 1 hours);
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceOracle.InferenceOracle__TooEarly.selector, id, START + 1 hours + 1)
        );
        oracle.refund(id);
        vm.warp(START + 1 hours + 1);
        oracle.refund(id);
        _equal(oracle.creditOf(ALICE), 1 ether, "credit");
        _equal(oracle.getRequest(id).held, 0, "nothing is held");
        vm.expectRevert(_wrongStatus(id, IInferenceOracle.Status.Refunded));
        oracle.refund(id);
        vm.expectRevert(
            abi.encodeWithSelector(
                IInferenceOracle.InferenceOracle__NoAnswer.selector, id, IInferenceOracle.Status.Refunded
            )
        );
        oracle.getAnswer(id);

        vm.prank(ALICE);
        oracle.withdraw();
        _equal(ALICE.balance, 1 ether, "paid out");
        vm.expectRevert(abi.encodeWithSelector(IInferenceLedger.InferenceOracle__NothingToWithdraw.selector, ALICE));
        vm.prank(ALICE);
        oracle.withdraw();
    }

    /// @dev This contract takes no ether.
    function test_aPayoutThatFailsKeepsTheCredit() external {
        uint256 id = oracle.requestInference{value: 1 ether}(1, INPUT, 0, 1 ether);
        vm.warp(START + 1 hours + 1);
        oracle.refund(id);
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceLedger.InferenceOracle__TransferFailed.selector, address(this), 1 ether)
        );
        oracle.withdraw();
        _equal(oracle.creditOf(address(this)), 1 ether, "kept");
        oracle.withdrawTo(payable(ALICE));
        _equal(ALICE.balance, 1 ether, "elsewhere");
    }

    function test_pricesAndRulesAreTheOwners() external {
        InferencePricing.ModelPrice memory price = InferencePricing.ModelPrice(1, 2, 3);
        bytes memory notOwner = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, ALICE);
        vm.expectRevert(notOwner);
        vm.prank(ALICE);
        oracle.setModelPrice(1, price);
        vm.expectRevert(notOwner);
        vm.prank(ALICE);
        oracle.removeModelPrice(1);
        vm.expectRevert(notOwner);
        vm.prank(ALICE);
        oracle.setParameters(_rules());

        price.answerGas = 0;
        vm.expectRevert(
            abi.encodeWithSelector(InferencePricing.InferenceOracle__AnswerGasOutOfRange.selector, 0, 1, 10_000_000)
        );
        oracle.setModelPrice(1, price);
        InferencePricing.Parameters memory rules = _rules();
        rules.committeeSize = 0;
        vm.expectRevert(
            abi.encodeWithSelector(InferencePricing.InferenceOracle__CommitteeSizeOutOfRange.selector, 0, 1, 31)
        );
        oracle.setParameters(rules);
        rules.committeeSize = 3;
        rules.disputeWindow = 31 days;
        vm.expectRevert(
            abi.encodeWithSelector(InferencePricing.InferenceOracle__DisputeWindowTooLong.selector, 31 days, 30 days)
        );
        oracle.setParameters(rules);
        rules.disputeWindow = 0;
        rules.verdictTimeout = 599;
        vm.expectRevert(
            abi.encodeWithSelector(
                InferencePricing.InferenceOracle__VerdictTimeoutOutOfRange.selector, 599, 600, 30 days
            )
        );
        oracle.setParameters(rules);

        uint256 id = _ask();
        oracle.removeModelPrice(1);
        _refused(_request(), abi.encodeWithSelector(IInferenceOracle.InferenceOracle__ModelNotPriced.selector, 1));
        _deliver(_answer(id, 1));
        _expectStatus(id, IInferenceOracle.Status.Answered);
    }

    function test_onchainConfigIsEmpty() external {
        address[] memory signers = new address[](4);
        address[] memory transmitters = new address[](4);
        for (uint256 i = 0; i < 4; ++i) (signers[i], transmitters[i]) = (_transmitter(i), _transmitter(i));
        vm.expectRevert(abi.encodeWithSelector(IInferenceOracle.InferenceOracle__UnexpectedConfig.selector, 1));
        oracle.setConfig(signers, transmitters, 1, hex"01", 30, "");
    }

    function _refused(IInferenceOracle.InferenceRequest memory request, bytes memory reason) private {
        vm.expectRevert(reason);
        requester.ask{value: 100 ether}(request);
    }
}
