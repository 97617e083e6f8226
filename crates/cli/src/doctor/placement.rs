//! What the kernel was told at boot to keep away from the judged cores.

use super::finding::{Absent, Check, Judged, Reading, State, Step};
use super::host::{CMDLINE, Host};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "cores.isolated",
        title: "isolation (isolcpus)",
        good: "the judged cores are isolated",
        why: "The scheduler puts other processes on any core that is not isolated, and one of them \
              there costs an event at least a context switch.",
        judge: isolated,
    },
    Check {
        id: "cores.nohz_full",
        title: "tick (nohz_full)",
        good: "the tick stops on the judged cores",
        why: "The scheduler's tick interrupts a busy thread 100 to 1,000 times a second, for a few \
              microseconds each.",
        judge: nohz_full,
    },
    Check {
        id: "cores.rcu_nocbs",
        title: "RCU callbacks (rcu_nocbs)",
        good: "RCU callbacks of the judged cores run elsewhere",
        why: "RCU callbacks run in softirqs, in batches, on the core that queued them: a tail of tens \
              of microseconds.",
        judge: rcu_nocbs,
    },
];

fn isolated(host: &Host) -> Judged {
    let (is_covered, words) = host.covered(&host.isolated.clone()?)?;
    let boot = host.dividing(|quiet, _| Step::Boot(format!("isolcpus=managed_irq,domain,{quiet}")));
    Ok(Reading::new(State::Warn.unless(is_covered), words, "/sys/devices/system/cpu/isolated")
        .mend(boot))
}

fn nohz_full(host: &Host) -> Judged {
    let tickless = host.nohz_full.clone().map_err(|absent| {
        // A kernel that tells of its cores and not of this one cannot do it.
        let is_without = host.online.is_ok() && !host.root.has(&absent.from);
        let reason = "this kernel was built without it (CONFIG_NO_HZ_FULL)";
        if is_without { Absent::new(reason, absent.from) } else { absent }
    })?;
    let (is_covered, words) = host.covered(&tickless)?;
    let boot = host.dividing(|quiet, _| Step::Boot(format!("nohz_full={quiet}")));
    Ok(Reading::new(State::Warn.unless(is_covered), words, "/sys/devices/system/cpu/nohz_full")
        .mend(boot))
}

fn rcu_nocbs(host: &Host) -> Judged {
    let listed = host.parameter_cpus("rcu_nocbs")?;
    // Cores without a tick have their callbacks moved too, asked for or not.
    let moved = listed.or(&host.nohz_full.clone().unwrap_or_default());
    let (is_covered, words) = host.covered(&moved)?;
    let boot = host.dividing(|quiet, _| Step::Boot(format!("rcu_nocbs={quiet}")));
    Ok(Reading::new(State::Warn.unless(is_covered), words, CMDLINE).mend(boot))
}
