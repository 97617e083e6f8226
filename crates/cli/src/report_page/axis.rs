//! Axes of pictures: where they begin and end, and what is written on them.

use tickring_metrics::Ns;

use super::figures::float;
use super::ladder::step_label;
use super::tag::Ladder;
use super::text::{latency, unit_word};
use crate::args::UnitName;

/// One axis, in the coordinate that is drawn: a logarithm where the axis is logarithmic.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    pub(crate) title: String,
    pub(crate) start: f64,
    pub(crate) end: f64,
    pub(crate) ticks: Vec<Tick>,
}

/// A place on an axis that is named.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub(crate) at: f64,
    pub(crate) label: String,
}

/// The unit in which times of a picture are told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TimeUnit {
    word: &'static str,
    ns: u64,
}

impl Axis {
    /// Latencies on a logarithmic axis; nothing is shorter than a nanosecond.
    pub(crate) fn latency(ns: impl Iterator<Item = u64>, unit: UnitName) -> Self {
        let (lowest, highest) = bounds(ns.map(|it| float(it.max(1))));
        let label = |ns: f64| match unit {
            UnitName::Auto => short_ns(ns),
            unit => trimmed(&latency(whole(ns), unit)),
        };
        let title =
            unit_word(unit).map_or_else(|| "latency".to_owned(), |it| format!("latency, {it}"));
        Self::log(title, lowest, highest, label)
    }

    /// Steps of a ladder on a logarithmic axis.
    pub(crate) fn steps(ladder: Ladder, steps: impl Iterator<Item = f64>) -> Self {
        let (lowest, highest) = bounds(steps);
        let title = match ladder {
            Ladder::Rate => "messages sent a second",
            Ladder::Burst => "messages sent at once",
        };
        Self::log(title.to_owned(), lowest, highest, |it| step_label(ladder, it))
    }

    fn log(title: String, lowest: f64, highest: f64, label: impl Fn(f64) -> String) -> Self {
        let values = log_ticks(lowest, highest);
        let is_power = |it: &f64| (it.log10() - it.log10().round()).abs() < 1e-9;
        // Where all would be too close to be read, powers of ten alone are named.
        let is_close = values.len() > LOG_TICKS_MAX;
        let named = values.iter().filter(|it| !is_close || is_power(it));
        let ticks = named.map(|&it| Tick { at: it.log10(), label: label(it) }).collect();
        let [start, end] =
            [values.first(), values.last()].map(|it| it.map_or(0.0, |it| it.log10()));
        Self { title, start, end, ticks }
    }

    /// Percentiles by their nines: 90, 99 and 99.9 are equally far apart.
    pub(crate) fn percentile(nines_max: f64) -> Self {
        let end = nines_max.max(1.0);
        let nines = |label: &'static str, at: f64| Tick { at, label: label.to_owned() };
        let mut ticks = vec![nines("0", 0.0), nines("50", std::f64::consts::LOG10_2)];
        let names = PERCENTILES.into_iter().zip(1_u32..).map(|(it, at)| nines(it, f64::from(at)));
        ticks.extend(names.take_while(|it| it.at <= end));
        Self { title: "percentile".to_owned(), start: 0.0, end: end * 1.02, ticks }
    }

    /// Counts from zero.
    pub(crate) fn count(title: &str, highest: f64, label: impl Fn(f64) -> String) -> Self {
        let step = nice_step(highest.max(1.0) / 4.0);
        let ticks: Vec<_> = (0..=TICKS_MAX)
            .map(|index| f64::from(index) * step)
            .take_while(|at| *at < highest.max(1.0) + step)
            .map(|at| Tick { at, label: label(at) })
            .collect();
        let end = ticks.last().map_or(1.0, |it| it.at);
        Self { title: title.to_owned(), start: 0.0, end, ticks }
    }

    /// Time since a run began.
    pub(crate) fn time(end_ns: u64) -> (Self, TimeUnit) {
        let unit = TimeUnit::of(end_ns);
        let end = unit.count(end_ns.max(1));
        let step = nice_step(end / 8.0);
        let ticks = (0..=TICKS_MAX)
            .map(|index| f64::from(index) * step)
            .take_while(|at| *at <= end)
            .map(|at| Tick { at, label: trimmed(&format!("{at:.3}")) });
        let title = format!("{} since the run began", unit.word);
        (Self { title, start: 0.0, end, ticks: ticks.collect() }, unit)
    }
}

impl TimeUnit {
    /// The greatest of which there are at least three.
    fn of(span_ns: u64) -> Self {
        let units = [
            Self { word: "hours", ns: 3_600_000_000_000 },
            Self { word: "minutes", ns: 60_000_000_000 },
            Self { word: "seconds", ns: 1_000_000_000 },
        ];
        let fits = units.into_iter().find(|it| span_ns / it.ns >= 3);
        fits.unwrap_or(Self { word: "milliseconds", ns: 1_000_000 })
    }

