//! What interrupts the judged cores.

use tickring_metrics::grouped;

use super::cpus::CpuSet;
use super::finding::{Absent, Check, Judged, Reading, State, Step};
use super::host::Host;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "irq.placement",
        title: "device interrupts",
        good: "no active device interrupt is served by a judged core",
        why: "A network or disk interrupt stops a busy thread for 1 to 20 microseconds, and its softirq \
              for longer.",
        judge: placement,
    },
    Check {
        id: "irq.default_affinity",
        title: "new interrupts",
        good: "new interrupts go to other cores",
        why: "A device that is added, or a driver that restarts, gets the default affinity: without \
              this its interrupts come back.",
        judge: default_affinity,
    },
    Check {
        id: "irq.softirqs",
        title: "softirqs",
        good: "at most 100 a second on any judged core since boot",
        why: "Timers, network receive and RCU run as softirqs on top of a busy thread; a core that \
              keeps its tick has hundreds a second.",
        judge: softirqs,
    },
    Check {
        id: "irq.balance",
        title: "irqbalance",
        good: "it is not running, or the judged cores are isolated, which it leaves out",
        why: "It moves interrupts every ten seconds and undoes what was placed by hand.",
        judge: balance,
    },
];

/// A table of the kernel's with a column for each core.
struct Table<'a> {
    cores: Vec<usize>,
    rows: Vec<(&'a str, Vec<u64>, String)>,
}

impl<'a> Table<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut lines = text.lines();
        let core = |word: &str| word.strip_prefix("CPU")?.parse().ok();
        let cores: Vec<usize> =
            lines.next()?.split_whitespace().map(core).collect::<Option<_>>()?;
        let row = |line: &'a str| {
            let (name, rest) = line.split_once(':')?;
            let mut words = rest.split_whitespace().peekable();
            let mut counts = Vec::new();
            while let Some(count) =
                words.next_if(|it| counts.len() < cores.len() && it.parse::<u64>().is_ok())
            {
                counts.push(count.parse().ok()?);
            }
            let device = words.next_back().unwrap_or_default().to_owned();
            Some((name.trim(), counts, device))
        };
        let rows = lines.filter_map(row).collect();
        (!cores.is_empty()).then_some(Self { cores, rows })
    }

    /// A row's sum over some cores.
    fn sum(&self, counts: &[u64], over: &CpuSet) -> u64 {
        let of = self.cores.iter().zip(counts).filter(|(core, _)| over.contains(**core));
        of.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// An interrupt that a judged core serves.
struct Served<'a> {
    number: u32,
    device: &'a str,
    count: u64,
}

fn placement(host: &Host) -> Judged {
    let judged = host.judged()?;
    let text = host.root.read(INTERRUPTS)?;
    let table = Table::parse(&text).ok_or_else(|| Absent::strange(INTERRUPTS))?;
    let (mut served, mut active) = (Vec::new(), 0);
    for (name, counts, device) in &table.rows {
        let Ok(number) = name.parse() else { continue };
        if counts.iter().all(|&count| count == 0) {
            continue;
        }
        active += 1;
        if serves(host, number, judged) {
            let count = table.sum(counts, judged);
            served.push(Served { number, device: device.as_str(), count });
        }
    }
    let from = "/proc/interrupts, /proc/irq/*/effective_affinity_list";
    if served.is_empty() {
        let read = format!("none of {active} active ones on cores {judged}");
        return Ok(Reading::new(State::Ok, read, from));
    }
    served.sort_by_key(|it| std::cmp::Reverse(it.count));
    let named: Vec<String> = served
        .iter()
        .take(NAMED_MAX)
        .map(|Served { number, device, count }| format!("{number} {device} ({})", grouped(*count)))
        .collect();
    let read =
        format!("{} of {active} active ones on cores {judged}: {}", served.len(), named.join(", "));
    Ok(Reading::new(State::Warn, read, from).mends(moves(host, &served)))
}

