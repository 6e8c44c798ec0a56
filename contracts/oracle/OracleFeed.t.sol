// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TestBase} from "../testing/TestBase.t.sol";
import {IQuorumFeed} from "./IQuorumFeed.sol";
import {OracleFeed} from "./OracleFeed.sol";
import {PriceConsumer} from "./examples/PriceConsumer.sol";

int192 constant MIN = -1000;
int192 constant MAX = 1_000_000e8;
uint32 constant HEARTBEAT = 1 hours;
// The optimizer takes the block's time for the same all through a call, so a test that warps does not read it.
uint256 constant START = 1_700_000_000;
bytes32 constant MODEL = keccak256("model");
bytes32 constant EVIDENCE = keccak256("evidence");

/// @dev Takes reports without signatures: verification is tested on its own.
contract FeedHarness is OracleFeed {
    uint40 private round;

    constructor(address owner) OracleFeed(owner, 8, "TEST / USD") {}

    function deliver(bytes calldata report) external {
        _onReport(bytes32(uint256(1)), ++round, bytes32(0), report);
    }
}

/// @dev Delivers random reports to a feed and remembers what it must show.
contract FeedHandler is TestBase {
    uint256 private constant DRIFT = 60;

    FeedHarness private immutable FEED;
    IQuorumFeed.Status private expected;
    uint32 private lastObservedAt;

    struct Shown {
        int192 answer;
        uint32 startedAt;
        uint32 updatedAt;
    }

    Shown[] private shown;

    constructor(FeedHarness feed) {
        FEED = feed;
    }

    function deliver(int192 answer, uint256 lag) external {
        int256 range = int256(MAX) - MIN + 1;
        int256 offset = int256(answer) % range;
        _deliver(int192(MIN + (offset < 0 ? offset + range : offset)), lag);
    }

    function deliverAnything(int192 answer, uint256 lag) external {
        _deliver(answer, lag);
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + _bound(time, 1, 2 * HEARTBEAT));
    }

    function check() external view {
        IQuorumFeed.Status status = expected;
        if (status == IQuorumFeed.Status.Fresh && block.timestamp > uint256(lastObservedAt) + HEARTBEAT) {
            status = IQuorumFeed.Status.Stale;
        }
        _equal(uint256(FEED.status()), uint256(status), "status");
        _equal(FEED.latestObservationsTimestamp(), lastObservedAt, "observed");
        uint256 count = shown.length;
        if (count == 0) return;
        (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredIn) = FEED.latestRoundData();
        _equal(id, count, "round");
        _equal(answeredIn, count, "answered in");
        Shown memory last = shown[count - 1];
        _equal(answer, last.answer, "latest is the last in range");
        _equal(startedAt, last.startedAt, "started");
        _equal(updatedAt, last.updatedAt, "updated");
    }

    function checkHistory() external view {
        uint256 before;
        for (uint256 i = 0; i < shown.length; ++i) {
            (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt,) = FEED.getRoundData(uint80(i + 1));
            _equal(id, i + 1, "id");
            _equal(answer, shown[i].answer, "answer");
            _equal(updatedAt, shown[i].updatedAt, "updated");
            _true(startedAt >= before, "observations go forward");
            _true(startedAt <= updatedAt + DRIFT, "observed before it was shown");
            before = startedAt;
        }
    }

    function _deliver(int192 answer, uint256 lag) private {
        // An admissible time of observation: not before the last, not more than the drift ahead.
        uint256 latest = block.timestamp + DRIFT;
        uint32 observedAt = uint32(_bound(lag, lastObservedAt < latest - 2 hours ? latest - 2 hours : lastObservedAt, latest));
        FEED.deliver(abi.encode(observedAt, answer, EVIDENCE, MODEL));
        lastObservedAt = observedAt;
        if (answer < MIN || answer > MAX) {
            expected = IQuorumFeed.Status.OutOfRange;
        } else {
            expected = IQuorumFeed.Status.Fresh;
            shown.push(Shown(answer, observedAt, uint32(block.timestamp)));
        }
    }
}

