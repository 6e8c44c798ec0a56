// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SettableFeed} from "../testing/SettableFeed.t.sol";
import {TestBase} from "../testing/TestBase.t.sol";
import {FeedReader} from "./FeedReader.sol";
import {IQuorumFeed} from "./IQuorumFeed.sol";

contract FeedReaderTest is TestBase {
    uint256 private constant START = 1_700_000_000;
    SettableFeed private feed;

    function setUp() external {
        vm.warp(START);
        feed = new SettableFeed();
        feed.configure();
    }

    function readIt(uint256 maxAge, int256 min, int256 max) external view returns (int256) {
        return FeedReader.read(feed, maxAge, min, max);
    }

    function readPositive(uint256 maxAge) external view returns (uint256) {
        return FeedReader.readPositive(feed, maxAge);
    }

    function testFuzz_givesWhatIsGood(int192 answer, uint256 age, uint256 maxAge) external {
        answer = int192(int256(_bound(uint256(int256(answer)), 0, 1e18)));
        age = _bound(age, 0, 1 hours);
        maxAge = _bound(maxAge, 0, 2 hours);
        feed.set(answer, START);
        vm.warp(START + age);
        if (age > maxAge) vm.expectRevert(abi.encodeWithSelector(FeedReader.FeedReader__TooOld.selector, feed, START));
        int256 got = this.readIt(maxAge, 0, 1e18);
        if (age <= maxAge) _equal(got, answer, "answer");
    }

    function test_refusesWhatIsNot() external {
        _notFresh(IQuorumFeed.Status.NoData);
        feed.set(1e18 + 1, START);
        _notFresh(IQuorumFeed.Status.OutOfRange);
        feed.set(0, START);
        vm.expectRevert(
            abi.encodeWithSelector(FeedReader.FeedReader__OutOfRange.selector, feed, 0, 1, type(int256).max)
        );
        this.readPositive(1 hours);
        _equal(this.readIt(1 hours, 0, 0), 0, "the bounds are in range");
        vm.expectRevert(abi.encodeWithSelector(FeedReader.FeedReader__OutOfRange.selector, feed, 0, -2, -1));
        this.readIt(1 hours, -2, -1);
        vm.warp(START + 1 hours + 1);
        _notFresh(IQuorumFeed.Status.Stale);
    }

    function _notFresh(IQuorumFeed.Status status) private {
        vm.expectRevert(abi.encodeWithSelector(FeedReader.FeedReader__NotFresh.selector, feed, status));
        this.readIt(2 hours, type(int256).min, type(int256).max);
    }
}
