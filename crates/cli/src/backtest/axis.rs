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
    let mut ticks: Vec<Tick> = Vec::new();
    for index in 0..=TICKS_MAX {
        let at = (first + f64::from(index)) * step;
        ticks.push(Tick { at, label: label(at, step) });
        if index > 0 && at >= highest - step * 1e-9 {
            break;
        }
    }
    let end = ticks.last().map_or(1.0, |it| it.at);
    Axis { title: title.to_owned(), start: first * step, end, ticks }
}

/// Seconds since 1970, with times, days or months of UTC for ticks.
pub(super) fn time(start_s: f64, end_s: f64, label: impl Fn(f64, f64) -> String) -> Axis {
    let span = (end_s - start_s).max(1.0);
    let at = match STEPS_S.into_iter().find(|step| span / step <= TIMES_MAX) {
        Some(step) => {
            let first = (start_s / step).ceil();
            let at = (0..=TICKS_MAX).map(|index| (first + f64::from(index)) * step);
            at.map(|it| (it, step)).collect()
        }
        None => months(start_s, span),
    };
    let inside = at.into_iter().filter(|(it, _)| (start_s..=end_s).contains(it));
    let ticks = inside.map(|(at, step)| Tick { at, label: label(at, step) }).collect();
    Axis { title: "UTC".to_owned(), start: start_s, end: start_s + span, ticks }
}

/// First days of months, as many as can be named.
fn months(start_s: f64, span: f64) -> Vec<(f64, f64)> {
    let fits = MONTHS.into_iter().find(|it| span / (f64::from(*it) * MONTH_S) <= TIMES_MAX);
    let step = fits.unwrap_or(MONTHS[MONTHS.len() - 1]);
    // A step too early: a month is not as long as the others.
    let passed = (start_s / (f64::from(step) * MONTH_S)).floor() - 1.0;
    let first = (0..MONTHS_MAX)
        .step_by(step as usize)
        .find(|it| f64::from(*it) >= passed * f64::from(step));
    let all = (first.unwrap_or(0)..).step_by(step as usize).take(TICKS_MAX as usize);
    all.map(|month| (first_day(month) * DAY_S, f64::from(step) * MONTH_S)).collect()
}

/// Days from 1970 to the first of a month, counted from January 1970.
fn first_day(month: u32) -> f64 {
    let (year, month) = (1970 + month / 12, month % 12);
    let leaps = |year: u32| year / 4 - year / 100 + year / 400;
    let days = 365 * (year - 1970) + leaps(year - 1) - leaps(1969);
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let before: u32 = MONTH_DAYS.iter().take(month as usize).sum();
    f64::from(days + before + u32::from(is_leap && month > 1))
}

/// The share of a value that a line without a change is drawn over.
const FLAT_SHARE: f64 = 1e-3;
const TICKS_MAX: u32 = 64;
/// Times that are named on one axis.
const TIMES_MAX: f64 = 7.0;
const DAY_S: f64 = 86_400.0;
/// A month in the mean.
const MONTH_S: f64 = 365.25 / 12.0 * DAY_S;
/// Months between two ticks.
const MONTHS: [u32; 8] = [1, 2, 3, 6, 12, 24, 60, 120];
/// Months up to the year 2970.
const MONTHS_MAX: u32 = 12_000;
const MONTH_DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const STEPS_S: [f64; 22] = [
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1_800.0,
    3_600.0,
    2.0 * 3_600.0,
    3.0 * 3_600.0,
    6.0 * 3_600.0,
    12.0 * 3_600.0,
    DAY_S,
    2.0 * DAY_S,
    3.0 * DAY_S,
    7.0 * DAY_S,
    14.0 * DAY_S,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_on_their_first_day() {
        for (month, day) in
            [(0, 0.0), (1, 31.0), (26, 790.0), (27, 821.0), (360, 10_957.0), (362, 11_017.0)]
        {
            assert!((first_day(month) - day).abs() < 0.5, "{month}: {}", first_day(month));
        }
    }

    #[test]
    fn an_axis_holds_its_values_and_no_more_than_a_step() {
        let label = |at: f64, _: f64| format!("{at}");
        let axis = values("x", (-13.0, 0.0), label);
        assert!(axis.end.abs() < 1e-9 && axis.start <= -13.0 && axis.start > -20.0, "{axis:?}");
        let axis = values("x", (7.0, 7.0), label);
        assert!(axis.start <= 7.0 && axis.end >= 7.0 && axis.ticks.len() >= 2, "{axis:?}");
        let axis = values("x", (f64::MAX, f64::MIN), label);
        assert!(axis.end > axis.start);
    }

    #[test]
    fn times_are_named_three_to_eight_times() {
        let mut span = 4.0;
        while span < 2e9 {
            let axis = time(1e9, 1e9 + span, |at, _| format!("{at}"));
            let count = axis.ticks.len();
            assert!((2..=8).contains(&count), "{span}: {count}");
            span *= 1.37;
        }
    }
}
