// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {UniqueReportLog} from "../mocks/UniqueReportLog.sol";
import {OracleSetTest} from "../testing/OracleSetTest.t.sol";
import {IQuorumVerifier} from "./IQuorumVerifier.sol";

contract UniqueQuorumVerifierTest is OracleSetTest {
    UniqueReportLog private verifier;

    function setUp() external {
        verifier = new UniqueReportLog(address(this));
    }

    function testFuzz_takesExactlyTheByzantineQuorum(uint256 n, uint256 f, uint256 seed, bytes calldata report)
        external
    {
        n = _bound(n, 4, 31);
        f = _bound(f, 1, (n - 1) / 3);
        _configure(n, f);
        uint256 quorum = (n + f) / 2 + 1;
        _equal(verifier.requiredSignatures(), quorum, "Q");
        for (uint256 count = f + 1; count < quorum; ++count) {
            _refused(_subset(n, count, seed), report, IQuorumVerifier.QuorumVerifier__TooFewSignatures.selector, quorum);
        }
        if (quorum < n) {
            bytes4 tooMany = IQuorumVerifier.QuorumVerifier__TooManySignatures.selector;
            _refused(_subset(n, quorum + 1, seed), report, tooMany, quorum);
        }
        _transmit(_subset(n, quorum, seed), report);
        (uint32 epoch, uint8 round) = verifier.latestEpochAndRound();
        _equal(uint256(epoch) << 8 | round, 1, "accepted");
    }

    /// @dev The reason for Q: any two quorums share an oracle that is not among the f.
    function testFuzz_twoQuorumsShareAnHonestOracle(uint256 n, uint256 f, uint256 first, uint256 second) external {
        n = _bound(n, 4, 31);
        f = _bound(f, 1, (n - 1) / 3);
        _configure(n, f);
        uint256 quorum = verifier.requiredSignatures();
        uint256[] memory a = _subset(n, quorum, first);
        uint256[] memory b = _subset(n, quorum, second);
        uint256 shared = 0;
        for (uint256 i = 0; i < quorum; ++i) {
            for (uint256 j = 0; j < quorum; ++j) if (a[i] == b[j]) ++shared;
        }
        _true(shared > f, "no more than f in common");
        _true(quorum <= n - f, "the honest ones alone are too few");
    }

    function _configure(uint256 n, uint256 f) private {
        Set memory set = _set(n);
        verifier.setConfig(set.signers, set.transmitters, uint8(f), "", set.offchainConfigVersion, set.offchainConfig);
    }

    function _context() private view returns (bytes32[3] memory) {
        (,, bytes32 digest) = verifier.latestConfigDetails();
        return [digest, bytes32(uint256(1)), bytes32(0)];
    }

    function _transmit(uint256[] memory indices, bytes memory report) private {
        bytes32[3] memory context = _context();
        (bytes32[] memory rs, bytes32[] memory ss, bytes32 rawVs) = _sign(context, report, indices);
        vm.prank(_transmitters(1)[0]);
        verifier.transmit(context, report, rs, ss, rawVs);
    }

    function _refused(uint256[] memory indices, bytes memory report, bytes4 reason, uint256 quorum) private {
        bytes32[3] memory context = _context();
        (bytes32[] memory rs, bytes32[] memory ss, bytes32 rawVs) = _sign(context, report, indices);
        vm.prank(_transmitters(1)[0]);
        vm.expectRevert(abi.encodeWithSelector(reason, indices.length, quorum));
        verifier.transmit(context, report, rs, ss, rawVs);
    }
}