/// Steps that give interrupts to the other cores.
fn moves(host: &Host, served: &[Served<'_>]) -> Vec<Step> {
    let Some((_, rest)) = host.division() else { return vec![Host::too_few()] };
    let path = |it: &Served<'_>| format!("/proc/irq/{}/smp_affinity_list", it.number);
    served.iter().map(|it| Step::write(rest.to_string(), path(it))).collect()
}

/// Whether an interrupt goes to one of these cores.
fn serves(host: &Host, number: u32, cores: &CpuSet) -> bool {
    let read = |name: &str| host.root.cpus(&format!("/proc/irq/{number}/{name}"));
    let effective = read("effective_affinity_list").ok().filter(|it| !it.is_empty());
    let affinity = effective.or_else(|| read("smp_affinity_list").ok());
    affinity.is_some_and(|it| !it.and(cores).is_empty())
}

fn default_affinity(host: &Host) -> Judged {
    let path = "/proc/irq/default_smp_affinity";
    let default = host.root.mask(path)?;
    let hit = default.and(host.judged()?);
    let words = if hit.is_empty() {
        format!("cores {default}")
    } else {
        format!("cores {default}, judged ones among them")
    };
    let mend = host.dividing(|_, rest| Step::write(rest.mask(), path));
    Ok(Reading::new(State::Warn.unless(hit.is_empty()), words, path).mend(mend))
}

fn softirqs(host: &Host) -> Judged {
    let judged = host.judged()?;
    let text = host.root.read(SOFTIRQS)?;
    let table = Table::parse(&text).ok_or_else(|| Absent::strange(SOFTIRQS))?;
    let uptime = host.root.read(UPTIME)?;
    let seconds = uptime.split(['.', ' ']).next().and_then(|it| it.parse::<u64>().ok());
    let seconds = seconds.ok_or_else(|| Absent::strange(UPTIME))?.max(1);
    let total = |core: usize| {
        let only: CpuSet = [core].into_iter().collect();
        let sums = table.rows.iter().map(|(_, counts, _)| table.sum(counts, &only));
        sums.fold(0_u64, u64::saturating_add)
    };
    let busiest = judged.iter().max_by_key(|&core| total(core));
    let core = busiest.ok_or_else(|| Absent::strange(SOFTIRQS))?;
    let only: CpuSet = [core].into_iter().collect();
    let most = table.rows.iter().max_by_key(|(_, counts, _)| table.sum(counts, &only));
    let rate = total(core) / seconds;
    let read = format!(
        "{} a second on core {core} since boot, most of them {}",
        grouped(rate),
        most.map_or("none", |(name, ..)| name)
    );
    let cure = "isolate the cores, stop their tick, and move interrupts away: `cores.isolated`, \
                `cores.nohz_full`, `irq.placement`";
    Ok(Reading::new(State::Warn.unless(rate <= SOFTIRQS_A_SECOND_MAX), read, SOFTIRQS)
        .mend(Step::Advice(cure.into())))
}

fn balance(host: &Host) -> Judged {
    let running = host.root.running(&["irqbalance"]);
    let running =
        running.ok_or_else(|| Absent::new("processes cannot be listed", "/proc/*/comm"))?;
    let spared = host.isolated.clone().unwrap_or_default();
    let spared = spared.or(&host.nohz_full.clone().unwrap_or_default());
    let is_spared = host.judged()?.is_subset(&spared);
    let (state, read) = match (running.is_empty(), is_spared) {
        (true, _) => (State::Ok, "not running"),
        (false, true) => (State::Ok, "running; it leaves isolated cores out"),
        (false, false) => (State::Warn, "running"),
    };
    let stop = Step::Run("systemctl disable --now irqbalance".into());
    Ok(Reading::new(state, read, "/proc/*/comm").mend(stop))
}

const INTERRUPTS: &str = "/proc/interrupts";
const SOFTIRQS: &str = "/proc/softirqs";
const UPTIME: &str = "/proc/uptime";

/// Interrupts that are named.
const NAMED_MAX: usize = 3;

/// Softirqs that a core without a tick stays well below, and one with a tick does not.
const SOFTIRQS_A_SECOND_MAX: u64 = 100;
