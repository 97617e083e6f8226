//! Which cores there are for busy threads, and how much of them.

use super::finding::{Absent, Check, Judged, Reading, State, Step};
use super::host::Host;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "cores.usable",
        title: "usable cores",
        good: "3 physical cores or more: ingest, one strategy, and one for the system",
        why: "Every busy thread wants a physical core of its own; without one, threads take turns and \
              an event waits a time slice, which is milliseconds.",
        judge: usable,
    },
    Check {
        id: "cores.affinity",
        title: "affinity",
        good: "this process may run on the judged cores",
        why: "`--cores` pins only to cores in the affinity that the process was started with, and a \
              process does not get isolated cores by itself.",
        judge: affinity,
    },
    Check {
        id: "cores.quota",
        title: "CPU quota",
        good: "no quota",
        why: "A spinning thread uses its whole core, so a quota below the number of busy threads stops \
              all of them for the rest of every period, often for tens of milliseconds.",
        judge: quota,
    },
    Check {
        id: "cores.smt",
        title: "hardware threads",
        good: "no two online hardware threads share a judged physical core",
        why: "A neighbour on the same physical core takes part of its execution units and of its first \
              caches whenever it runs.",
        judge: smt,
    },
    Check {
        id: "cores.numa",
        title: "NUMA nodes",
        good: "the judged cores are of one node",
        why: "The ring crosses the link between sockets when its publisher and pollers are on two \
              nodes: every hand-over gets slower.",
        judge: numa,
    },
];

fn usable(host: &Host) -> Judged {
    let (allowed, online) = (host.allowed.clone()?, host.online.clone()?);
    let first = |core: usize| host.siblings(core).and(&allowed).first();
    let physical = allowed.iter().filter(|&core| first(core) == Some(core)).count();
    let state = match physical {
        0 | 1 => State::Bad,
        2 => State::Warn,
        _ => State::Ok,
    };
    let read = format!(
        "{} of {} online cores ({allowed}), {physical} of them physical",
        allowed.and(&online).len(),
        online.len()
    );
    let more = "more cores for this process: a larger machine, or a wider `taskset`, `cpuset` or \
                `AllowedCPUs=`";
    Ok(Reading::new(state, read, "/proc/self/status").mend(Step::Advice(more.into())))
}

fn affinity(host: &Host) -> Judged {
    let allowed = host.allowed.clone()?;
    let (is_covered, words) = host.covered(&allowed)?;
    let wanted = allowed.or(host.judged()?);
    let start = format!(
        "start it as `taskset -c {wanted} tickring ...`, or with `CPUAffinity={wanted}` in its unit"
    );
    Ok(Reading::new(State::Warn.unless(is_covered), words, "/proc/self/status")
        .mend(Step::Advice(start)))
}

/// A quota of one control group.
struct Quota {
    milli_cores: u64,
    file: String,
    /// What takes it away.
    lift: Step,
    /// Periods in which it stopped the group.
    throttled: u64,
}

fn quota(host: &Host) -> Judged {
    let groups = host.root.read(CGROUP)?;
    if !host.root.has("/sys/fs/cgroup") {
        return Err(Absent::new("control groups are not mounted", "/sys/fs/cgroup"));
    }
    let quotas = groups.lines().flat_map(folders).filter_map(|folder| read_quota(host, &folder));
    let Some(least) = quotas.min_by_key(|it| it.milli_cores) else {
        return Ok(Reading::new(State::Ok, "no quota", CGROUP));
    };
    let Quota { milli_cores, file, lift, throttled } = least;
    let cores = u64::try_from(host.judged()?.len()).unwrap_or(u64::MAX);
    let is_enough = milli_cores >= cores.saturating_mul(1000) && throttled == 0;
    let state = if is_enough { State::Warn } else { State::Bad };
    let (whole, part) = (milli_cores / 1000, milli_cores % 1000 / 10);
    let read = format!("{whole}.{part:02} cores, {throttled} periods cut short so far");
    Ok(Reading::new(state, read, file).mend(lift))
}

