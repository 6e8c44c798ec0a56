// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SettableVectorFeed} from "../../testing/SettableVectorFeed.t.sol";
import {TestBase} from "../../testing/TestBase.t.sol";
import {FeedReader} from "../FeedReader.sol";
import {IQuorumFeed} from "../IQuorumFeed.sol";
import {HorizonMargin} from "./HorizonMargin.sol";

contract HorizonMarginTest is TestBase {
    uint256 private constant START = 1_700_000_000;
    SettableVectorFeed private feed;
    HorizonMargin private margin;

    function setUp() external {
        vm.warp(START);
        feed = new SettableVectorFeed(3);
        feed.configure();
        margin = new HorizonMargin(feed, 10 minutes, 4);
        // 0.5 %, 1 % and 30 % over 300, 600 and 900 seconds.
        _set(500_000, 1_000_000, 30_000_000);
    }

    function test_takesTheFirstHorizonThatIsLongEnough() external view {
        _equal(margin.marginBps(0), 200, "at once");
        _equal(margin.marginBps(300), 200, "to the second");
        _equal(margin.marginBps(301), 400, "the next one");
        _equal(margin.marginBps(900), 10_000, "at most all");
        _equal(margin.marginOf(1e18, 600), 0.04e18, "of a notional");
        _equal(margin.marginOf(1, 600), 1, "rounded up");
    }

    function test_refusesWhatItCanNotTell() external {
        vm.expectRevert(abi.encodeWithSelector(HorizonMargin.HorizonMargin__NoHorizon.selector, 901));
        margin.marginBps(901);
        _set(500_000, 0, 1);
        vm.expectRevert(
            abi.encodeWithSelector(FeedReader.FeedReader__OutOfRange.selector, feed, 0, 1, type(int192).max)
        );
        margin.marginBps(300);
        _set(1, 1, 1e18 + 1);
        vm.expectRevert(
            abi.encodeWithSelector(FeedReader.FeedReader__NotFresh.selector, feed, IQuorumFeed.Status.OutOfRange)
        );
        margin.marginBps(300);
        _set(1, 1, 1);
        vm.warp(START + 10 minutes + 1);
        vm.expectRevert(abi.encodeWithSelector(FeedReader.FeedReader__TooOld.selector, feed, START));
        margin.marginBps(300);
    }

    function _set(int192 a, int192 b, int192 c) private {
        int192[] memory answers = new int192[](3);
        (answers[0], answers[1], answers[2]) = (a, b, c);
        feed.set(answers, START);
    }
}
