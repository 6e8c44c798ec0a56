// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SettableVectorFeed} from "../testing/SettableVectorFeed.t.sol";
import {TestBase} from "../testing/TestBase.t.sol";
import {FeedReader} from "./FeedReader.sol";
import {IOracleVectorFeed} from "./IOracleVectorFeed.sol";
import {IQuorumFeed} from "./IQuorumFeed.sol";
import {VectorElement} from "./VectorElement.sol";

contract OracleVectorFeedTest is TestBase {
    uint256 private constant START = 1_700_000_000;
    int192 private constant MIN = -1000;
    int192 private constant MAX = 1e18;
    bytes32 private constant EVIDENCE = keccak256("evidence");

    SettableVectorFeed private feed;
    VectorElement private second;

    event VectorTransmitted(
        uint32 indexed roundId,
        bytes32 indexed configDigest,
        uint40 epochAndRound,
        int192[] answers,
        uint32 observationsTimestamp,
        bytes32 evidenceDigest,
        bytes32 modelDigest,
        uint8 agreeing,
        uint8 observers,
        uint256 spread,
        address transmitter
    );
    event VectorOutOfRange(
        uint32 indexed roundId,
        bytes32 indexed configDigest,
        uint40 epochAndRound,
        int192[] answers,
        uint32 observationsTimestamp,
        bytes32 evidenceDigest,
        bytes32 modelDigest,
        uint8 agreeing,
        uint8 observers,
        uint256 spread,
        address transmitter
    );

    function setUp() external {
        vm.warp(START);
        feed = new SettableVectorFeed(4);
        feed.configure();
        second = new VectorElement(feed, 1);
    }

    function readAll(uint256 maxAge, int256 min, int256 max) external view returns (int192[] memory) {
        return FeedReader.readVector(feed, maxAge, min, max);
    }

    function readSecond(uint256 maxAge) external view returns (uint256) {
        return FeedReader.readPositive(second, maxAge);
    }

    function testFuzz_anyVectorIsShownOrFlagged(int192 a, int192 b, int192 c, int192 d) external {
        feed.set(_of(1, 2, 3, 4), START);
        int192[] memory answers = _of(a, b, c, d);
        bool inRange = true;
        for (uint256 i = 0; i < 4; ++i) inRange = inRange && answers[i] >= MIN && answers[i] <= MAX;
        bytes32 digest = bytes32(uint256(1));
        uint32 time = uint32(START);
        vm.expectEmit(true, true, false, true, address(feed));
        if (inRange) {
            emit VectorTransmitted(2, digest, 2, answers, time, EVIDENCE, 0, 3, 4, 5, address(feed));
        } else {
            emit VectorOutOfRange(1, digest, 2, answers, time, EVIDENCE, 0, 3, 4, 5, address(feed));
        }
        feed.set(answers, START);
        (uint80 id, int192[] memory shown, uint256 startedAt, uint256 updatedAt) = feed.latestVector();
        _equal(id, inRange ? 2 : 1, "round");
        _equal(startedAt, START, "observed");
        _equal(updatedAt, START, "accepted");
        for (uint256 i = 0; i < 4; ++i) _equal(shown[i], inRange ? answers[i] : int192(int256(i + 1)), "element");
        _status(inRange ? IQuorumFeed.Status.Fresh : IQuorumFeed.Status.OutOfRange);
    }

    function testFuzz_elementsAreThoseOfTheVector(int192[32] calldata values, uint256 length) external {
        length = _bound(length, 1, 32);
        feed = new SettableVectorFeed(length);
        feed.configureWith(type(int192).min, type(int192).max);
        int192[] memory answers = new int192[](length);
        for (uint256 i = 0; i < length; ++i) answers[i] = values[i];
        feed.set(answers, START);
        for (uint256 i = 0; i < length; ++i) {
            (uint80 id, int192 answer, uint256 startedAt, uint256 updatedAt) = feed.latestElement(i);
            (,int192 again,,) = feed.getElement(1, i);
            _equal(id, 1, "round");
            _equal(answer, values[i], "element");
            _equal(again, values[i], "by round");
            _equal(startedAt + updatedAt, 2 * START, "times");
        }
        vm.expectRevert(_noSuchElement(length, length));
        feed.latestElement(length);
    }

    function test_lengths() external {
        vm.expectRevert(_badLength(0));
        new SettableVectorFeed(0);
        vm.expectRevert(_badLength(33));
        new SettableVectorFeed(33);
        vm.expectRevert(_noSuchElement(4, 4));
        new VectorElement(feed, 4);
        _equal(feed.length(), 4, "length");
        _equal(feed.labels()[3], 1200, "label");
        _equal(feed.decimals(), 8, "decimals");
    }

    function test_refusedConfigurations() external {
        uint256[] memory labels = new uint256[](4);
        bytes memory good = abi.encode(uint8(1), MIN, MAX, uint32(1), bytes32(0), labels);
        bytes memory malformed = abi.encodeWithSelector(IQuorumFeed.OracleFeed__MalformedConfig.selector);
        _refusedConfig(
            abi.encode(uint8(1), MIN, MAX, uint32(1), bytes32(0), new uint256[](3)),
            abi.encodeWithSelector(IQuorumFeed.OracleFeed__WrongConfigLength.selector, 320, 352)
        );
        _refusedConfig(
            abi.encode(uint8(2), MIN, MAX, uint32(1), bytes32(0), labels),
            abi.encodeWithSelector(IQuorumFeed.OracleFeed__UnsupportedConfigVersion.selector, 2)
        );
        _refusedConfig(
            abi.encode(uint8(1), MAX, MAX, uint32(1), bytes32(0), labels),
            abi.encodeWithSelector(IQuorumFeed.OracleFeed__EmptyAnswerRange.selector, MAX, MAX)
        );
        _refusedConfig(_withWord(good, 5, 0xe0), malformed);
        _refusedConfig(_withWord(good, 6, 3), malformed);
    }

    function test_labelsAreThoseOfTheFirstRound() external {
        uint256[] memory labels = new uint256[](4);
        labels[3] = 7;
        feed.configureRaw(abi.encode(uint8(1), MIN, MAX, uint32(1 hours), bytes32(0), labels));
        _equal(feed.labels()[3], 7, "no round has them yet");
        feed.set(_of(1, 2, 3, MAX + 1), START);
        feed.configure();
        _equal(feed.labels()[3], 1200, "what is out of range makes no round");
        feed.set(_of(1, 2, 3, 4), START);
        _refusedConfig(
            abi.encode(uint8(1), MIN, MAX, uint32(1 hours), bytes32(0), labels),
            abi.encodeWithSelector(IOracleVectorFeed.OracleVectorFeed__LabelsChanged.selector)
        );
        _equal(feed.labels()[3], 1200, "refused");
        feed.configureWith(MIN, MAX - 1);
        _equal(feed.maxAnswer(), MAX - 1, "the same labels");
    }

    function testFuzz_refusedReports(uint256 word, uint256 value) external {
        bytes memory good =
            abi.encode(uint32(START), EVIDENCE, bytes32(0), uint8(3), uint8(4), uint256(5), _of(1, 2, 3, 4));
        word = _bound(word, 0, 11);
        bytes memory changed = _withWord(good, word, value);
        if (word == 1 || word == 5 || (word == 6 && value == 0xe0) || (word == 7 && value == 4)) return;
        if (word == 2) {
            if (value == 0) return;
            vm.expectRevert(abi.encodeWithSelector(IQuorumFeed.OracleFeed__WrongModel.selector, value, 0));
        } else {
            // What fits its field is no malformed report; the time is tested elsewhere.
            if (word == 0 && value <= type(uint32).max) return;
            if ((word == 3 || word == 4) && value <= type(uint8).max) return;
            if (word >= 8 && int256(value) == int192(int256(value))) return;
            vm.expectRevert(IQuorumFeed.OracleFeed__MalformedReport.selector);
        }
        feed.take(changed);
    }

    function testFuzz_reportLength(bytes calldata report) external {
        if (report.length == 384) return;
        vm.expectRevert(
            abi.encodeWithSelector(IQuorumFeed.OracleFeed__WrongReportLength.selector, report.length, 384)
        );
        feed.take(report);
    }

    function test_timeAndHeartbeat() external {
        _status(IQuorumFeed.Status.NoData);
        vm.expectRevert(IQuorumFeed.OracleFeed__NoData.selector);
        feed.latestVector();
        feed.set(_of(1, 2, 3, 4), START);
        vm.expectRevert(
            abi.encodeWithSelector(IQuorumFeed.OracleFeed__ObservedBeforeLast.selector, START - 1, START)
        );
        feed.set(_of(1, 2, 3, 4), START - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IQuorumFeed.OracleFeed__ObservedInFuture.selector, START + 61, START + 60)
        );
        feed.set(_of(1, 2, 3, 4), START + 61);
        vm.warp(START + 1 hours);
        _status(IQuorumFeed.Status.Fresh);
        vm.warp(START + 1 hours + 1);
        _status(IQuorumFeed.Status.Stale);
    }

    function test_theRingKeepsTheLastRounds() external {
        for (uint256 i = 1; i <= 1030; ++i) {
            // Widths change from round to round, so that narrow vectors overwrite wide ones.
            int192 value = int192(int256(i)) << (i % 50);
            feed.set(_of(value, value + 1, -900, value), START);
        }
        for (uint256 i = 7; i <= 1030; ++i) {
            (uint80 id, int192[] memory answers,,) = feed.getVector(uint80(i));
            _equal(id, i, "round");
            _equal(answers[1], (int192(int256(i)) << (i % 50)) + 1, "answer");
        }
        vm.expectRevert(abi.encodeWithSelector(IQuorumFeed.OracleFeed__RoundNotAvailable.selector, 6, 7, 1030));
        feed.getVector(6);
        vm.expectRevert(abi.encodeWithSelector(IQuorumFeed.OracleFeed__RoundNotAvailable.selector, 1031, 7, 1030));
        feed.getElement(1031, 0);
    }

    function test_anElementIsAFeedOfItsOwn() external {
        feed.set(_of(10, 20, 30, 40), START);
        (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredIn) = second.latestRoundData();
        _equal(id, 1, "round");
        _equal(answeredIn, 1, "answered in");
        _equal(answer, 20, "answer");
        _equal(startedAt, START, "started");
        _equal(updatedAt, START, "updated");
        (, int256 again,,,) = second.getRoundData(1);
        _equal(again, 20, "by round");
        _equal(second.decimals(), 8, "decimals");
        _equal(second.label(), 600, "label");
        _equal(keccak256(bytes(second.description())), keccak256("TEST [600]"), "description");
        _equal(second.heartbeat(), 1 hours, "heartbeat");
        _equal(second.minAnswer(), MIN, "min");
        _equal(second.maxAnswer(), MAX, "max");
        _equal(second.latestObservationsTimestamp(), START, "observed");
    }

    function test_readersRefuseWhatIsNotGood() external {
        _notFresh(IQuorumFeed.Status.NoData);
        feed.set(_of(1, 2, 3, 4), START);
        feed.set(_of(1, 2, 3, MAX + 1), START);
        _notFresh(IQuorumFeed.Status.OutOfRange);
        feed.set(_of(1, 0, 3, 4), START);
        _equal(this.readAll(0, 0, 4)[3], 4, "the bounds are in range");
        vm.expectRevert(abi.encodeWithSelector(FeedReader.FeedReader__OutOfRange.selector, feed, 0, 1, 4));
        this.readAll(0, 1, 4);
        vm.expectRevert(
            abi.encodeWithSelector(FeedReader.FeedReader__OutOfRange.selector, second, 0, 1, type(int256).max)
        );
        this.readSecond(0);
        vm.warp(START + 11);
        vm.expectRevert(abi.encodeWithSelector(FeedReader.FeedReader__TooOld.selector, feed, START));
        this.readAll(10, 0, 4);
        vm.warp(START + 1 hours + 1);
        _notFresh(IQuorumFeed.Status.Stale);
    }

    function _notFresh(IQuorumFeed.Status status) private {
        vm.expectRevert(abi.encodeWithSelector(FeedReader.FeedReader__NotFresh.selector, feed, status));
        this.readAll(2 hours, MIN, MAX);
        vm.expectRevert(abi.encodeWithSelector(FeedReader.FeedReader__NotFresh.selector, second, status));
        this.readSecond(2 hours);
    }

    function _refusedConfig(bytes memory config, bytes memory want) private {
        vm.expectRevert(want);
        feed.configureRaw(config);
    }

    function _status(IQuorumFeed.Status want) private view {
        _equal(uint256(feed.status()), uint256(want), "status");
        _equal(uint256(second.status()), uint256(want), "status of an element");
    }

    function _withWord(bytes memory encoded, uint256 word, uint256 value) private pure returns (bytes memory changed) {
        changed = bytes.concat(encoded);
        assembly ("memory-safe") {
            mstore(add(add(changed, 32), mul(word, 32)), value)
        }
    }

    function _of(int192 a, int192 b, int192 c, int192 d) private pure returns (int192[] memory answers) {
        answers = new int192[](4);
        (answers[0], answers[1], answers[2], answers[3]) = (a, b, c, d);
    }

    function _badLength(uint256 length) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IOracleVectorFeed.OracleVectorFeed__BadLength.selector, length, 32);
    }

    function _noSuchElement(uint256 index, uint256 length) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IOracleVectorFeed.OracleVectorFeed__NoSuchElement.selector, index, length);
    }
}
