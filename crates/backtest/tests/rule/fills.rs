//! When and at which price a target is filled.

use tickring_backtest::{Bars, Costs, Fill, Rule, Shorts, Size};

use crate::support::{MINUTE_NS, PLAIN, Run, Script, assert_near, run};

const KEEP: f64 = f64::NAN;

#[test]
fn a_target_is_filled_at_the_next_bars_open() {
    let tested = run(&PLAIN, &[1.0, 0.0], &[(10.0, 11.0), (20.0, 25.0), (30.0, 1.0)]);
    let trade = &tested.listed[0];
    assert_near(trade.entry_price, 20.0);
    assert_near(trade.exit_price, 30.0);
    assert_eq!((trade.entry_time_ns, trade.exit_time_ns), (MINUTE_NS, Some(2 * MINUTE_NS)));
    assert_near(trade.quantity, 50.0);
    assert_near(trade.profit, 500.0);
    assert_near(tested.equity.equity, 1_500.0);
    assert_eq!((tested.fills, trade.bars), (2, 1));
}

#[test]
fn a_target_can_be_filled_at_the_close_that_it_came_from() {
    let rule = Rule { fill: Fill::Close, ..PLAIN };
    let tested = run(&rule, &[1.0, 0.0], &[(10.0, 11.0), (20.0, 22.0)]);
    assert_near(tested.listed[0].entry_price, 11.0);
    assert_near(tested.equity.equity, 2_000.0);
}

#[test]
fn the_last_bars_target_is_never_filled() {
    let tested = run(&PLAIN, &[KEEP, 1.0], &[(10.0, 11.0), (20.0, 25.0)]);
    assert_eq!(tested.fills, 0);
    assert_near(tested.equity.equity, 1_000.0);
}

#[test]
fn a_wish_that_is_taken_back_before_the_next_open_is_no_fill() {
    let mut backtest = Run::new(Script::new(&[1.0, KEEP, 0.0]), &PLAIN, Bars::AsTheyCome);
    backtest.bar(0, 0, 10.0, 10.0).unwrap();
    backtest.bar(0, 1, 10.0, 10.0).unwrap();
    backtest.bar(0, 2, 10.0, 10.0).unwrap();
    backtest.bar(0, 3, 12.0, 12.0).unwrap();
    let tested = backtest.end().unwrap();
    assert_eq!((tested.fills, tested.trades.count), (2, 1));
    assert_near(tested.listed[0].exit_price, 12.0);
}

#[test]
fn a_reversal_is_two_fills_at_one_price() {
    let tested =
        run(&PLAIN, &[1.0, -1.0, 0.0], &[(9.0, 9.0), (10.0, 12.0), (20.0, 20.0), (10.0, 10.0)]);
    assert_eq!((tested.fills, tested.trades.count), (4, 2));
    // 100 units from 10 to 20, then 2,000 of money short from 20 to 10.
    assert_near(tested.listed[0].profit, 1_000.0);
    assert_near(tested.listed[1].direction, -1.0);
    assert_near(tested.listed[1].profit, 1_000.0);
    assert_near(tested.equity.equity, 3_000.0);
}

#[test]
fn without_shorts_a_target_below_zero_is_flat() {
    let rule = Rule { shorts: Shorts::Flat, ..PLAIN };
    let tested = run(&rule, &[-1.0, 1.0, -1.0], &[(1.0, 1.0), (1.0, 1.0), (1.0, 1.0), (2.0, 2.0)]);
    assert_eq!((tested.fills, tested.trades.count), (2, 1));
    assert_near(tested.equity.equity, 2_000.0);
}

#[test]
fn fees_and_slippage_are_taken_from_every_fill() {
    let costs = Costs { notional_bps: 100.0, per_fill: 1.0, slippage_bps: 200.0 };
    let rule = Rule { costs, size: Size::Quantity(10.0), ..PLAIN };
    let tested = run(&rule, &[1.0, 0.0], &[(10.0, 10.0), (10.0, 10.0), (20.0, 20.0)]);
    // Bought at 10.2 for 102, sold at 19.6 for 196; fees of 1.02 + 1 and 1.96 + 1.
    assert_near(tested.fees, 4.98);
    assert_near(tested.slippage, 10.0 * 0.2 + 10.0 * 0.4);
    assert_near(tested.turnover, 102.0 + 196.0);
    assert_near(tested.listed[0].profit, 196.0 - 102.0 - 4.98);
    assert_near(tested.equity.equity, 1_000.0 + 94.0 - 4.98);
}

