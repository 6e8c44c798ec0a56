// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceOracle} from "../IInferenceOracle.sol";
import {InferenceConsumer} from "../InferenceConsumer.sol";

/// @title Deposits that a classifier releases or holds
/// @notice A sender pays in for a recipient. The model sees facts that this contract vouches for; if it answers with the
///         clean class, and that answer is final, the recipient can collect. Otherwise the sender takes the deposit back.
/// @dev The input is `abi.encode(int256[])` as every model takes it, here of three: the amount in wei, and how many deposits
///      of the sender and for the recipient were released before. The model's manifest must ask for these, in this order. The first value of the answer is the class.
contract TransferScreen is InferenceConsumer {
    uint256 private constant FACTS = 3;
    /// @dev Offset and length of the list, and its numbers.
    uint256 private constant INPUT_LENGTH = (2 + FACTS) * 32;
    uint32 private constant CALLBACK_GAS = 150_000;

    /// @notice Where a deposit stands.
    enum Stage {
        None,
        Screening,
        Held,
        Released,
        Closed
    }

    struct Deposit {
        address sender;
        Stage stage;
        address payable recipient;
        uint256 amount;
    }

    uint256 private immutable MODEL_ID;
    bytes32 private immutable MODEL_DIGEST;
    int256 private immutable CLEAN_CLASS;
    address payable private immutable TREASURY;

    mapping(uint256 requestId => Deposit) private deposits;
    mapping(address account => uint256) private sent;
    mapping(address account => uint256) private received;

    /// @notice A deposit is being screened.
    event DepositScreened(
        uint256 indexed requestId, address indexed sender, address indexed recipient, uint256 amount
    );

    /// @notice The model spoke. `outcome` as in `onInference`.
    event DepositDecided(uint256 indexed requestId, Stage stage, uint8 outcome);

    /// @notice A deposit was paid out, to the recipient or back to the sender.
    event DepositClosed(uint256 indexed requestId, address indexed to, uint256 amount);

    error TransferScreen__NothingToSend(uint256 got, uint256 fee);
    error TransferScreen__NotYours(uint256 requestId, address caller);
    error TransferScreen__NotReady(uint256 requestId, Stage stage);
    error TransferScreen__TransferFailed(address to, uint256 amount);

    /// @param oracle who runs the model
    /// @param modelId id of the classifier
    /// @param modelDigest the version of it that was looked at
    /// @param cleanClass the class that releases
    /// @param treasury where unspent fees go
    constructor(
        IInferenceOracle oracle,
        uint256 modelId,
        bytes32 modelDigest,
        int256 cleanClass,
        address payable treasury
    ) InferenceConsumer(oracle) {
        MODEL_ID = modelId;
        MODEL_DIGEST = modelDigest;
        CLEAN_CLASS = cleanClass;
        TREASURY = treasury;
    }

    /// @notice Pays in for `recipient`; of `msg.value` the oracle's fee is taken off.
    /// @return requestId names the deposit
    function send(address payable recipient) external payable returns (uint256 requestId) {
        uint256 fee_ = fee();
        if (msg.value <= fee_) revert TransferScreen__NothingToSend(msg.value, fee_);
        uint256 amount = msg.value - fee_;
        IInferenceOracle.InferenceRequest memory request;
        request.modelId = MODEL_ID;
        request.input = _facts(amount, recipient);
        request.callbackGasLimit = CALLBACK_GAS;
        request.finalOnly = true;
        requestId = _ask(request, MODEL_DIGEST, fee_);
        deposits[requestId] = Deposit(msg.sender, Stage.Screening, recipient, amount);
        emit DepositScreened(requestId, msg.sender, recipient, amount);
    }

    /// @notice Pays a released deposit out. Only its recipient.
    function collect(uint256 requestId) external {
        Deposit storage deposit = deposits[requestId];
        if (deposit.recipient != msg.sender) revert TransferScreen__NotYours(requestId, msg.sender);
        if (deposit.stage != Stage.Released) revert TransferScreen__NotReady(requestId, deposit.stage);
        _close(requestId, deposit, deposit.recipient);
    }

    /// @notice Gives a deposit back that was held, that the oracle never answered, or whose answer got lost on its way
    ///         here. Only its sender.
    function takeBack(uint256 requestId) external {
        Deposit storage deposit = deposits[requestId];
        if (deposit.sender != msg.sender) revert TransferScreen__NotYours(requestId, msg.sender);
        if (deposit.stage != Stage.Held && !_isLost(requestId)) {
            revert TransferScreen__NotReady(requestId, deposit.stage);
        }
        _close(requestId, deposit, payable(msg.sender));
    }

    /// @notice Sends unspent fees and refunds to the treasury. By anyone.
    function collectFees() external {
        _collect(TREASURY);
    }

    /// @notice A deposit; all zero if there is none.
    function getDeposit(uint256 requestId) external view returns (Deposit memory) {
        return deposits[requestId];
    }

    /// @notice What the oracle takes of a deposit now.
    function fee() public view returns (uint256) {
        return ORACLE.quote(MODEL_ID, INPUT_LENGTH, CALLBACK_GAS);
    }

    /// @inheritdoc InferenceConsumer
    function _onInference(uint256 requestId, uint8 outcome, int256[] calldata values, bool isFinal)
        internal
        override
    {
        Deposit storage deposit = deposits[requestId];
        if (deposit.stage != Stage.Screening) revert TransferScreen__NotReady(requestId, deposit.stage);
        bool clean = isFinal && outcome == ANSWERED && values[0] == CLEAN_CLASS;
        deposit.stage = clean ? Stage.Released : Stage.Held;
        if (clean) {
            ++sent[deposit.sender];
            ++received[deposit.recipient];
        }
        emit DepositDecided(requestId, deposit.stage, outcome);
    }

    /// @dev Whether no answer will come any more, and none came.
    function _isLost(uint256 requestId) private view returns (bool) {
        if (deposits[requestId].stage != Stage.Screening) return false;
        IInferenceOracle.RequestView memory request = ORACLE.getRequest(requestId);
        return request.delivered || request.status == IInferenceOracle.Status.Refunded;
    }

    function _facts(uint256 amount, address recipient) private view returns (bytes memory) {
        int256[] memory facts = new int256[](FACTS);
        // Casts: wei that exist, and counts of deposits.
        facts[0] = int256(amount);
        facts[1] = int256(sent[msg.sender]);
        facts[2] = int256(received[recipient]);
        return abi.encode(facts);
    }

    function _close(uint256 requestId, Deposit storage deposit, address payable to) private {
        deposit.stage = Stage.Closed;
        uint256 amount = deposit.amount;
        emit DepositClosed(requestId, to, amount);
        (bool success,) = to.call{value: amount}("");
        if (!success) revert TransferScreen__TransferFailed(to, amount);
    }
}
