//! Whether the clock is cheap, steady, and right.

use tickring_metrics::{Clock, Ns};

use super::adjtime::{Discipline, discipline};
use super::finding::{Absent, Check, Judged, Reading, State, Step};
use super::host::{CPUINFO, Host};
use crate::machine::{field, has_flag};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "clock.source",
        title: "clock source",
        good: "`tsc` (on Arm `arch_sys_counter`)",
        why: "Timeouts, kernel receive stamps and the system's clock use it; `hpet` and `acpi_pm` take \
              a microsecond and a system call a reading.",
        judge: source,
    },
    Check {
        id: "clock.tsc",
        title: "time stamp counter",
        good: "`constant_tsc` and `nonstop_tsc`",
        why: "Stages are timed with the counter itself; where it may change its speed or stop, they \
              are timed with the slower system clock.",
        judge: tsc,
    },
    Check {
        id: "clock.cost",
        title: "cost of a reading",
        good: "50 ns or less",
        why: "An event is stamped four times on its way; a slow reading is a share of every stage and \
              hides what is faster.",
        judge: cost,
    },
    Check {
        id: "clock.sync",
        title: "clock offset",
        good: "kept in step with a source of time, error below 100 ms",
        why: "The delay from the venue's time to ours is only as right as this clock; the stages \
              inside the program do not depend on it.",
        judge: sync,
    },
];

/// What only a running machine can tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Live {
    /// What one reading of the clock takes.
    pub(crate) read_ps: u64,
    /// The smallest difference that two readings showed.
    pub(crate) step_ns: u64,
    /// The kernel's clock discipline.
    pub(crate) discipline: Option<Discipline>,
}

impl Live {
    /// Asks the machine this runs on; takes about a millisecond.
    pub(crate) fn measure(clock: &Clock) -> Self {
        let (mut read_ps, mut step_ticks) = (u64::MAX, u64::MAX);
        for _ in 0..ROUNDS {
            let start = clock.ticks();
            let mut last = start;
            for _ in 0..READS {
                let now = clock.ticks();
                let step = now.saturating_sub(last);
                if step > 0 {
                    step_ticks = step_ticks.min(step);
                }
                last = now;
            }
            // The best round: what disturbed the others is no cost of the clock.
            read_ps = read_ps.min(clock.elapsed_ns(start, last).saturating_mul(1000) / READS);
        }
        let step_ns = clock.elapsed_ns(0, step_ticks).max(1);
        Self { read_ps, step_ns, discipline: discipline() }
    }
}

fn live(host: &Host) -> Result<Live, Absent> {
    host.live.ok_or_else(|| Absent::new("only a running machine can tell", "measured"))
}

fn source(host: &Host) -> Judged {
    let (current, all) =
        (format!("{SOURCE}/current_clocksource"), format!("{SOURCE}/available_clocksource"));
    let name = host.root.read(&current)?;
    let state = match name.as_str() {
        "tsc" | "arch_sys_counter" => State::Ok,
        "hpet" | "acpi_pm" | "jiffies" => State::Bad,
        _ => State::Warn,
    };
    let has_tsc =
        host.root.read(&all).is_ok_and(|all| all.split_whitespace().any(|it| it == "tsc"));
    let mend = if has_tsc {
        Step::write("tsc", &current)
    } else {
        Step::Boot("clocksource=tsc tsc=reliable".into())
    };
    Ok(Reading::new(state, name, current).mend(mend))
}

fn tsc(host: &Host) -> Judged {
    let info = host.root.read(CPUINFO)?;
    if field(&info, "flags").is_none() {
        return Err(Absent::new("no x86 processor", CPUINFO));
    }
    let missing: Vec<&str> =
        ["constant_tsc", "nonstop_tsc"].into_iter().filter(|it| !has_flag(&info, it)).collect();
    let read = match missing.as_slice() {
        [] => "constant_tsc nonstop_tsc".to_owned(),
        missing => format!("without {}", missing.join(" and ")),
    };
    let other = "another machine; a virtual one must be given the flag `invtsc` by its host";
    Ok(Reading::new(State::Bad.unless(missing.is_empty()), read, CPUINFO)
        .mend(Step::Advice(other.into())))
}

fn cost(host: &Host) -> Judged {
    let Live { read_ps, step_ns, .. } = live(host)?;
    let state = match read_ps {
        0..=50_000 => State::Ok,
        50_001..=200_000 => State::Warn,
        _ => State::Bad,
    };
    let (whole, tenths) = (read_ps / 1000, read_ps % 1000 / 100);
    let read = format!("{whole}.{tenths} ns; readings differ by {} at least", Ns(step_ns));
    let see = "see `clock.tsc` and `clock.source`: a cheap reading is one of the counter itself";
    Ok(Reading::new(state, read, "measured").mend(Step::Advice(see.into())))
}

fn sync(host: &Host) -> Judged {
    let daemons = host.root.running(DAEMONS).unwrap_or_default();
    let kept =
        if daemons.is_empty() { "nobody keeps it".to_owned() } else { daemons.join(" and ") };
    let told = live(host)?.discipline;
    let Some(Discipline { is_synchronised, offset_ns, error_us_max }) = told else {
        return Err(Absent::new("the kernel does not say", "adjtimex"));
    };
    let offset = Ns(offset_ns.unsigned_abs());
    let sign = if offset_ns < 0 { "-" } else { "" };
    let error = Ns(error_us_max.saturating_mul(1000));
    let read = if is_synchronised {
        format!("in step, offset {sign}{offset}, error at most {error} ({kept})")
    } else {
        format!("not in step with any source ({kept})")
    };
    let is_good = is_synchronised && error_us_max < ERROR_US_MAX;
    let start = "systemctl enable --now chrony || systemctl enable --now chronyd || \
                 systemctl enable --now systemd-timesyncd";
    Ok(Reading::new(State::Warn.unless(is_good), read, "adjtimex, /proc/*/comm")
        .mend(Step::Run(start.into())))
}

const SOURCE: &str = "/sys/devices/system/clocksource/clocksource0";

/// Programs that keep the clock in step, as the kernel cuts their names.
const DAEMONS: &[&str] =
    &["chronyd", "systemd-timesyn", "ntpd", "ntpd-rs", "openntpd", "ptp4l", "phc2sys"];

/// Above this the delay from a venue says nothing.
const ERROR_US_MAX: u64 = 100_000;

/// Readings of one round, and rounds.
const READS: u64 = 2_000;
const ROUNDS: u32 = 5;