#[test]
fn the_whole_equity_pays_its_own_fees() {
    let costs = Costs { notional_bps: 100.0, per_fill: 5.0, slippage_bps: 0.0 };
    let tested = run(&Rule { costs, ..PLAIN }, &[1.0], &[(10.0, 10.0), (10.0, 10.0)]);
    let quantity = 995.0 / (10.0 * 1.01);
    assert_near(tested.listed[0].quantity, quantity);
    assert_near(tested.equity.equity, quantity * 10.0);
    assert_eq!(tested.fills_cut, 0);
}

#[test]
fn positions_are_worth_no_more_than_the_equity() {
    let rule = Rule { size: Size::Notional(800.0), ..PLAIN };
    let mut backtest = Run::new(Script::new(&[1.0, 1.0]), &rule, Bars::AsTheyCome);
    for index in 0..3 {
        backtest.bar(0, index, 10.0, 10.0).unwrap();
        backtest.bar(1, index, 5.0, 5.0).unwrap();
    }
    let tested = backtest.end().unwrap();
    assert_near(tested.listed[0].quantity, 80.0);
    assert_near(tested.listed[1].quantity, 40.0);
    assert_eq!(tested.fills_cut, 1);
}

#[test]
fn no_fill_knows_a_close_of_its_own_moment() {
    // B is sized by the equity while A, whose bar of the same moment came first, has lost all.
    let rule = Rule { size: Size::Equity(0.5), ..PLAIN };
    let mut backtest = Run::new(Script::new(&[1.0, 1.0]), &rule, Bars::AsTheyCome);
    backtest.bar(0, 0, 10.0, 10.0).unwrap();
    backtest.bar(1, 0, 10.0, 10.0).unwrap();
    backtest.bar(0, 1, 10.0, 1.0).unwrap();
    backtest.bar(1, 1, 10.0, 10.0).unwrap();
    let tested = backtest.end().unwrap();
    assert_near(tested.listed[1].quantity, 50.0);
}

#[test]
fn a_bar_that_is_tried_again_counts_once() {
    let mut script = Script::new(&[1.0, 0.0]);
    script.stumbles_at = Some(0);
    let mut backtest = Run::new(script, &PLAIN, Bars::AsTheyCome);
    for (index, at) in (0..).zip([10.0, 10.0, 20.0]) {
        backtest.bar(0, index, at, at).unwrap();
    }
    let tested = backtest.end().unwrap();
    assert_eq!((tested.bars, tested.fills), (3, 2));
    assert_near(tested.equity.equity, 2_000.0);
}

#[test]
fn of_bars_from_trades_the_first_trade_of_the_next_is_the_open() {
    let bars = Bars::FromTrades { interval_ns: MINUTE_NS };
    let mut backtest = Run::new(Script::new(&[1.0, 0.0]), &PLAIN, bars);
    for (time_ns, at) in [(1, 10.0), (2, 11.0), (MINUTE_NS + 7, 20.0), (3 * MINUTE_NS, 30.0)] {
        backtest.trade(time_ns, at);
    }
    backtest.trade(2, 1.0);
    backtest.trade(0, 1.0);
    let tested = backtest.end().unwrap();
    let trade = &tested.listed[0];
    assert_near(trade.entry_price, 20.0);
    assert_near(trade.exit_price, 30.0);
    assert_eq!(trade.entry_time_ns, MINUTE_NS + 7);
    assert_eq!((tested.bars, tested.trades_left_out), (2, 2));
}

#[test]
fn bars_that_do_not_follow_each_other_end_it() {
    for (index, at, what) in [(0, 1.0, "starts no later"), (1, 0.0, "not above zero")] {
        let mut backtest = Run::new(Script::new(&[]), &PLAIN, Bars::AsTheyCome);
        backtest.bar(0, 0, 1.0, 1.0).unwrap();
        assert!(backtest.bar(0, index, at, at).is_err());
        let bad = backtest.end().unwrap_err();
        assert!(bad.what.contains(what) && bad.symbol == "A", "{bad:?}");
    }
}
