//! What the processor does to save power.

use super::finding::{Absent, Check, Judged, Reading, State, Step};
use super::host::Host;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "power.governor",
        title: "frequency governor",
        good: "`performance` on every judged core",
        why: "Other governors lower the frequency between bursts, and the burst begins on a slow core.",
        judge: governor,
    },
    Check {
        id: "power.boost",
        title: "boost",
        good: "on (switch it off only to compare builds)",
        why: "Boost makes single threads faster; a few busy cores can hold it. It makes figures depend \
              on what other cores do.",
        judge: boost,
    },
    Check {
        id: "power.idle",
        title: "idle states",
        good: "no idle state with an exit of more than 10 us may be entered",
        why: "A thread that waits (`--wait backoff`, a blocking read) wakes only after its core left \
              its idle state, which takes up to hundreds of microseconds.",
        judge: idle,
    },
];

fn governor(host: &Host) -> Judged {
    let path = |core: usize| format!("/sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor");
    let judged = host.judged()?;
    let governors: Vec<(usize, String)> =
        judged.iter().filter_map(|core| Some((core, host.root.read(&path(core)).ok()?))).collect();
    if governors.is_empty() {
        let reason = "no frequency to set: the firmware or the host of a virtual machine decides";
        return Err(Absent::new(reason, path(judged.first().unwrap_or(0))));
    }
    let slow = governors.iter().filter(|(_, it)| it != "performance");
    let steps: Vec<Step> =
        slow.clone().map(|(core, _)| Step::write("performance", path(*core))).collect();
    let read = match slow.clone().next() {
        None => "performance".to_owned(),
        Some((core, name)) => {
            format!("{name} on core {core}; {} of {} differ", steps.len(), governors.len())
        }
    };
    let from = "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor";
    Ok(Reading::new(State::Warn.unless(steps.is_empty()), read, from).mends(steps))
}

fn boost(host: &Host) -> Judged {
    let (plain, intel) =
        ("/sys/devices/system/cpu/cpufreq/boost", "/sys/devices/system/cpu/intel_pstate/no_turbo");
    let (is_on, path, value) = match host.root.number(plain) {
        Ok(boost) => (boost == 1, plain, "1"),
        Err(absent) if !host.root.has(intel) => return Err(absent),
        Err(_) => (host.root.number(intel)? == 0, intel, "0"),
    };
    let read = if is_on { "on" } else { "off" };
    Ok(Reading::new(State::Warn.unless(is_on), read, path).mend(Step::write(value, path)))
}

/// An idle state of a core.
struct Idle {
    core: usize,
    folder: String,
    name: String,
    exit_us: u64,
}

fn idle(host: &Host) -> Judged {
    let judged = host.judged()?;
    let limit_us = latency_limit_us(host);
    let all: Vec<Idle> = judged.iter().flat_map(|core| states(host, core)).collect();
    let from = "/sys/devices/system/cpu/cpu*/cpuidle/state*, /dev/cpu_dma_latency";
    if all.is_empty() {
        return Err(Absent::new("no idle states: the firmware or a host decides", from));
    }
    let open = |it: &&Idle| limit_us.is_none_or(|limit| it.exit_us <= limit);
    let deep: Vec<&Idle> = all.iter().filter(|it| it.exit_us > EXIT_US_MAX).filter(open).collect();
    let limit = limit_us.map_or_else(String::new, |limit| format!("; limited to {limit} us"));
    let read = match deep.iter().rev().max_by_key(|it| it.exit_us) {
        None => format!("nothing deeper than {EXIT_US_MAX} us{limit}"),
        Some(Idle { core, name, exit_us, .. }) => {
            format!("{name} on core {core} takes {exit_us} us to leave{limit}")
        }
    };
    let steps = deep.iter().map(|it| Step::write("1", format!("{}/disable", it.folder)));
    Ok(Reading::new(State::Warn.unless(deep.is_empty()), read, from).mends(steps))
}

/// The idle states of a core that are not switched off.
fn states(host: &Host, core: usize) -> Vec<Idle> {
    let parent = format!("/sys/devices/system/cpu/cpu{core}/cpuidle");
    let of = |state: String| {
        let folder = format!("{parent}/{state}");
        let is_off = host.root.number(&format!("{folder}/disable")).is_ok_and(|it| it != 0);
        let exit_us = host.root.number(&format!("{folder}/latency")).ok()?;
        let name = host.root.read(&format!("{folder}/name")).unwrap_or(state);
        (!is_off).then_some(Idle { core, folder, name, exit_us })
    };
    host.root.names(&parent).into_iter().filter_map(of).collect()
}

/// The longest exit that somebody holds the whole machine to; `None` where nobody does or the
/// kernel does not tell this process.
fn latency_limit_us(host: &Host) -> Option<u64> {
    let bytes = host.root.bytes("/dev/cpu_dma_latency").ok()?;
    let limit_us = i32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?);
    // 2,000 seconds is the kernel's word for no limit.
    u64::try_from(limit_us).ok().filter(|&limit| limit < 2_000_000_000)
}

/// A longer exit shows beside a hand-over of threads.
const EXIT_US_MAX: u64 = 10;
