// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceOracle} from "../IInferenceOracle.sol";
import {Committee} from "./Committee.sol";
import {InferenceAnswers} from "./InferenceAnswers.sol";

/// @title Disputes over provisional answers
/// @notice A challenger stakes a bond; a committee of oracles, drawn by the hash of a block to come, runs the model again
///         in the deterministic profile; a quorum reports what it found.
///
///         Upheld: the bond, less the transmitter's gas, and the price go to the oracles. Overturned: the challenger gets
///         the bond back and the price as reward, which leaves nothing to give back to the requester; it has the
///         committee's values, and the oracles work for nothing, the verdict's transmitter too. Unresolved: the
///         challenger gets the bond back and the requester the price.
/// @dev Limits of the draw: who proposes the anchor block can see its hash before others and withhold the block, which
///      lets it draw once more at the price of a block. A chain whose `blockhash` isn't its proposer's commitment (some
///      rollups) gives what that chain gives. A hash is out of reach after 256 blocks: until somebody has called
///      `drawCommittee` or a verdict has come, anyone may then move the anchor, so whoever dislikes a committee wins only
///      if nobody at all calls.
abstract contract InferenceDisputes is InferenceAnswers {
    /// @dev The block that draws is that many blocks after the challenge.
    uint256 private constant ANCHOR_DELAY = 4;

    /// @dev Most gas repaid for a verdict, share of the report apart.
    uint256 private constant VERDICT_GAS = 200_000;

    /// @dev Three slots.
    struct Dispute {
        address challenger;
        uint96 bond;
        uint64 anchorBlock;
        uint8 committeeSize;
        bytes32 seed;
    }

    mapping(uint256 requestId => Dispute) private disputes;

    /// @inheritdoc IInferenceOracle
    function challenge(uint256 requestId) external payable nonReentrant {
        Request storage request = _inStatus(requestId, Status.Answered);
        if (block.timestamp > request.due) revert InferenceOracle__TooLate(requestId, request.due);
        Parameters memory rules = _parameters();
        if (msg.value < rules.bond) revert InferenceOracle__BondTooLow(msg.value, rules.bond);
        if (msg.value > type(uint96).max) revert InferenceOracle__FeeTooHigh(msg.value, type(uint96).max);

        request.status = Status.Disputed;
        request.due = uint40(block.timestamp + rules.verdictTimeout);
        // Casts: the bond was bounded above, a block number fits 64 bits.
        disputes[requestId] = Dispute({
            challenger: msg.sender,
            bond: uint96(msg.value),
            anchorBlock: uint64(block.number + ANCHOR_DELAY),
            committeeSize: rules.committeeSize,
            seed: 0
        });
        emit InferenceChallenged(
            requestId,
            msg.sender,
            msg.value,
            uint64(block.number + ANCHOR_DELAY),
            rules.committeeSize,
            request.due
        );
    }

    /// @inheritdoc IInferenceOracle
    function drawCommittee(uint256 requestId) external nonReentrant {
        _inStatus(requestId, Status.Disputed);
        if (!_draw(requestId)) {
            revert InferenceOracle__CommitteeNotDrawn(requestId, disputes[requestId].anchorBlock);
        }
    }

    /// @inheritdoc IInferenceOracle
    function closeDispute(uint256 requestId) external nonReentrant {
        Request storage request = _inStatus(requestId, Status.Disputed);
        if (block.timestamp <= request.due) {
            revert InferenceOracle__TooEarly(requestId, uint256(request.due) + 1);
        }
        _close(requestId);
    }

    /// @inheritdoc IInferenceOracle
    function committee(uint256 requestId) external view returns (uint8[] memory indices) {
        Dispute storage dispute = disputes[requestId];
        if (dispute.challenger == address(0)) {
            revert InferenceOracle__WrongStatus(requestId, requests[requestId].status);
        }
        bytes32 seed = _seedOf(requestId);
        if (seed == 0) {
            if (block.number <= dispute.anchorBlock) {
                revert InferenceOracle__CommitteeNotDrawn(requestId, dispute.anchorBlock);
            }
            revert InferenceOracle__CommitteeOutOfReach(requestId, dispute.anchorBlock);
        }
        return Committee.draw(seed, _sizeOf(dispute), _oracleCount());
    }

    /// @inheritdoc IInferenceOracle
    function getDispute(uint256 requestId) external view returns (DisputeView memory) {
        Dispute memory dispute = disputes[requestId];
        return DisputeView({
            challenger: dispute.challenger,
            bond: dispute.bond,
            anchorBlock: dispute.anchorBlock,
            committeeSize: dispute.committeeSize,
            seed: dispute.seed
        });
    }

    /// @notice Takes the verdicts of a report.
    function _takeVerdicts(Source memory source, Verdict[] memory verdicts) internal {
        uint256 repaid = 0;
        for (uint256 i = 0; i < verdicts.length; ++i) repaid += _takeVerdict(source, verdicts[i]);
        _credit(msg.sender, repaid);
    }

    /// @notice Does what is due for each of these requests: makes the callback that waited for a final answer, earns the
    ///         price of an answer that nobody challenged, draws a committee, closes a dispute without a verdict. Passes
    ///         over those for which nothing is due.
    function _tend(Source memory source, uint256[] memory requestIds) internal {
        uint256 repaid = 0;
        for (uint256 i = 0; i < requestIds.length; ++i) {
            Request storage request = requests[requestIds[i]];
            if (request.status == Status.Disputed) {
                if (block.timestamp > request.due) _close(requestIds[i]);
                else _draw(requestIds[i]);
            }
            if (_isDeliverable(request)) repaid += _deliver(requestIds[i], source.gasShare);
            else if (_isRipe(request)) _finalize(requestIds[i]);
        }
        _credit(msg.sender, repaid);
    }

    /// @dev Keeps the seed of an open dispute, or moves its anchor.
    /// @return done false before the anchor's hash exists
    function _draw(uint256 requestId) private returns (bool done) {
        Dispute storage dispute = disputes[requestId];
        if (dispute.seed != 0) return true;
        bytes32 seed = _seedOf(requestId);
        if (seed != 0) {
            _keepSeed(requestId, seed);
            return true;
        }
        if (block.number <= dispute.anchorBlock) return false;
        dispute.anchorBlock = uint64(block.number + ANCHOR_DELAY);
        emit CommitteeReanchored(requestId, dispute.anchorBlock);
        return true;
    }

    function _close(uint256 requestId) private {
        Request storage request = requests[requestId];
        Dispute storage dispute = disputes[requestId];
        request.status = Status.Unresolved;
        _credit(dispute.challenger, dispute.bond);
        _credit(request.requester, request.price);
        emit DisputeUnresolved(requestId, dispute.challenger, dispute.bond, request.price);
    }

    /// @return gasFee what the transmitter is owed
    function _takeVerdict(Source memory source, Verdict memory verdict) private returns (uint256 gasFee) {
        uint256 gasBefore = gasleft();
        uint256 requestId = verdict.requestId;
        bytes32 seed = _seedOf(requestId);
        (bool fine, SkipReason reason) = _judge(verdict, seed);
        if (!fine) {
            emit VerdictSkipped(requestId, reason);
            return 0;
        }
        if (disputes[requestId].seed == 0) _keepSeed(requestId, seed);
        if (verdict.upheld) return _uphold(source, verdict, gasBefore);
        _overturn(source, verdict);
    }

    function _uphold(Source memory source, Verdict memory verdict, uint256 gasBefore)
        private
        returns (uint256 gasFee)
    {
        Request storage request = requests[verdict.requestId];
        Dispute storage dispute = disputes[verdict.requestId];
        request.status = Status.Upheld;
        (uint256 price, uint256 bond) = (request.price, dispute.bond);
        uint256 gasUsed = gasBefore - gasleft() + source.gasShare;
        if (gasUsed > VERDICT_GAS) gasUsed = VERDICT_GAS;
        gasFee = gasUsed * _gasPrice();
        if (gasFee > bond) gasFee = bond;
        // Who answered earns the price, who ruled the bond.
        _earn(records[verdict.requestId].configCount, price);
        _earn(source.configCount, bond - gasFee);
        _emitResolved(source, verdict, 0, price + bond - gasFee, gasFee);
    }

    function _overturn(Source memory source, Verdict memory verdict) private {
        uint256 requestId = verdict.requestId;
        Request storage request = requests[requestId];
        Dispute storage dispute = disputes[requestId];
        request.status = Status.Overturned;
        uint8 outcome = verdict.values.length == 0 ? BAD_INPUT : ANSWERED;
        _keep(source, requestId, outcome, verdict.votes, verdict.committeeSize, 0, verdict.values);
        _credit(dispute.challenger, uint256(dispute.bond) + request.price);
        _emitResolved(source, verdict, request.price, 0, 0);
        if (request.delivery == Delivery.AtOnce) _callback(requestId, outcome, verdict.values, true);
    }

    function _emitResolved(
        Source memory source,
        Verdict memory verdict,
        uint256 reward,
        uint256 income,
        uint256 gasFee
    ) private {
        emit DisputeResolved(
            verdict.requestId,
            verdict.upheld,
            disputes[verdict.requestId].challenger,
            verdict.votes,
            verdict.committeeSize,
            verdict.distance,
            verdict.values,
            source.evidenceDigest,
            reward,
            income,
            gasFee
        );
    }

    function _judge(Verdict memory verdict, bytes32 seed) private view returns (bool, SkipReason) {
        Request storage request = requests[verdict.requestId];
        if (request.status != Status.Disputed) return (false, SkipReason.NotDisputed);
        if (block.timestamp > request.due) return (false, SkipReason.Late);
        if (seed == 0) return (false, SkipReason.NoCommittee);
        if (verdict.committeeSize != _sizeOf(disputes[verdict.requestId])) return (false, SkipReason.WrongCommittee);
        uint256 count = verdict.values.length;
        if (verdict.votes > verdict.committeeSize || count > MAX_VALUES || (verdict.upheld && count != 0)) {
            return (false, SkipReason.Malformed);
        }
        if (2 * uint256(verdict.votes) <= verdict.committeeSize) return (false, SkipReason.NoMajority);
        return (true, SkipReason.NotDisputed);
    }

    /// @dev The seed that was kept, or the one that the anchor gives; zero if there is none yet or no more.
    function _seedOf(uint256 requestId) private view returns (bytes32 seed) {
        Dispute storage dispute = disputes[requestId];
        seed = dispute.seed;
        if (seed != 0 || dispute.anchorBlock == 0) return seed;
        bytes32 hash = blockhash(dispute.anchorBlock);
        if (hash != 0) seed = keccak256(abi.encode(hash, requestId));
    }

    function _keepSeed(uint256 requestId, bytes32 seed) private {
        disputes[requestId].seed = seed;
        emit CommitteeDrawn(requestId, seed);
    }

    function _sizeOf(Dispute storage dispute) private view returns (uint256) {
        uint256 oracles = _oracleCount();
        return dispute.committeeSize < oracles ? dispute.committeeSize : oracles;
    }
}
