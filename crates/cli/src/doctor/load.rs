//! What others take of this machine.

use super::finding::{Absent, Check, Judged, Reading, State, Step};
use super::host::Host;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "load.steal",
        title: "steal time",
        good: "below 0.1 % of the judged cores' time",
        why: "Stolen time is time in which a thread of ours was ready and the host ran somebody else.",
        judge: steal,
    },
    Check {
        id: "load.pressure",
        title: "pressure",
        good: "somebody waits for a core, memory or disk less than 1 % of the time",
        why: "Pressure is time in which some thread could not run: with it, every tail here belongs to \
              the neighbours.",
        judge: pressure,
    },
];

fn steal(host: &Host) -> Judged {
    let judged = host.judged()?;
    let text = host.root.read(STAT)?;
    let (mut stolen, mut total) = (0_u64, 0_u64);
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let core = words.next().and_then(|it| it.strip_prefix("cpu")?.parse().ok());
        if core.is_none_or(|core| !judged.contains(core)) {
            continue;
        }
        // user nice system idle iowait irq softirq steal: guest time is in user time already.
        let times: Vec<u64> = words.take(8).filter_map(|it| it.parse().ok()).collect();
        stolen = stolen.saturating_add(times.get(7).copied().unwrap_or(0));
        total = times.iter().fold(total, |sum, it| sum.saturating_add(*it));
    }
    if total == 0 {
        return Err(Absent::strange(STAT));
    }
    let per_mille = stolen.saturating_mul(1000) / total;
    let state = match per_mille {
        0 => State::Ok,
        1..=9 => State::Warn,
        _ => State::Bad,
    };
    let read = format!("{} of the time since boot", percent(stolen, total));
    let other = "a machine, or virtual cores, of your own; a smaller load on the same host";
    Ok(Reading::new(state, read, STAT).mend(Step::Advice(other.into())))
}

fn percent(part: u64, whole: u64) -> String {
    let hundredths = u128::from(part) * 10_000 / u128::from(whole.max(1));
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

fn pressure(host: &Host) -> Judged {
    let (mut worst, mut words) = (0, Vec::new());
    for name in ["cpu", "memory", "io"] {
        let path = format!("/proc/pressure/{name}");
        let text = host.root.read(&path)?;
        let average = text.lines().find_map(|line| {
            line.strip_prefix("some ")?.split_whitespace().find_map(|it| it.strip_prefix("avg60="))
        });
        let hundredths = average.and_then(hundredths).ok_or_else(|| Absent::strange(&path))?;
        worst = worst.max(hundredths);
        words.push(format!("{name} {}.{:02} %", hundredths / 100, hundredths % 100));
    }
    let state = match worst {
        0..100 => State::Ok,
        100..1_000 => State::Warn,
        _ => State::Bad,
    };
    let read = format!("{} of the last minute", words.join(", "));
    let quiet =
        "stop what else runs here, or move it to other cores; `top` and `ps` tell what it is";
    Ok(Reading::new(state, read, "/proc/pressure/*").mend(Step::Advice(quiet.into())))
}

/// `12.34` as 1234.
fn hundredths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.')?;
    if part.len() != 2 {
        return None;
    }
    whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(part.parse().ok()?)
}

const STAT: &str = "/proc/stat";
