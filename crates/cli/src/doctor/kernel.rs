//! What the kernel does now and then on every core.

use super::finding::{Absent, Check, Judged, Reading, State, Step};
use super::host::{CPUINFO, Host};
use crate::machine::has_flag;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "kernel.nmi_watchdog",
        title: "hard lockup watchdog",
        good: "off",
        why: "It takes a performance counter and interrupts every core every few seconds.",
        judge: nmi_watchdog,
    },
    Check {
        id: "kernel.soft_watchdog",
        title: "soft lockup watchdog",
        good: "off, or not on the judged cores",
        why: "It runs a thread of its own on every core every few seconds, ahead of ours.",
        judge: soft_watchdog,
    },
    Check {
        id: "kernel.timer_migration",
        title: "timer migration",
        good: "on where the judged cores have no tick, off elsewhere",
        why: "Timers of idle cores are handed to busy ones, and a spinning thread always looks busy; \
              cores without a tick hand theirs to others instead.",
        judge: timer_migration,
    },
    Check {
        id: "kernel.workqueue",
        title: "workqueue cores",
        good: "unbound work runs on other cores",
        why: "Drivers and file systems put off work to kernel threads that may run on any core in this \
              mask.",
        judge: workqueue,
    },
    Check {
        id: "kernel.stat_interval",
        title: "memory statistics",
        good: "every 10 s or less often",
        why: "The kernel folds each core's memory counters on that core, by default once a second.",
        judge: stat_interval,
    },
    Check {
        id: "kernel.hypervisor",
        title: "hypervisor",
        good: "none",
        why: "A host can stop a virtual core at any time for as long as it likes; no setting in here \
              mends that.",
        judge: hypervisor,
    },
];

fn nmi_watchdog(host: &Host) -> Judged {
    let path = "/proc/sys/kernel/nmi_watchdog";
    let is_on = host.root.number(path)? != 0;
    let read = if is_on { "on" } else { "off" };
    Ok(Reading::new(State::Warn.unless(!is_on), read, path)
        .mend(Step::sysctl("kernel.nmi_watchdog", 0)))
}

fn soft_watchdog(host: &Host) -> Judged {
    let path = "/proc/sys/kernel/soft_watchdog";
    let is_on = host.root.number(path)? != 0;
    let mask = host.root.cpus("/proc/sys/kernel/watchdog_cpumask");
    let hit = mask.as_ref().map_or_else(|_| host.cores.clone(), |it| it.and(&host.cores));
    let read = match (is_on, mask) {
        (false, _) => "off".to_owned(),
        (true, Ok(mask)) => format!("on, on cores {mask}"),
        (true, Err(_)) => "on".to_owned(),
    };
    Ok(Reading::new(State::Warn.unless(!is_on || hit.is_empty()), read, path)
        .mend(Step::sysctl("kernel.soft_watchdog", 0)))
}

fn timer_migration(host: &Host) -> Judged {
    let path = "/proc/sys/kernel/timer_migration";
    let is_on = host.root.number(path)? != 0;
    let tickless = host.nohz_full.clone().unwrap_or_default();
    let shall = host.judged()?.is_subset(&tickless);
    let read = format!(
        "{}, and the judged cores {}",
        if is_on { "on" } else { "off" },
        if shall { "have no tick" } else { "keep their tick" }
    );
    Ok(Reading::new(State::Warn.unless(is_on == shall), read, path)
        .mend(Step::sysctl("kernel.timer_migration", u8::from(shall))))
}

fn workqueue(host: &Host) -> Judged {
    let path = "/sys/devices/virtual/workqueue/cpumask";
    let mask = host.root.mask(path)?;
    let is_good = mask.and(host.judged()?).is_empty();
    let words = if is_good { "" } else { ", judged ones among them" };
    let mend = host.dividing(|_, rest| Step::write(rest.mask(), path));
    Ok(Reading::new(State::Warn.unless(is_good), format!("cores {mask}{words}"), path).mend(mend))
}

fn stat_interval(host: &Host) -> Judged {
    let path = "/proc/sys/vm/stat_interval";
    let seconds = host.root.number(path)?;
    Ok(Reading::new(State::Warn.unless(seconds >= STAT_S_MIN), format!("every {seconds} s"), path)
        .mend(Step::sysctl("vm.stat_interval", STAT_S_MIN)))
}

fn hypervisor(host: &Host) -> Judged {
    let info = host.root.read(CPUINFO)?;
    let name = host
        .root
        .read("/sys/hypervisor/type")
        .or_else(|_| host.root.read("/sys/class/dmi/id/sys_vendor"));
    let is_virtual = has_flag(&info, "hypervisor");
    if info.is_empty() {
        return Err(Absent::strange(CPUINFO));
    }
    let read = match (is_virtual, name) {
        (false, _) => "none".to_owned(),
        (true, Ok(name)) => format!("a virtual machine ({name})"),
        (true, Err(_)) => "a virtual machine".to_owned(),
    };
    let other = "a machine of your own, or a virtual one with cores of its own (dedicated, pinned)";
    Ok(Reading::new(State::Warn.unless(!is_virtual), read, CPUINFO)
        .mend(Step::Advice(other.into())))
}

const STAT_S_MIN: u64 = 10;
