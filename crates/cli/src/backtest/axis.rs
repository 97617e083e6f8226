//! Axes for prices, shares and days.

use crate::report_page::axis::{Axis, Tick, nice_step};

/// Values between two others, with round ticks around them.
pub(super) fn values(
    title: &str,
    (lowest, highest): (f64, f64),
    label: impl Fn(f64, f64) -> String,
) -> Axis {
    let (lowest, highest) = if lowest <= highest { (lowest, highest) } else { (0.0, 1.0) };
    let span = (highest - lowest).max(highest.abs() * FLAT_SHARE).max(f64::MIN_POSITIVE);
    let step = nice_step(span / 5.0);
    let first = (lowest / step).floor();
    let ticks: Vec<_> = (0..=TICKS_MAX)
        .map(|index| (first + f64::from(index)) * step)
        .take_while(|at| *at < highest + step * (1.0 + 1e-9))
        .map(|at| Tick { at, label: label(at, step) })
        .collect();
    let end = ticks.last().map_or(1.0, |it| it.at);
    Axis { title: title.to_owned(), start: first * step, end, ticks }
}

/// Seconds since 1970, with days and hours of UTC for ticks.
pub(super) fn time(start_s: f64, end_s: f64, label: impl Fn(f64, f64) -> String) -> Axis {
    let span = (end_s - start_s).max(1.0);
    let fits = STEPS_S.into_iter().find(|step| span / step <= TIMES_MAX);
    let step = fits.unwrap_or_else(|| nice_step(span / TIMES_MAX / YEAR_S) * YEAR_S);
    let first = (start_s / step).ceil();
    let ticks = (0..=TICKS_MAX)
        .map(|index| (first + f64::from(index)) * step)
        .take_while(|at| *at <= end_s)
        .map(|at| Tick { at, label: label(at, step) });
    Axis { title: "UTC".to_owned(), start: start_s, end: start_s + span, ticks: ticks.collect() }
}

/// The share of a value that a line without a change is drawn over.
const FLAT_SHARE: f64 = 1e-3;
const TICKS_MAX: u32 = 64;
/// Times that are named on one axis.
const TIMES_MAX: f64 = 7.0;
const DAY_S: f64 = 86_400.0;
const YEAR_S: f64 = 365.25 * DAY_S;

const STEPS_S: [f64; 16] = [
    1.0,
    5.0,
    15.0,
    60.0,
    300.0,
    900.0,
    3_600.0,
    3.0 * 3_600.0,
    6.0 * 3_600.0,
    12.0 * 3_600.0,
    DAY_S,
    2.0 * DAY_S,
    7.0 * DAY_S,
    30.0 * DAY_S,
    91.0 * DAY_S,
    YEAR_S,
];