    pub(crate) fn count(self, ns: u64) -> f64 {
        float(ns) / float(self.ns)
    }
}

/// The least and the greatest; 1 and 1 where there is none.
fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let bounds = values.fold((f64::MAX, 0.0), |(low, high), it| (it.min(low), it.max(high)));
    if bounds.1 > 0.0 { bounds } else { (1.0, 1.0) }
}

/// The powers of ten, and twice and five times those, that hold the bounds between them.
fn log_ticks(lowest: f64, highest: f64) -> Vec<f64> {
    let start = lowest.log10().floor();
    let powers = (0..=POWERS_MAX).map(|it| 10_f64.powf(start + f64::from(it)));
    let all: Vec<f64> =
        powers.flat_map(|power| [1.0, 2.0, 5.0].map(|factor| factor * power)).collect();
    // A hair's breadth for what rounding does to powers.
    let first = all.iter().rposition(|it| *it <= lowest * (1.0 + 1e-9)).unwrap_or(0);
    let last = all.iter().position(|it| *it >= highest * (1.0 - 1e-9) && *it > all[first]);
    all[first..=last.unwrap_or(all.len() - 1)].to_vec()
}

/// The least of 1, 2 and 5 times a power of ten that is not below `step`.
pub(crate) fn nice_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= step * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// A latency that is 1, 2 or 5 times a power of ten, without a decimal.
fn short_ns(ns: f64) -> String {
    let text = Ns(whole(ns)).to_string();
    let (value, unit) = text.split_once(' ').unwrap_or((&text, ""));
    format!("{} {unit}", trimmed(value))
}

/// A number without the zeros at the end of its decimals.
fn trimmed(number: &str) -> String {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        number.to_owned()
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
const fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// Names of the percentiles with one nine, two nines, ….
const PERCENTILES: [&str; 10] = [
    "90",
    "99",
    "99.9",
    "99.99",
    "99.999",
    "99.9999",
    "99.99999",
    "99.999999",
    "99.9999999",
    "99.99999999",
];

/// More than any axis needs, so that no loop depends on a rounded number.
const TICKS_MAX: u32 = 64;
const POWERS_MAX: u32 = 24;

/// The most ticks of a logarithmic axis that are all named.
const LOG_TICKS_MAX: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|it| it.label.as_str()).collect()
    }

    #[track_caller]
    fn check_latency(ns: &[u64], expected: &[&str]) {
        let axis = Axis::latency(ns.iter().copied(), UnitName::Auto);
        assert_eq!(labels(&axis), expected);
        for &ns in ns {
            let at = float(ns.max(1)).log10();
            assert!(axis.start <= at + 1e-6 && at <= axis.end + 1e-6, "{ns} is not on {axis:?}");
        }
    }

    #[test]
    fn latencies_lie_between_the_ends_of_their_axis() {
        check_latency(&[150, 4_000_000], &["100 ns", "1 us", "10 us", "100 us", "1 ms"]);
        check_latency(&[1_000, 1_500], &["1 us", "2 us"]);
        check_latency(&[0, 3], &["1 ns", "2 ns", "5 ns"]);
        check_latency(&[1_000], &["1 us", "2 us"]);
        check_latency(&[], &["1 ns", "2 ns"]);
        let axis = Axis::latency([u64::MAX, 1].into_iter(), UnitName::Us);
        assert!(axis.end >= float(u64::MAX).log10() - 1e-6);
    }

    #[test]
    fn a_unit_that_was_asked_for_is_in_the_title() {
        let axis = Axis::latency([900, 30_000].into_iter(), UnitName::Us);
        assert_eq!(axis.title, "latency, us");
        assert_eq!(labels(&axis), ["0.5", "1", "2", "5", "10", "20", "50"]);
    }

    #[test]
    fn percentiles_are_named_up_to_the_last() {
        assert_eq!(labels(&Axis::percentile(3.4)), ["0", "50", "90", "99", "99.9"]);
        assert_eq!(labels(&Axis::percentile(0.0)), ["0", "50", "90"]);
    }

    #[test]
    fn counts_and_times_have_round_ticks() {
        let label = |it: f64| format!("{it}");
        assert_eq!(labels(&Axis::count("x", 870.0, label)), ["0", "500", "1000"]);
        assert_eq!(labels(&Axis::count("x", 0.0, label)), ["0", "0.5", "1"]);
        let (axis, unit) = Axis::time(10_000_000_000);
        assert_eq!((labels(&axis), unit.word), (vec!["0", "2", "4", "6", "8", "10"], "seconds"));
        assert_eq!(Axis::time(0).1.word, "milliseconds");
        assert_eq!(Axis::time(u64::MAX).1.word, "hours");
    }
}
