// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {InferenceRequester} from "../mocks/InferenceRequester.sol";
import {IInferenceOracle} from "../oracle/IInferenceOracle.sol";
import {InferencePricing} from "../oracle/inference/InferencePricing.sol";
import {InferenceOracle} from "../oracle/InferenceOracle.sol";
import {ModelRegistry} from "../oracle/ModelRegistry.sol";
import {TestBase} from "./TestBase.t.sol";

/// @dev Takes reports without signatures: verification is tested on its own.
contract InferenceHarness is InferenceOracle {
    uint40 private round;

    constructor(address owner, ModelRegistry registry, Parameters memory rules)
        InferenceOracle(owner, registry, rules)
    {}

    function deliverReport(bytes calldata report) external {
        _onReport(bytes32(uint256(1)), ++round, bytes32(0), report);
    }
}

/// @title What the tests of the inference oracle share
/// @notice A registry with one model, an oracle of four nodes that answers for it, and reports without signatures.
abstract contract InferenceTest is TestBase {
    uint256 internal constant START = 1_700_000_000;
    uint256 internal constant WINDOW = 1 hours;
    uint256 internal constant TIMEOUT = 1 days;
    uint256 internal constant BOND = 0.1 ether;
    uint256 internal constant GAS_PRICE = 10 gwei;
    uint256 internal constant BASE = 0.001 ether;
    uint256 internal constant PER_WORD = 0.0001 ether;
    uint32 internal constant ANSWER_GAS = 400_000;
    uint32 internal constant CALLBACK_GAS = 300_000;
    bytes32 internal constant MODEL = keccak256("model");
    bytes32 internal constant EVIDENCE = keccak256("evidence");
    bytes internal constant INPUT = "is it a cat?";
    address internal constant TRANSMITTER = address(0x2000);
    address internal constant CHALLENGER = address(0xC4A1);
    uint8 internal constant ANSWERED = 1;
    uint8 internal constant NO_AGREEMENT = 2;
    uint8 internal constant BAD_INPUT = 3;

    ModelRegistry internal registry;
    InferenceHarness internal oracle;
    InferenceRequester internal requester;

    function _deploy() internal {
        vm.warp(START);
        vm.roll(1000);
        registry = ModelRegistry(_create("ModelRegistry", ""));
        registry.register("cats", MODEL, "ipfs://cats");
        oracle = _newOracle();
        oracle.setModelPrice(1, InferencePricing.ModelPrice(uint96(BASE), uint96(PER_WORD), ANSWER_GAS));
        _configure(4);
        requester = InferenceRequester(payable(_create("InferenceRequester", abi.encode(oracle))));
        vm.deal(address(this), 1000 ether);
        vm.deal(CHALLENGER, 1000 ether);
    }

    /// @dev One without prices and without nodes.
    function _newOracle() internal returns (InferenceHarness) {
        bytes memory args = abi.encode(address(this), registry, _rules());
        return InferenceHarness(payable(_create("InferenceHarness", args)));
    }

    function _rules() internal pure returns (InferencePricing.Parameters memory) {
        return InferencePricing.Parameters({
            maxGasPrice: uint64(GAS_PRICE),
            disputeWindow: uint32(WINDOW),
            verdictTimeout: uint32(TIMEOUT),
            bond: uint80(BOND),
            reportGas: 120_000,
            committeeSize: 3
        });
    }

    function _configure(uint256 n) internal {
        address[] memory signers = new address[](n);
        address[] memory transmitters = new address[](n);
        for (uint256 i = 0; i < n; ++i) {
            signers[i] = address(uint160(0x1000 + i));
            transmitters[i] = _transmitter(i);
        }
        oracle.setConfig(signers, transmitters, uint8((n - 1) / 3), "", 30, "");
    }

    function _transmitter(uint256 i) internal pure returns (address) {
        return address(uint160(0x2000 + i));
    }

    function _request() internal pure returns (IInferenceOracle.InferenceRequest memory request) {
        request.modelId = 1;
        request.input = INPUT;
        request.callbackGasLimit = CALLBACK_GAS;
    }

    /// @dev Asks through the requester for exactly the quoted fee.
    function _ask(IInferenceOracle.InferenceRequest memory request) internal returns (uint256) {
        uint256 length = request.input.length == 0 ? request.inputLength : request.input.length;
        return requester.ask{value: oracle.quote(request.modelId, length, request.callbackGasLimit)}(request);
    }

    function _ask() internal returns (uint256) {
        return _ask(_request());
    }

    function _values(int256 value) internal pure returns (int256[] memory values) {
        values = new int256[](1);
        values[0] = value;
    }

    function _answer(uint256 requestId, int256 value) internal pure returns (IInferenceOracle.Answer memory) {
        return IInferenceOracle.Answer(requestId, sha256(INPUT), ANSWERED, 3, 4, 5, _values(value));
    }

    function _none(uint256 requestId, uint8 outcome) internal pure returns (IInferenceOracle.Answer memory) {
        return IInferenceOracle.Answer(requestId, sha256(INPUT), outcome, 0, 4, 5, new int256[](0));
    }

    function _verdict(uint256 requestId, bool upheld) internal pure returns (IInferenceOracle.Verdict memory) {
        return IInferenceOracle.Verdict(requestId, upheld, 2, 3, 7, upheld ? new int256[](0) : _values(-99));
    }

    function _report(IInferenceOracle.Answer[] memory answers) internal view returns (bytes memory) {
        return _report(uint32(block.timestamp), EVIDENCE, answers);
    }

    function _report(uint32 timestamp, bytes32 evidence, IInferenceOracle.Answer[] memory answers)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encode(timestamp, evidence, answers, new IInferenceOracle.Verdict[](0), new uint256[](0));
    }

    function _deliver(IInferenceOracle.Answer memory answer) internal {
        IInferenceOracle.Answer[] memory answers = new IInferenceOracle.Answer[](1);
        answers[0] = answer;
        bytes memory report = _report(answers);
        vm.prank(TRANSMITTER);
        oracle.deliverReport(report);
    }

    function _deliver(IInferenceOracle.Verdict memory verdict) internal {
        IInferenceOracle.Verdict[] memory verdicts = new IInferenceOracle.Verdict[](1);
        verdicts[0] = verdict;
        vm.prank(TRANSMITTER);
        IInferenceOracle.Answer[] memory answers = new IInferenceOracle.Answer[](0);
        oracle.deliverReport(
            abi.encode(uint32(block.timestamp), keccak256("re-run"), answers, verdicts, new uint256[](0))
        );
    }

    /// @dev A report that tends requests.
    function _tend(uint256[] memory requestIds) internal {
        vm.prank(TRANSMITTER);
        IInferenceOracle.Answer[] memory answers = new IInferenceOracle.Answer[](0);
        IInferenceOracle.Verdict[] memory verdicts = new IInferenceOracle.Verdict[](0);
        oracle.deliverReport(abi.encode(uint32(block.timestamp), EVIDENCE, answers, verdicts, requestIds));
    }

    function _challenge(uint256 requestId) internal {
        vm.prank(CHALLENGER);
        oracle.challenge{value: BOND}(requestId);
    }

    /// @dev Lets so many blocks pass and makes the hash of every one of them known.
    function _mine(uint256 number, uint256 blocks) internal {
        vm.roll(number + blocks);
        for (uint256 i = blocks > 255 ? blocks - 255 : 0; i < blocks; ++i) {
            vm.setBlockhash(number + i, keccak256(abi.encode("block", number + i)));
        }
    }

    function _finalize(uint256 requestId) internal {
        uint256[] memory ids = new uint256[](1);
        ids[0] = requestId;
        oracle.finalize(ids);
    }

    function _status(uint256 requestId) internal view returns (uint256) {
        return uint256(oracle.getRequest(requestId).status);
    }

    function _expectStatus(uint256 requestId, IInferenceOracle.Status want) internal view {
        _equal(_status(requestId), uint256(want), "status");
    }

    function _wrongStatus(uint256 requestId, IInferenceOracle.Status got) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IInferenceOracle.InferenceOracle__WrongStatus.selector, requestId, got);
    }
}
