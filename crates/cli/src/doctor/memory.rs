//! What the kernel does with memory behind the program's back.

use tickring_metrics::grouped;

use super::finding::{Absent, Check, Judged, Reading, State, Step};
use super::host::Host;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "memory.thp",
        title: "transparent huge pages",
        good: "`madvise` or `never`, and no `defrag` at fault",
        why: "With `always` the kernel stops a thread to clear or gather 2 MiB at a page fault, and \
              moves pages later; `madvise` leaves huge pages to those who ask.",
        judge: thp,
    },
    Check {
        id: "memory.ksm",
        title: "same-page merging",
        good: "off",
        why: "It scans memory on some core and makes the next write to a merged page fault.",
        judge: ksm,
    },
    Check {
        id: "memory.numa_balancing",
        title: "NUMA balancing",
        good: "off, or one node",
        why: "It takes pages away to see who uses them: a fault of microseconds in a hot loop, again \
              and again.",
        judge: numa_balancing,
    },
    Check {
        id: "memory.memlock",
        title: "locked memory",
        good: "64 MiB or more",
        why: "Ring and buffers can be locked into memory only up to this limit; what is not locked can \
              be swapped out or moved.",
        judge: memlock,
    },
    Check {
        id: "memory.swap",
        title: "swap",
        good: "no swap",
        why: "A page that comes back from swap takes milliseconds, most likely of something that was \
              not needed since the last burst.",
        judge: swap,
    },
];

fn thp(host: &Host) -> Judged {
    let (enabled, defrag) = (format!("{THP}/enabled"), format!("{THP}/defrag"));
    let chosen = chosen(&host.root.read(&enabled)?).ok_or_else(|| Absent::strange(&enabled))?;
    let at_fault = host.root.read(&defrag).ok().as_deref().and_then(self::chosen);
    let at_fault = at_fault.unwrap_or_else(|| "unknown".into());
    let is_good = chosen != "always" && at_fault != "always";
    let read = format!("{chosen}, defrag {at_fault}");
    Ok(Reading::new(State::Warn.unless(is_good), read, THP)
        .mends([Step::write("madvise", enabled), Step::write("madvise", defrag)]))
}

/// The word in brackets.
fn chosen(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

fn ksm(host: &Host) -> Judged {
    let path = "/sys/kernel/mm/ksm/run";
    let is_on = host.root.number(path)? == 1;
    let read = if is_on { "on" } else { "off" };
    // 0 stops it and leaves merged pages merged; 2 undoes those as well.
    Ok(Reading::new(State::Warn.unless(!is_on), read, path).mend(Step::write("2", path)))
}

fn numa_balancing(host: &Host) -> Judged {
    let path = "/proc/sys/kernel/numa_balancing";
    let is_on = host.root.number(path)? != 0;
    let nodes = host.root.cpus("/sys/devices/system/node/online").map_or(1, |it| it.len());
    let read = format!("{}, {nodes} nodes", if is_on { "on" } else { "off" });
    let read = if nodes == 1 { read.replace("nodes", "node") } else { read };
    Ok(Reading::new(State::Warn.unless(!is_on || nodes < 2), read, path)
        .mend(Step::sysctl("kernel.numa_balancing", 0)))
}

fn memlock(host: &Host) -> Judged {
    let limit = limit(host, "Max locked memory")?;
    let is_enough = limit.is_none_or(|bytes| bytes >= MEMLOCK_BYTES_MIN);
    let read = limit
        .map_or_else(|| "unlimited".to_owned(), |bytes| format!("{} KiB", grouped(bytes / 1024)));
    let raise = "`ulimit -l unlimited` before the start, `LimitMEMLOCK=infinity` in its unit, or \
                 `memlock unlimited` in /etc/security/limits.d/";
    Ok(Reading::new(State::Warn.unless(is_enough), read, LIMITS).mend(Step::Advice(raise.into())))
}

fn swap(host: &Host) -> Judged {
    let text = host.root.read("/proc/swaps")?;
    let areas: Vec<Vec<&str>> =
        text.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    let kib = |column: usize| {
        let of = |area: &Vec<&str>| area.get(column).and_then(|it| it.parse().ok());
        areas.iter().filter_map(of).fold(0_u64, u64::saturating_add)
    };
    let swappiness = host.root.number("/proc/sys/vm/swappiness");
    let swappiness = swappiness.map_or_else(|_| "unknown".to_owned(), |it| it.to_string());
    let read = if areas.is_empty() {
        format!("none (vm.swappiness {swappiness})")
    } else {
        let (size, used) = (grouped(kib(2) / 1024), grouped(kib(3) / 1024));
        format!("{used} of {size} MiB used, vm.swappiness {swappiness}")
    };
    Ok(Reading::new(
        State::Warn.unless(areas.is_empty()),
        read,
        "/proc/swaps, /proc/sys/vm/swappiness",
    )
    .mends([Step::Run("swapoff -a".into()), Step::sysctl("vm.swappiness", 0)]))
}

/// A soft limit of this process; `None` for unlimited.
pub(super) fn limit(host: &Host, name: &str) -> Result<Option<u64>, Absent> {
    let text = host.root.read(LIMITS)?;
    let soft = text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
    match soft {
        Some("unlimited") => Ok(None),
        Some(number) => number.parse().map(Some).map_err(|_| Absent::strange(LIMITS)),
        None => Err(Absent::strange(LIMITS)),
    }
}

pub(super) const LIMITS: &str = "/proc/self/limits";
const THP: &str = "/sys/kernel/mm/transparent_hugepage";

/// The largest ring that one would use, its histograms and the socket's buffers.
const MEMLOCK_BYTES_MIN: u64 = 64 << 20;
