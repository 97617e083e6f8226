//! A backtest as text, and its figures in words.

use std::fmt::Write as _;

use tickring_backtest::{InstrumentResult, Tested};
use tickring_metrics::grouped;

use super::rule::{self, number};
use super::{Done, NOT_MODELLED, StrategyDone};
use crate::inspect::dump::rfc3339;

/// The text.
pub(crate) fn text(done: &Done) -> String {
    let mut text = String::new();
    write(&mut text, done).expect("a string takes any text");
    text
}

fn write(text: &mut String, done: &Done) -> std::fmt::Result {
    writeln!(text, "backtest: {}", done.source)?;
    writeln!(text, "run hash {}; {}", done.run_hash, engine_words(done))?;
    for it in &done.strategies {
        write_strategy(text, it)?;
    }
    for warning in done.warnings() {
        writeln!(text, "\nwarning: {warning}")?;
    }
    writeln!(text, "\nnot modelled:")?;
    for line in NOT_MODELLED {
        writeln!(text, "  - {line}")?;
    }
    Ok(())
}

/// How long it took.
pub(crate) fn engine_words(done: &Done) -> String {
    let Done { events, wall_ns, memory_bytes_max, .. } = done;
    let milliseconds = wall_ns / 1_000_000;
    let mut words = format!(
        "{} events in {}.{:03} s",
        grouped(*events),
        milliseconds / 1_000,
        milliseconds % 1_000
    );
    if let Some(bytes) = memory_bytes_max {
        write!(words, ", at most {} MiB of memory", bytes >> 20).expect("a string takes any text");
    }
    words
}

fn write_strategy(text: &mut String, done: &StrategyDone) -> std::fmt::Result {
    let tested = &done.tested;
    writeln!(text, "\n{}", heading(done))?;
    writeln!(text, "  {}", span_words(tested))?;
    for (what, how) in rule::words(&tested.rule) {
        writeln!(text, "  {what:<22} {how}")?;
    }
    writeln!(text)?;
    for (what, value) in figures(tested) {
        writeln!(text, "  {what:<22} {value:>20}")?;
    }
    let width = tested.instruments.iter().map(|it| it.symbol.chars().count()).max().unwrap_or(0);
    let width = width.max("instrument".len());
    write!(text, "\n  {:<width$}", "instrument")?;
    for name in INSTRUMENT_COLUMNS {
        write!(text, " {name:>13}")?;
    }
    writeln!(text)?;
    for it in tested.instruments.iter().take(INSTRUMENTS_SHOWN_MAX) {
        write!(text, "  {:<width$}", it.symbol)?;
        for cell in instrument_cells(it) {
            write!(text, " {cell:>13}")?;
        }
        writeln!(text)?;
    }
    let more = tested.instruments.len().saturating_sub(INSTRUMENTS_SHOWN_MAX);
    if more > 0 {
        writeln!(text, "  and {more} more")?;
    }
    Ok(())
}

/// The strategy with its parameters.
pub(super) fn heading(done: &StrategyDone) -> String {
    let mut words = done.tested.strategy.clone();
    for (name, value) in &done.params {
        write!(words, " {name}={value}").expect("a string takes any text");
    }
    words
}

/// From when to when.
pub(super) fn span_words(tested: &Tested) -> String {
    let interval = tested.interval_ns.map_or_else(String::new, |it| format!(" of {}", length(it)));
    let bars = grouped(tested.bars);
    let (from, to) = (rfc3339(tested.start_ns), rfc3339(tested.end_ns));
    let (from, to) = (from.replace(".000000000Z", "Z"), to.replace(".000000000Z", "Z"));
    format!("{bars} bars{interval}, {from} to {to}")
}

/// Every figure with its name.
pub(super) fn figures(tested: &Tested) -> Vec<(&'static str, String)> {
    let equity = &tested.equity;
    let trades = &tested.trades;
    let maybe =
        |value: Option<f64>, show: fn(f64) -> String| value.map_or_else(|| "-".to_owned(), show);
    vec![
        ("equity at the end", money(equity.equity)),
        ("total return", percent(equity.total_return)),
        ("annual return", maybe(equity.annual_return, percent)),
        ("annual volatility", maybe(equity.annual_volatility, percent)),
        ("Sharpe ratio", maybe(equity.sharpe, ratio)),
        ("Sortino ratio", maybe(equity.sortino, ratio)),
        ("bars a year", maybe(equity.bars_a_year, |it| format!("{it:.1}"))),
        ("greatest drawdown", percent(equity.drawdown_max)),
        (
            "longest drawdown",
            format!(
                "{} bars, {}",
                grouped(equity.drawdown_steps_max),
                length(equity.drawdown_ns_max)
            ),
        ),
        ("trades", grouped(trades.count)),
        ("win rate", maybe(tested.win_rate(), percent)),
        ("profit factor", maybe(tested.profit_factor(), ratio)),
        ("exposure", maybe(equity.exposure, percent)),
        ("turnover", maybe(tested.turnover_share(), |it| format!("{it:.2} x equity"))),
        ("fills", grouped(tested.fills)),
        ("fees paid", money(tested.fees)),
        ("slippage paid", money(tested.slippage)),
    ]
}

pub(super) const INSTRUMENT_COLUMNS: [&str; 7] =
    ["bars", "price return", "trades", "won", "profit", "open profit", "fees"];

/// The figures of an instrument, by [`INSTRUMENT_COLUMNS`].
pub(super) fn instrument_cells(it: &InstrumentResult) -> [String; 7] {
    [
        grouped(it.bars),
        percent(it.price_return),
        grouped(it.trades.count),
        grouped(it.trades.won),
        money(it.trades.profit_gross - it.trades.loss_gross),
        money(it.open_profit),
        money(it.fees),
    ]
}

pub(super) fn money(value: f64) -> String {
    let value = if value == 0.0 { 0.0 } else { value };
    format!("{value:.2}")
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.3} %", share * 100.0)
}

fn ratio(value: f64) -> String {
    format!("{value:.3}")
}

/// A length of time in its greatest whole unit, or nearly.
pub(super) fn length(ns: u64) -> String {
    const UNITS: [(&str, u64); 4] = [
        ("d", 86_400_000_000_000),
        ("h", 3_600_000_000_000),
        ("min", 60_000_000_000),
        ("s", 1_000_000_000),
    ];
    let fits = UNITS.into_iter().find(|(_, unit)| ns >= *unit);
    let (word, unit) = fits.unwrap_or(("s", 1_000_000_000));
    let tenths = ns / (unit / 10);
    let value = format!("{}.{}", tenths / 10, tenths % 10);
    format!("{} {word}", number(value.parse().unwrap_or_default()))
}

/// Instruments that are listed in a text.
const INSTRUMENTS_SHOWN_MAX: usize = 40;