contract OracleFeedTest is TestBase {
    FeedHarness private feed;
    FeedHandler private handler;
    PriceConsumer private consumer;

    event ReportTransmitted(
        uint32 indexed roundId,
        bytes32 indexed configDigest,
        uint40 epochAndRound,
        int192 answer,
        uint32 observationsTimestamp,
        bytes32 evidenceDigest,
        bytes32 modelDigest,
        address transmitter
    );
    event AnswerOutOfRange(
        uint32 indexed roundId,
        bytes32 indexed configDigest,
        uint40 epochAndRound,
        int192 answer,
        uint32 observationsTimestamp,
        bytes32 evidenceDigest,
        bytes32 modelDigest,
        address transmitter
    );

    function setUp() external {
        vm.warp(START);
        feed = new FeedHarness(address(this));
        _configure(abi.encode(uint8(1), MIN, MAX, HEARTBEAT, MODEL));
        handler = new FeedHandler(feed);
        consumer = new PriceConsumer(feed, 10 minutes);
        bytes4[] memory functions = new bytes4[](3);
        functions[0] = FeedHandler.deliver.selector;
        functions[1] = FeedHandler.deliverAnything.selector;
        functions[2] = FeedHandler.wait.selector;
        _target(address(handler), functions);
    }

    function invariant_latestIsTheLastInRange() external view {
        handler.check();
    }

    function invariant_historyIsKeptInOrder() external view {
        handler.checkHistory();
    }

    function testFuzz_anyAnswerIsShownOrFlagged(int192 answer) external {
        bool inRange = answer >= MIN && answer <= MAX;
        _deliver(uint32(block.timestamp), 7);
        vm.expectEmit(true, true, false, true, address(feed));
        if (inRange) {
            emit ReportTransmitted(
                2, bytes32(uint256(1)), 2, answer, uint32(block.timestamp), EVIDENCE, MODEL, address(this)
            );
        } else {
            emit AnswerOutOfRange(
                1, bytes32(uint256(1)), 2, answer, uint32(block.timestamp), EVIDENCE, MODEL, address(this)
            );
        }
        _deliver(uint32(block.timestamp), answer);
        (uint80 id, int256 shown,,,) = feed.latestRoundData();
        _equal(id, inRange ? 2 : 1, "round");
        _equal(shown, inRange ? answer : int192(7), "answer");
        _equal(
            uint256(feed.status()),
            uint256(inRange ? IQuorumFeed.Status.Fresh : IQuorumFeed.Status.OutOfRange),
            "status"
        );
    }

    function test_theBoundsThemselvesAreInRange() external {
        _deliver(uint32(block.timestamp), MIN);
        _deliver(uint32(block.timestamp), MAX);
        (uint80 id, int256 answer,,,) = feed.latestRoundData();
        _equal(id, 2, "two rounds");
        _equal(answer, MAX, "answer");
    }

    function test_outOfRangeBeforeAnyRound() external {
        _deliver(uint32(block.timestamp), MAX + 1);
        _equal(uint256(feed.status()), uint256(IQuorumFeed.Status.OutOfRange), "flagged");
        vm.expectRevert(IQuorumFeed.OracleFeed__NoData.selector);
        feed.latestRoundData();
    }

    function test_aGoodAnswerClearsTheFlag() external {
        _deliver(uint32(block.timestamp), MAX + 1);
        _deliver(uint32(block.timestamp), 5);
        _equal(uint256(feed.status()), uint256(IQuorumFeed.Status.Fresh), "fresh");
    }

    function test_statusFollowsTheHeartbeat() external {
        _equal(uint256(feed.status()), uint256(IQuorumFeed.Status.NoData), "no data");
        uint256 observedAt = START - 100;
        _deliver(uint32(observedAt), 5);
        vm.warp(observedAt + HEARTBEAT);
        _equal(uint256(feed.status()), uint256(IQuorumFeed.Status.Fresh), "fresh to the last second");
        vm.warp(observedAt + HEARTBEAT + 1);
        _equal(uint256(feed.status()), uint256(IQuorumFeed.Status.Stale), "stale");
        (, int256 answer, uint256 startedAt, uint256 updatedAt,) = feed.latestRoundData();
        _equal(answer, 5, "still shown");
        _equal(startedAt, observedAt, "with its true time of observation");
        _equal(updatedAt, observedAt + 100, "and of its block");
    }

    function testFuzz_clockBounds(uint32 observedAt) external {
        uint32 last = uint32(block.timestamp - 50);
        _deliver(last, 5);
        uint256 latestAllowed = block.timestamp + 60;
        if (observedAt > latestAllowed) {
            vm.expectRevert(
                abi.encodeWithSelector(IQuorumFeed.OracleFeed__ObservedInFuture.selector, observedAt, latestAllowed)
            );
        } else if (observedAt < last) {
            vm.expectRevert(
                abi.encodeWithSelector(IQuorumFeed.OracleFeed__ObservedBeforeLast.selector, observedAt, last)
            );
        }
        _deliver(observedAt, 6);
    }

    function test_clockBoundsToTheSecond() external {
        _deliver(uint32(block.timestamp + 60), 5);
        _deliver(uint32(block.timestamp + 60), 6);
        (uint80 id,,,,) = feed.latestRoundData();
        _equal(id, 2, "equal times are allowed");
        vm.expectRevert(
            abi.encodeWithSelector(
                IQuorumFeed.OracleFeed__ObservedInFuture.selector, block.timestamp + 61, block.timestamp + 60
            )
        );
        _deliver(uint32(block.timestamp + 61), 7);
        vm.expectRevert(
            abi.encodeWithSelector(
                IQuorumFeed.OracleFeed__ObservedBeforeLast.selector, block.timestamp + 59, block.timestamp + 60
            )
        );
        _deliver(uint32(block.timestamp + 59), 7);
    }

    function test_anOutOfRangeReportMovesTheClockToo() external {
        _deliver(uint32(block.timestamp), MAX + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IQuorumFeed.OracleFeed__ObservedBeforeLast.selector, block.timestamp - 1, block.timestamp
            )
        );
        _deliver(uint32(block.timestamp - 1), 5);
    }

    function testFuzz_anotherModelIsRefused(bytes32 model) external {
        if (model == MODEL) return;
        vm.expectRevert(abi.encodeWithSelector(IQuorumFeed.OracleFeed__WrongModel.selector, model, MODEL));
        feed.deliver(abi.encode(uint32(block.timestamp), int192(1), EVIDENCE, model));
    }

    function test_aFeedWithoutAModel() external {
        _configure(abi.encode(uint8(1), MIN, MAX, HEARTBEAT, bytes32(0)));
        feed.deliver(abi.encode(uint32(block.timestamp), int192(1), EVIDENCE, bytes32(0)));
        vm.expectRevert(abi.encodeWithSelector(IQuorumFeed.OracleFeed__WrongModel.selector, MODEL, bytes32(0)));
        _deliver(uint32(block.timestamp), 1);
    }

    function testFuzz_reportLength(bytes calldata report) external {
        if (report.length == 128) return;
        vm.expectRevert(
            abi.encodeWithSelector(IQuorumFeed.OracleFeed__WrongReportLength.selector, report.length, 128)
        );
        feed.deliver(report);
    }

    function testFuzz_reportPadding(uint256 timestamp, int256 answer) external {
        if (timestamp <= type(uint32).max) timestamp += 1 << 32;
        vm.expectRevert(IQuorumFeed.OracleFeed__MalformedReport.selector);
        feed.deliver(abi.encode(timestamp, int192(1), EVIDENCE, MODEL));
        if (answer == int192(answer)) answer = int256(type(int192).max) + 1;
        vm.expectRevert(IQuorumFeed.OracleFeed__MalformedReport.selector);
        feed.deliver(abi.encode(uint32(block.timestamp), answer, EVIDENCE, MODEL));
    }

    function test_configurationReadsBack() external view {
        _equal(feed.minAnswer(), MIN, "min");
        _equal(feed.maxAnswer(), MAX, "max");
        _equal(feed.heartbeat(), HEARTBEAT, "heartbeat");
        _equal(feed.modelDigest(), MODEL, "model");
        _equal(feed.decimals(), 8, "decimals");
        _equal(feed.version(), 1, "version");
        _equal(keccak256(bytes(feed.description())), keccak256("TEST / USD"), "description");
    }

    function testFuzz_configurationLength(bytes calldata config) external {
        if (config.length == 160) return;
        _configureRefused(
            config, abi.encodeWithSelector(IQuorumFeed.OracleFeed__WrongConfigLength.selector, config.length, 160)
        );
    }

    function test_refusedConfigurations() external {
        _configureRefused(
            abi.encode(uint8(2), MIN, MAX, HEARTBEAT, MODEL),
            abi.encodeWithSelector(IQuorumFeed.OracleFeed__UnsupportedConfigVersion.selector, 2)
        );
        _configureRefused(
            abi.encode(uint8(1), MAX, MAX, HEARTBEAT, MODEL),
            abi.encodeWithSelector(IQuorumFeed.OracleFeed__EmptyAnswerRange.selector, MAX, MAX)
        );
        _configureRefused(
            abi.encode(uint8(1), MAX, MIN, HEARTBEAT, MODEL),
            abi.encodeWithSelector(IQuorumFeed.OracleFeed__EmptyAnswerRange.selector, MAX, MIN)
        );
        _configureRefused(
            abi.encode(uint8(1), MIN, MAX, uint32(0), MODEL),
            abi.encodeWithSelector(IQuorumFeed.OracleFeed__ZeroHeartbeat.selector)
        );
        bytes memory malformed = abi.encodeWithSelector(IQuorumFeed.OracleFeed__MalformedConfig.selector);
        _configureRefused(abi.encode(1, type(int256).min, MAX, HEARTBEAT, MODEL), malformed);
        _configureRefused(abi.encode(1, MIN, type(int256).max, HEARTBEAT, MODEL), malformed);
        _configureRefused(abi.encode(1, MIN, MAX, uint256(1) << 32, MODEL), malformed);
    }

    function test_theRingKeepsTheLastRounds() external {
        uint32 kept = feed.historyLength();
        uint32 count = kept + 10;
        for (uint32 i = 1; i <= count; ++i) _deliver(uint32(block.timestamp), int192(int32(i)));
        for (uint32 i = count - kept + 1; i <= count; ++i) {
            (uint80 id, int256 answer,,,) = feed.getRoundData(i);
            _equal(id, i, "round");
            _equal(answer, int256(uint256(i)), "answer");
        }
        vm.expectRevert(
            abi.encodeWithSelector(
                IQuorumFeed.OracleFeed__RoundNotAvailable.selector, count - kept, count - kept + 1, count
            )
        );
        feed.getRoundData(count - kept);
    }

    function testFuzz_roundsThatAreNotThere(uint80 id) external {
        for (uint256 i = 0; i < 3; ++i) _deliver(uint32(block.timestamp), 1);
        if (id >= 1 && id <= 3) return;
        vm.expectRevert(abi.encodeWithSelector(IQuorumFeed.OracleFeed__RoundNotAvailable.selector, id, 1, 3));
        feed.getRoundData(id);
    }

    function test_consumerReadsAFreshPrice() external {
        _deliver(uint32(block.timestamp), 2500e8);
        _equal(consumer.price(), 2500e8, "price");
        _equal(consumer.quote(2e18), 5000e18, "quote");
    }

    function test_consumerRefusesWhatIsNotGood() external {
        _consumerRefuses(IQuorumFeed.Status.NoData);
        _deliver(uint32(block.timestamp), 2500e8);
        _deliver(uint32(block.timestamp), MAX + 1);
        _consumerRefuses(IQuorumFeed.Status.OutOfRange);

        _deliver(uint32(START), 2500e8);
        vm.warp(START + 10 minutes);
        _equal(consumer.price(), 2500e8, "not too old yet");
        vm.warp(START + 10 minutes + 1);
        vm.expectRevert(abi.encodeWithSelector(PriceConsumer.PriceConsumer__PriceTooOld.selector, START));
        consumer.price();
        vm.warp(START + HEARTBEAT + 1);
        _consumerRefuses(IQuorumFeed.Status.Stale);

        _deliver(uint32(START + HEARTBEAT), -1);
        vm.expectRevert(abi.encodeWithSelector(PriceConsumer.PriceConsumer__PriceNotPositive.selector, -1));
        consumer.price();
    }

    function _consumerRefuses(IQuorumFeed.Status status) private {
        vm.expectRevert(abi.encodeWithSelector(PriceConsumer.PriceConsumer__FeedNotFresh.selector, status));
        consumer.price();
    }

    function _deliver(uint32 observedAt, int192 answer) private {
        feed.deliver(abi.encode(observedAt, answer, EVIDENCE, MODEL));
    }

    function _configure(bytes memory config) private {
        (address[] memory signers, address[] memory transmitters) = _oracles();
        feed.setConfig(signers, transmitters, 1, config, 30, "");
    }

    function _configureRefused(bytes memory config, bytes memory want) private {
        (address[] memory signers, address[] memory transmitters) = _oracles();
        vm.expectRevert(want);
        feed.setConfig(signers, transmitters, 1, config, 30, "");
    }

    function _oracles() private pure returns (address[] memory signers, address[] memory transmitters) {
        signers = new address[](4);
        transmitters = new address[](4);
        for (uint256 i = 0; i < 4; ++i) {
            signers[i] = address(uint160(0x1000 + i));
            transmitters[i] = address(uint160(0x2000 + i));
        }
    }
}
