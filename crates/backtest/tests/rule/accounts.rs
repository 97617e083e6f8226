//! Figures over the account.

use proptest::prelude::*;
use tickring_backtest::{Costs, EquityFigures, Rule, Size, YEAR_NS};

use crate::support::{MINUTE_NS, PLAIN, assert_near, run};

#[test]
fn figures_are_those_of_their_formulas() {
    // Held from the first open on: the equity is 1000, 1100, 990, 1210.
    let closes = [(10.0, 10.0), (10.0, 11.0), (11.0, 9.9), (9.9, 12.1)];
    let tested = run(&Rule { bars_a_year: Some(4.0), ..PLAIN }, &[1.0], &closes);
    let returns = [0.0, 0.1, -0.1, 12.1 / 9.9 - 1.0];
    let mean = returns.iter().sum::<f64>() / 4.0;
    let squares: f64 = returns.iter().map(|it| (it - mean) * (it - mean)).sum();
    let deviation = (squares / 3.0).sqrt();
    let EquityFigures { steps, total_return, annual_return, annual_volatility, .. } = tested.equity;
    assert_eq!(steps, 4);
    assert_near(total_return, 0.21);
    assert_near(annual_return.unwrap(), 0.21);
    assert_near(annual_volatility.unwrap(), deviation * 2.0);
    assert_near(tested.equity.sharpe.unwrap(), mean / deviation * 2.0);
    assert_near(tested.equity.sortino.unwrap(), mean / (0.01_f64 / 4.0).sqrt() * 2.0);
    assert_near(tested.equity.drawdown_max, 0.1);
    assert_eq!(tested.equity.drawdown_steps_max, 1);
    assert_eq!(tested.equity.drawdown_ns_max, 2 * MINUTE_NS);
    assert_near(tested.equity.exposure.unwrap(), 0.75);
    assert_near(tested.equity.equity_mean.unwrap(), 1_075.0);
    assert_near(tested.turnover_share().unwrap(), 1_000.0 / 1_075.0);
    assert_near(tested.instruments[0].price_return, 0.21);
}

#[test]
fn bars_a_year_are_as_many_as_there_were() {
    let tested = run(&PLAIN, &[], &[(1.0, 1.0); 7]);
    let a_year = tested.equity.bars_a_year.unwrap();
    assert_near(a_year, YEAR_NS / 60e9);
    assert_eq!((tested.start_ns, tested.end_ns), (0, 7 * MINUTE_NS));
}

#[test]
fn what_is_not_defined_is_absent() {
    let tested = run(&PLAIN, &[], &[(1.0, 1.0)]);
    assert_eq!(tested.equity.annual_volatility, None);
    assert_eq!((tested.equity.sharpe, tested.equity.sortino), (None, None));
    assert_eq!((tested.win_rate(), tested.profit_factor()), (None, None));
}

#[test]
fn who_has_lost_all_buys_nothing_more() {
    let targets = [-1.0, 0.0, 1.0];
    let bars = [(1.0, 1.0), (1.0, 3.0), (3.0, 3.0), (3.0, 3.0)];
    let tested = run(&PLAIN, &targets, &bars);
    assert_eq!(tested.ruined_ns, Some(2 * MINUTE_NS));
    assert_eq!(tested.fills, 2);
    assert_near(tested.equity.equity, -1_000.0);
    assert_near(tested.equity.annual_return.unwrap(), -1.0);
}

proptest! {
    #[test]
    fn the_equity_is_the_cash_and_all_profits(
        bars in prop::collection::vec((50..200_u32, 50..200_u32, 0..5_u8), 1..60),
        fees in 0..50_u32,
        size in 0..3_u8,
    ) {
        let costs = Costs {
            notional_bps: f64::from(fees),
            per_fill: f64::from(fees) / 100.0,
            slippage_bps: f64::from(fees) / 2.0,
        };
        let size = [Size::Equity(0.7), Size::Notional(500.0), Size::Quantity(3.0)][usize::from(size)];
        let target = |it: u8| [-1.0, -0.5, 0.0, 0.5, 1.0][usize::from(it)];
        let targets: Vec<f64> = bars.iter().map(|it| target(it.2)).collect();
        let prices: Vec<(f64, f64)> =
            bars.iter().map(|it| (f64::from(it.0), f64::from(it.1))).collect();
        let tested = run(&Rule { costs, size, ..PLAIN }, &targets, &prices);
        let profits: f64 = tested.listed.iter().map(|it| it.profit).sum();
        let equity = tested.equity.equity;
        prop_assert!((1_000.0 + profits - equity).abs() < 1e-8, "{} {equity}", 1_000.0 + profits);
        let fees: f64 = tested.listed.iter().map(|it| it.fees).sum();
        prop_assert!((fees - tested.fees).abs() < 1e-9);
        let gross = tested.trades.profit_gross - tested.trades.loss_gross;
        let closed: f64 = tested.listed.iter().filter(|it| it.exit_time_ns.is_some()).map(|it| it.profit).sum();
        prop_assert!((gross - closed).abs() < 1e-8);
        prop_assert_eq!(tested.equity_curve.points().len(), prices.len() + 1);
    }
}
