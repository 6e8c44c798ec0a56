// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {UniqueQuorumVerifier} from "../../quorum/UniqueQuorumVerifier.sol";

/// @title What an answer costs, and the rules of disputes
/// @notice Set by the contract's owner. A request keeps the price that it was made at. Amounts are wei.
abstract contract InferencePricing is UniqueQuorumVerifier {
    uint256 internal constant WORD = 32;
    uint256 private constant MAX_ANSWER_GAS = 10_000_000;
    uint256 private constant MAX_DISPUTE_WINDOW = 30 days;
    uint256 private constant MIN_VERDICT_TIMEOUT = 10 minutes;
    uint256 private constant MAX_VERDICT_TIMEOUT = 30 days;

    /// @notice Price of a model. One slot.
    /// @param base for every answer
    /// @param perWord for every 32 bytes of input, begun ones included
    /// @param answerGas most gas repaid for writing an answer, callback apart; not zero. Depends on how many values the
    ///        model gives
    struct ModelPrice {
        uint96 base;
        uint96 perWord;
        uint32 answerGas;
    }

    /// @notice Rules for all models. One slot.
    /// @param maxGasPrice most wei per gas that a transmitter is repaid
    /// @param disputeWindow seconds in which an answer can be challenged; zero makes answers final at once
    /// @param verdictTimeout seconds from a challenge to the last verdict, 10 minutes to 30 days
    /// @param bond least stake of a challenger
    /// @param reportGas gas repaid for what a report costs before its first answer, shared by its answers
    /// @param committeeSize how many oracles rule, 1 to 31; fewer if there are fewer
    struct Parameters {
        uint64 maxGasPrice;
        uint32 disputeWindow;
        uint32 verdictTimeout;
        uint80 bond;
        uint24 reportGas;
        uint8 committeeSize;
    }

    mapping(uint256 modelId => ModelPrice) private prices;
    Parameters private rules;

    /// @notice A model's price was set; `answerGas` is zero if it can't be asked any more.
    event ModelPriceSet(uint256 indexed modelId, uint96 base, uint96 perWord, uint32 answerGas);

    /// @notice The rules changed.
    event ParametersSet(Parameters parameters);

    error InferenceOracle__AnswerGasOutOfRange(uint256 got, uint256 min, uint256 max);
    error InferenceOracle__DisputeWindowTooLong(uint256 got, uint256 max);
    error InferenceOracle__VerdictTimeoutOutOfRange(uint256 got, uint256 min, uint256 max);
    error InferenceOracle__CommitteeSizeOutOfRange(uint256 got, uint256 min, uint256 max);

    constructor(Parameters memory parameters_) {
        _setParameters(parameters_);
    }

    /// @notice Sets what a model costs; requests that were made keep their price. Only the owner.
    function setModelPrice(uint256 modelId, ModelPrice calldata price) external onlyOwner {
        if (price.answerGas == 0 || price.answerGas > MAX_ANSWER_GAS) {
            revert InferenceOracle__AnswerGasOutOfRange(price.answerGas, 1, MAX_ANSWER_GAS);
        }
        prices[modelId] = price;
        emit ModelPriceSet(modelId, price.base, price.perWord, price.answerGas);
    }

    /// @notice Takes a model off the list: it can't be asked any more. Only the owner.
    function removeModelPrice(uint256 modelId) external onlyOwner {
        delete prices[modelId];
        emit ModelPriceSet(modelId, 0, 0, 0);
    }

    /// @notice Sets the rules for all models. A dispute window holds for answers that come after. Only the owner.
    function setParameters(Parameters calldata parameters_) external onlyOwner {
        _setParameters(parameters_);
    }

    /// @notice A model's price; all zero for a model that can't be asked.
    function modelPrice(uint256 modelId) external view returns (ModelPrice memory) {
        return prices[modelId];
    }

    /// @notice The rules for all models.
    function parameters() external view returns (Parameters memory) {
        return rules;
    }

    function _modelPrice(uint256 modelId) internal view returns (ModelPrice memory) {
        return prices[modelId];
    }

    function _parameters() internal view returns (Parameters memory) {
        return rules;
    }

    /// @notice What the oracles earn, and the most that a transmitter is repaid.
    function _quote(ModelPrice memory price, uint256 inputLength, uint256 callbackGasLimit)
        internal
        view
        returns (uint256 earned, uint256 gasFee)
    {
        earned = price.base + price.perWord * ((inputLength + WORD - 1) / WORD);
        gasFee = uint256(rules.maxGasPrice) * (price.answerGas + callbackGasLimit);
    }

    /// @notice What a wei of gas is repaid with in this transaction.
    function _gasPrice() internal view returns (uint256) {
        return tx.gasprice < rules.maxGasPrice ? tx.gasprice : rules.maxGasPrice;
    }

    function _setParameters(Parameters memory next) private {
        if (next.disputeWindow > MAX_DISPUTE_WINDOW) {
            revert InferenceOracle__DisputeWindowTooLong(next.disputeWindow, MAX_DISPUTE_WINDOW);
        }
        if (next.verdictTimeout < MIN_VERDICT_TIMEOUT || next.verdictTimeout > MAX_VERDICT_TIMEOUT) {
            revert InferenceOracle__VerdictTimeoutOutOfRange(
                next.verdictTimeout, MIN_VERDICT_TIMEOUT, MAX_VERDICT_TIMEOUT
            );
        }
        if (next.committeeSize == 0 || next.committeeSize > MAX_ORACLES) {
            revert InferenceOracle__CommitteeSizeOutOfRange(next.committeeSize, 1, MAX_ORACLES);
        }
        rules = next;
        emit ParametersSet(next);
    }
}
