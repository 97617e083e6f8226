//! How long a busy thread on each core is stopped, measured.

use serde::Serialize;
use tickring_metrics::{Clock, Ns, grouped};

use super::cpus::CpuSet;
use super::finding::{Absent, Check, Judged, Reading, State, Step};
use super::host::Host;

pub(super) const CHECKS: &[Check] = &[Check {
    id: "jitter.gaps",
    title: "measured jitter",
    good: "no gap above 100 us, less than 0.1 % of the time lost",
    why: "This is what all the settings come to: while a busy thread is stopped, every event waits.",
    judge,
}];

/// What was measured on each core.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Jitter {
    /// Whether all cores were measured at once, instead of one after another.
    pub(crate) together: bool,
    pub(crate) cores: Vec<CoreJitter>,
    /// Cores that the kernel let no thread be pinned to.
    pub(crate) refused: Vec<usize>,
}

/// Gaps between readings of the clock, of a thread that did nothing else.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct CoreJitter {
    pub(crate) core: usize,
    pub(crate) measured_ns: u64,
    pub(crate) readings: u64,
    pub(crate) gaps_above_1us: u64,
    pub(crate) gaps_above_10us: u64,
    pub(crate) gaps_above_100us: u64,
    pub(crate) gaps_above_1ms: u64,
    pub(crate) gap_ns_max: u64,
    /// Time in gaps above 1 us.
    pub(crate) lost_ns: u64,
    /// The same as a share of the time measured, from 0 to 1.
    pub(crate) lost_share: f64,
}

/// Reads the clock for `duration_ns` without a pause and counts the gaps.
pub(crate) fn spin(clock: &Clock, core: usize, duration_ns: u64) -> CoreJitter {
    watch(clock, core, duration_ns, || clock.ticks())
}

/// The same over any source of ticks.
fn watch(
    clock: &Clock,
    core: usize,
    duration_ns: u64,
    mut ticks: impl FnMut() -> u64,
) -> CoreJitter {
    let limits = GAPS_NS.map(|ns| clock.ns_to_ticks(ns));
    let mut counts = [0_u64; GAPS_NS.len()];
    let (mut readings, mut lost, mut longest) = (0_u64, 0_u64, 0_u64);
    let start = ticks();
    let end = start.saturating_add(clock.ns_to_ticks(duration_ns));
    let mut last = start;
    while last < end {
        let now = ticks();
        let gap = now.saturating_sub(last);
        readings += 1;
        if gap > limits[0] {
            lost = lost.saturating_add(gap);
            longest = longest.max(gap);
            for (count, limit) in counts.iter_mut().zip(limits) {
                *count += u64::from(gap > limit);
            }
        }
        // A counter that steps back must not make the loop longer.
        last = last.max(now);
    }
    let ns = |ticks| clock.elapsed_ns(0, ticks);
    let (measured_ns, lost_ns) = (clock.elapsed_ns(start, last), ns(lost));
    let [gaps_above_1us, gaps_above_10us, gaps_above_100us, gaps_above_1ms] = counts;
    CoreJitter {
        core,
        measured_ns,
        readings,
        gaps_above_1us,
        gaps_above_10us,
        gaps_above_100us,
        gaps_above_1ms,
        gap_ns_max: ns(longest),
        lost_ns,
        lost_share: share(lost_ns, measured_ns),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share is for reading")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// How long each core is measured where nobody says.
pub(crate) fn default_ns(cores: &CpuSet) -> u64 {
    let cores = u64::try_from(cores.len()).unwrap_or(u64::MAX).max(1);
    (TOTAL_NS / cores).max(CORE_NS_MIN)
}

fn judge(host: &Host) -> Judged {
    let not = |reason: &str| Absent::new(reason, "measured");
    let jitter = host.jitter.as_ref().ok_or_else(|| not("not measured"))?;
    let worst = jitter.cores.iter().max_by_key(|it| it.gap_ns_max);
    let worst = worst.ok_or_else(|| not("no core could be pinned to"))?;
    let lost = jitter.cores.iter().map(|it| it.lost_share).fold(0.0, f64::max);
    let many: u64 = jitter.cores.iter().map(|it| it.gaps_above_100us).sum();
    let state = if worst.gaps_above_1ms > 0 || lost >= LOST_BAD {
        State::Bad
    } else {
        State::Warn.unless(many == 0 && lost < LOST_WARN)
    };
    let read = format!(
        "longest gap {} on core {}, {} above 100 us, up to {:.2} % of the time lost",
        Ns(worst.gap_ns_max),
        worst.core,
        grouped(many),
        lost * 100.0
    );
    let above =
        "what the checks above say; then measure again, with `--jitter 1m` to catch what is rare";
    Ok(Reading::new(state, read, "measured").mend(Step::Advice(above.into())))
}

/// Gaps that are counted: longer than these.
const GAPS_NS: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// Time for all cores together where nobody says how long, and the least for each.
const TOTAL_NS: u64 = 2_000_000_000;
const CORE_NS_MIN: u64 = 20_000_000;

/// Shares of the time lost.
const LOST_WARN: f64 = 0.001;
const LOST_BAD: f64 = 0.01;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn watched(gaps_ns: &[u64]) -> CoreJitter {
        let (clock, _) = Clock::mock();
        let mut now = 1_000;
        let mut gaps = gaps_ns.iter();
        let mut is_first = true;
        let total = gaps_ns.iter().sum();
        watch(&clock, 3, total, || {
            if !std::mem::take(&mut is_first) {
                now += gaps.next().expect("no reading after the end");
            }
            now
        })
    }

    #[test]
    fn gaps_are_counted_above_each_limit_and_not_at_it() {
        let jitter = watched(&[20, 1_000, 1_001, 10_001, 100_001, 1_000_001, 30]);
        assert_eq!(jitter.readings, 7);
        assert_eq!(jitter.gaps_above_1us, 4);
        assert_eq!(jitter.gaps_above_10us, 3);
        assert_eq!(jitter.gaps_above_100us, 2);
        assert_eq!(jitter.gaps_above_1ms, 1);
        assert_eq!(jitter.gap_ns_max, 1_000_001);
        assert_eq!(jitter.lost_ns, 1_111_004);
        assert_eq!(jitter.measured_ns, 1_112_054);
    }

    #[test]
    fn a_core_that_nobody_stops_loses_nothing() {
        let jitter = watched(&[25; 40]);
        assert_eq!((jitter.readings, jitter.lost_ns, jitter.gap_ns_max), (40, 0, 0));
        assert!(jitter.lost_share.abs() < f64::EPSILON);
    }

    #[test]
    fn the_time_is_shared_among_cores_down_to_a_least() {
        let cores = |count: usize| (0..count).collect::<CpuSet>();
        assert_eq!(default_ns(&cores(0)), 2_000_000_000);
        assert_eq!(default_ns(&cores(2)), 1_000_000_000);
        assert_eq!(default_ns(&cores(1_000)), 20_000_000);
    }
}
