//! Whether this host suits a low-latency run: what the kernel and the clock tell, and what would mend
//! it.
//!
//! Everything is read and nothing is changed. Files are read below a [`Root`], so that a made-up tree
//! can be judged as well as this machine; what only a running machine can tell (the cost of a clock
//! reading, the kernel's idea of its clock, jitter) is handed in. What a machine does not offer is
//! `n/a` with the reason, never an error.

mod adjtime;
mod clock;
mod cores;
mod cpus;
mod finding;
#[cfg(test)]
mod fixture;
mod host;
mod interrupts;
pub(crate) mod jitter;
mod kernel;
mod load;
mod memory;
mod network;
mod placement;
mod power;
mod root;
pub(crate) mod script;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod verdict;

use serde::Serialize;
use tickring_metrics::Clock;

use self::clock::Live;
pub(crate) use self::cpus::CpuSet;
pub(crate) use self::finding::State;
use self::finding::{Check, Finding};
use self::host::{Host, HostFacts};
pub(crate) use self::jitter::Jitter;
pub(crate) use self::root::Root;
pub(crate) use self::verdict::Verdict;

/// Version of the names and meanings in an [`Examination`] as JSON.
const SCHEMA_VERSION: u32 = 1;

/// What is examined.
#[derive(Debug)]
pub(crate) struct Scope {
    /// Where `/proc` and `/sys` are.
    pub(crate) root: Root,
    /// The cores that busy threads shall have; the isolated ones without this, or else every core
    /// that this process may use.
    pub(crate) cores: Option<CpuSet>,
    /// What was measured on the running machine; `None` when `root` is not it.
    pub(crate) live: Option<Live>,
    /// What was measured core by core; `None` when it was not.
    pub(crate) jitter: Option<Jitter>,
}

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(crate) struct Examination {
    /// Version of the names and meanings here.
    pub(crate) schema_version: u32,
    /// `doctor`.
    pub(crate) command: &'static str,
    /// All findings in a word.
    pub(crate) verdict: Verdict,
    /// What is examined.
    pub(crate) host: HostFacts,
    /// One for each check, each id once.
    pub(crate) findings: Vec<Finding>,
    /// What was measured core by core; null when it was not.
    pub(crate) jitter: Option<Jitter>,
}

impl Scope {
    /// This machine without the jitter measurement: takes milliseconds.
    pub(crate) fn here(clock: &Clock, cores: Option<CpuSet>) -> Self {
        Self { root: Root::here(), cores, live: Some(Live::measure(clock)), jitter: None }
    }
}

/// Reads everything and judges it.
pub(crate) fn examine(scope: Scope) -> Examination {
    let host = Host::read(scope);
    let findings: Vec<Finding> = checks().map(|check| check.run(&host)).collect();
    Examination {
        schema_version: SCHEMA_VERSION,
        command: "doctor",
        verdict: Verdict::of(&host.cores, &findings),
        host: host.facts(),
        findings,
        jitter: host.jitter,
    }
}

/// The cores that `examine` judges.
pub(crate) fn judged_cores(root: &Root, cores: Option<CpuSet>) -> CpuSet {
    Host::read(Scope { root: root.clone(), cores, live: None, jitter: None }).cores
}

/// Every check, in the order they are told.
fn checks() -> impl Iterator<Item = &'static Check> {
    [
        cores::CHECKS,
        placement::CHECKS,
        interrupts::CHECKS,
        clock::CHECKS,
        power::CHECKS,
        memory::CHECKS,
        kernel::CHECKS,
        network::CHECKS,
        load::CHECKS,
        jitter::CHECKS,
    ]
    .into_iter()
    .flatten()
}