/// Folders of the control group in a line of `/proc/self/cgroup`, and of those that it is in.
fn folders(line: &str) -> Vec<String> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { return Vec::new() };
    let mounts: &[&str] = match controllers {
        "" => &["/sys/fs/cgroup", "/sys/fs/cgroup/unified"],
        _ if controllers.split(',').any(|it| it == "cpu") => {
            &["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"]
        }
        _ => return Vec::new(),
    };
    // `..` is a group outside of this container: not ours to see.
    let names = path.split('/').filter(|it| !it.is_empty() && *it != "..");
    let mut below = vec![String::new()];
    for name in names.take(DEPTH_MAX) {
        below.push(format!("{}/{name}", below.last().map_or("", String::as_str)));
    }
    mounts.iter().flat_map(|mount| below.iter().map(move |it| format!("{mount}{it}"))).collect()
}

fn read_quota(host: &Host, folder: &str) -> Option<Quota> {
    let (new, old) = (format!("{folder}/cpu.max"), format!("{folder}/cpu.cfs_quota_us"));
    let (quota_us, period_us, file, unlimited) = if let Ok(text) = host.root.read(&new) {
        let (quota, period) = text.split_once(' ')?;
        (quota.parse().ok()?, period.parse().ok()?, new, "max")
    } else {
        let quota: u64 = host.root.number(&old).ok()?;
        let period = host.root.number(&format!("{folder}/cpu.cfs_period_us")).ok()?;
        (quota, period, old, "-1")
    };
    let milli_cores = quota_us.checked_mul(1000)?.checked_div(period_us)?;
    let stat = host.root.read(&format!("{folder}/cpu.stat")).unwrap_or_default();
    let throttled = stat.lines().find_map(|line| line.strip_prefix("nr_throttled ")?.parse().ok());
    let lift = Step::write(unlimited, &file);
    Some(Quota { milli_cores, file, lift, throttled: throttled.unwrap_or(0) })
}

fn smt(host: &Host) -> Judged {
    let online = host.online.clone()?;
    let judged = host.judged()?;
    let shared: Vec<(usize, super::CpuSet)> = judged
        .iter()
        .map(|core| (core, host.siblings(core).and(&online)))
        .filter(|(_, siblings)| siblings.len() > 1)
        .collect();
    let from = "/sys/devices/system/cpu/cpu*/topology/thread_siblings_list";
    if shared.is_empty() {
        return Ok(Reading::new(State::Ok, "each judged core is a physical one", from));
    }
    let examples: Vec<String> =
        shared.iter().take(EXAMPLES_MAX).map(|(_, siblings)| siblings.to_string()).collect();
    let read = format!(
        "{} of {} judged cores share a physical one, such as {}",
        shared.len(),
        judged.len(),
        examples.join(" and ")
    );
    let off = Step::write("off", "/sys/devices/system/cpu/smt/control");
    Ok(Reading::new(State::Warn, read, from).mend(off))
}

fn numa(host: &Host) -> Judged {
    let judged = host.judged()?;
    let folder = "/sys/devices/system/node";
    let is_node =
        |name: &&String| name.strip_prefix("node").is_some_and(|it| it.parse::<u32>().is_ok());
    let names = host.root.names(folder);
    let nodes: Vec<&String> = names.iter().filter(is_node).collect();
    if nodes.is_empty() {
        return Err(Absent::new("this kernel tells of no nodes", folder));
    }
    let of_node = |name: &str| host.root.cpus(&format!("{folder}/{name}/cpulist"));
    let used = nodes.iter().filter(|it| of_node(it).is_ok_and(|cpus| !cpus.and(judged).is_empty()));
    let used = used.count();
    let read = format!("judged cores on {used} of {} nodes", nodes.len());
    let near = "give `--cores` cores of one node, that of the network card (`/sys/class/net/*/device/\
                numa_node`)";
    Ok(Reading::new(State::Warn.unless(used <= 1), read, format!("{folder}/node*/cpulist"))
        .mend(Step::Advice(near.into())))
}

const CGROUP: &str = "/proc/self/cgroup";

/// Control groups inside each other that are looked at.
const DEPTH_MAX: usize = 64;

/// Pairs of hardware threads that are named.
const EXAMPLES_MAX: usize = 2;
