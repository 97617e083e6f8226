//! The pictures of a backtest: prices with entries and exits, equity, drawdown.

use std::time::{Duration, UNIX_EPOCH};

use tickring_backtest::{Curve, InstrumentResult, Point, Tested, Trade};
use tickring_metrics::grouped;

use super::axis;
use super::text::heading;
use super::{Done, rule};
use crate::report_page::axis::Axis;
use crate::report_page::figures::float;
use crate::report_page::plot::{COLOURS, DASHES, Height, Line, Markers, Pen, Plot, Shape};

/// The equity of every strategy.
pub(super) fn equity(done: &Done) -> Plot {
    let curves = done.strategies.iter().map(|it| (heading(it), &it.tested.equity_curve));
    of_strategies("Equity", "money", &curves.collect::<Vec<_>>(), |it| it)
}

/// How far each is below its peak.
pub(super) fn drawdown(done: &Done) -> Plot {
    let curves = done.strategies.iter().map(|it| (heading(it), &it.tested.drawdown_curve));
    of_strategies("Drawdown from the peak", "%", &curves.collect::<Vec<_>>(), |it| -100.0 * it)
}

/// The price of an instrument, with what one strategy did there.
pub(super) fn price(tested: &Tested, instrument: &InstrumentResult) -> Plot {
    let pen = |colour| Pen { colour, dash: 0 };
    let points = points(&instrument.price_curve, |it| it);
    let trades = || tested.listed.iter().filter(|it| it.instrument.index() == instrument.index);
    let all = instrument.trades.count + u64::from(trades().any(|it| it.exit_time_ns.is_none()));
    let mut title = format!("{}: price, entries and exits", instrument.symbol);
    let mut markers = Vec::new();
    if all > MARKED_MAX {
        title.push_str(&format!(" ({} trades, too many to be marked)", grouped(all)));
    } else {
        let entries = |direction: f64| {
            let is_it = move |it: &&Trade| it.direction * direction > 0.0;
            let place = |it: &Trade| (seconds(it.entry_time_ns), it.entry_price);
            trades().filter(is_it).map(place).collect::<Vec<_>>()
        };
        let exit = |it: &Trade| it.exit_time_ns.map(|at_ns| (seconds(at_ns), it.exit_price));
        let exits = trades().filter_map(exit).collect();
        for (label, colour, shape, points) in [
            ("exit", 1, Shape::Square, exits),
            ("long entry", 0, Shape::Up, entries(1.0)),
            ("short entry", 6, Shape::Down, entries(-1.0)),
        ] {
            if !points.is_empty() {
                let (label, pen) = (label.to_owned(), pen(colour));
                markers.push(Markers { label, pen, shape, points });
            }
        }
    }
    let values = points.iter().chain(markers.iter().flat_map(|it| &it.points)).map(|it| it.1);
    let y = axis::values("price", bounds(values), plain);
    let label = "price".to_owned();
    let line = Line { label, pen: pen(GREY), points, has_dots: false };
    Plot {
        title,
        x: time_axis(tested.start_ns, tested.end_ns),
        y,
        lines: vec![line],
        marks: Vec::new(),
        markers,
        height: Height::Full,
    }
}

fn of_strategies(
    title: &str,
    unit: &str,
    curves: &[(String, &Curve)],
    value: fn(f64) -> f64,
) -> Plot {
    let times = || curves.iter().flat_map(|(_, it)| it.points()).map(|it| it.time_ns);
    let x = time_axis(times().min().unwrap_or(0), times().max().unwrap_or(0));
    let lines = curves.iter().enumerate().map(|(index, (label, curve))| Line {
        label: label.clone(),
        pen: Pen { colour: index % COLOURS.len(), dash: index / COLOURS.len() % DASHES.len() },
        points: points(curve, value),
        has_dots: false,
    });
    let lines: Vec<_> = lines.collect();
    let y =
        axis::values(unit, bounds(lines.iter().flat_map(|it| &it.points).map(|it| it.1)), plain);
    let (marks, markers) = (Vec::new(), Vec::new());
    Plot { title: title.to_owned(), x, y, lines, marks, markers, height: Height::Low }
}

/// A curve as a line: where several steps are one point, their least, greatest and last value.
fn points(curve: &Curve, value: fn(f64) -> f64) -> Vec<(f64, f64)> {
    let all = curve.points();
    let together = all.len().div_ceil(POINTS_MAX).max(1);
    let is_exact = together == 1 && curve.steps_per_point() == 1;
    let mut line = Vec::new();
    for some in all.chunks(together) {
        let Some(Point { time_ns, last, .. }) = some.last() else { continue };
        let at = seconds(*time_ns);
        if !is_exact {
            let min = some.iter().map(|it| it.min).fold(f64::MAX, f64::min);
            let max = some.iter().map(|it| it.max).fold(f64::MIN, f64::max);
            line.extend([(at, value(min)), (at, value(max))]);
        }
        line.push((at, value(*last)));
    }
    line
}

/// Times in as few letters as tell them apart: a narrow picture has room for no more.
fn time_axis(start_ns: u64, end_ns: u64) -> Axis {
    let (start_s, end_s) = (seconds(start_ns), seconds(end_ns));
    let axis = axis::time(start_s, end_s, |at, step| {
        let text = utc(at);
        let (from, to) = match step {
            2_000_000.0.. => (0, 7),
            86_400.0.. => (5, 10),
            60.0.. if text.get(11..16) == Some("00:00") => (5, 10),
            60.0.. => (11, 16),
            _ => (11, 19),
        };
        text.get(from..to).unwrap_or_default().to_owned()
    });
    let day = |at_s: f64| utc(at_s).get(..10).unwrap_or_default().to_owned();
    Axis { title: format!("UTC, {} to {}", day(start_s), day(end_s)), ..axis }
}

/// A time in seconds since 1970 as `2024-08-09T12:00:00Z`.
fn utc(at_s: f64) -> String {
    let since = Duration::from_secs_f64(at_s.clamp(0.0, LATEST_S));
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string()
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::MAX, f64::MIN), |(low, high), it| (low.min(it), high.max(it)))
}

/// A value on an axis whose ticks are `step` apart.
fn plain(value: f64, step: f64) -> String {
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    rule::number(value)
}

fn seconds(ns: u64) -> f64 {
    float(ns) / 1e9
}

/// Points of a line that one can still tell apart.
const POINTS_MAX: usize = 600;
/// Trades that one can still tell apart.
const MARKED_MAX: u64 = 300;
/// The place of grey among the colours.
const GREY: usize = 7;
/// The year 9999.
const LATEST_S: f64 = 253_402_300_000.0;
