//! Which thread runs on which core, checked before any thread starts.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use tickring_ring::{Wait, WaitStrategy};

/// What `--cores` asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum CoreRequest {
    /// A core for each busy thread where there are enough, no pinning otherwise.
    Auto,
    /// No pinning.
    None,
    /// Cores by role, in the order given.
    Named(BTreeMap<String, Vec<usize>>),
}

/// Cores that this process may use, and which of them share one physical core.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) cores: Vec<usize>,
    /// Hardware threads of the same physical core, by core; itself included.
    pub(crate) siblings: BTreeMap<usize, Vec<usize>>,
}

/// A thread that is busy all the time and so wants a core of its own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct BusyThread {
    /// `ingest`, `simulator`, or the strategy's name.
    pub(crate) name: String,
    /// The worker, where there are several of that name.
    pub(crate) worker: Option<u32>,
    /// Whether `strategy=` in the request means this thread too.
    pub(crate) is_strategy: bool,
}

/// Where each busy thread runs and how it waits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct CorePlan {
    /// One entry for each busy thread, in the order they were given.
    pub(crate) cores: Vec<Option<usize>>,
    /// How every busy thread waits.
    pub(crate) wait: WaitStrategy,
    /// What was decided, in words.
    pub(crate) notes: Vec<String>,
}

/// Why a request for cores cannot be met.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub(crate) enum PlanError {
    #[error("--cores: `{0}` is not ROLE=CORES, such as `ingest=0` or `strategy=1-2`")]
    Malformed(String),
    #[error("--cores: there is no thread called `{role}`; this run has {known}")]
    UnknownRole { role: String, known: String },
    #[error("--cores: core {core} of `{role}` is not there; this process may use {have}")]
    MissingCore { role: String, core: usize, have: String },
    #[error("--cores: core {core} is given to both `{first}` and `{second}`")]
    Duplicate { core: usize, first: String, second: String },
    #[error(
        "--cores: core {core} of `{first}` and core {other} of `{second}` are hardware threads of \
         one physical core and both would spin; use another core or `--wait backoff`"
    )]
    Siblings { core: usize, first: String, other: usize, second: String },
    #[error("--cores: `{role}` stands for {threads} threads but {cores} cores are given")]
    WrongCount { role: String, threads: usize, cores: usize },
    #[error(
        "--wait {wait}: {threads} threads would spin on {cores} cores and starve each other; use \
         `--wait auto`, fewer strategies or workers, or more cores"
    )]
    TooManySpinning { wait: WaitStrategy, threads: usize, cores: usize },
}

impl fmt::Display for BusyThread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)?;
        self.worker.map_or(Ok(()), |worker| write!(out, "/{worker}"))
    }
}

impl FromStr for CoreRequest {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        match text {
            "auto" => return Ok(Self::Auto),
            "none" => return Ok(Self::None),
            _ => {}
        }
        let mut roles: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for part in text.split(',') {
            let malformed = || PlanError::Malformed(part.to_owned());
            let (role, cores) = part.split_once('=').ok_or_else(malformed)?;
            if role.is_empty() {
                return Err(malformed());
            }
            let wanted = roles.entry(role.to_owned()).or_default();
            for range in cores.split('+') {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                let first: usize = first.parse().map_err(|_| malformed())?;
                let last: usize = last.parse().map_err(|_| malformed())?;
                if first > last || last - first > CORES_MAX {
                    return Err(malformed());
                }
                wanted.extend(first..=last);
            }
        }
        Ok(Self::Named(roles))
    }
}

/// Longest range of cores in a request.
const CORES_MAX: usize = 4_096;

/// Gives each busy thread its core and decides how they all wait.
///
/// # Errors
/// [`PlanError`] names the thread, the core and what to do.
pub(crate) fn plan(
    request: &CoreRequest,
    wait: Wait,
    threads: &[BusyThread],
    machine: &Machine,
) -> Result<CorePlan, PlanError> {
    let mut notes = Vec::new();
    let cores = match request {
        CoreRequest::None => vec![None; threads.len()],
        CoreRequest::Auto => auto(threads, machine, &mut notes),
        CoreRequest::Named(roles) => named(roles, threads, machine)?,
    };
    check_duplicates(&cores, threads)?;
    let exclusive = cores.iter().all(Option::is_some)
        && sharing(&cores, machine).is_none()
        && !cores.is_empty();
    let resolved = wait.resolve(exclusive);
    let spins = matches!(resolved, WaitStrategy::Spin | WaitStrategy::SpinPause);
    if spins && threads.len() > machine.cores.len() {
        let (threads, cores) = (threads.len(), machine.cores.len());
        return Err(PlanError::TooManySpinning { wait: resolved, threads, cores });
    }
    if let Some((one, other)) = sharing(&cores, machine) {
        let ((first, core), (second, other)) =
            ((threads[one.0].to_string(), one.1), (threads[other.0].to_string(), other.1));
        if spins {
            return Err(PlanError::Siblings { core, first, other, second });
        }
        notes.push(format!(
            "core {core} of {first} and core {other} of {second} share one physical core"
        ));
    }
    if wait == Wait::Auto && !exclusive {
        notes.push(format!(
            "{} busy threads without a core of their own each on {} cores: waiting with {resolved}",
            threads.len(),
            machine.cores.len()
        ));
    }
    Ok(CorePlan { cores, wait: resolved, notes })
}

/// One hardware thread of each physical core, in order, when there are enough with one to spare for
/// everything else.
fn auto(threads: &[BusyThread], machine: &Machine, notes: &mut Vec<String>) -> Vec<Option<usize>> {
    let is_first_sibling = |core: &usize| {
        machine.siblings.get(core).and_then(|all| all.iter().min()).is_none_or(|min| min == core)
    };
    let physical: Vec<usize> = machine.cores.iter().copied().filter(is_first_sibling).collect();
    if physical.len() <= threads.len() {
        notes.push(format!(
            "not pinning: {} busy threads and one core for the rest need {} physical cores, \
             {} are there",
            threads.len(),
            threads.len() + 1,
            physical.len()
        ));
        return vec![None; threads.len()];
    }
    // The first core serves most interrupts: it is left to the rest of the system.
    physical[1..].iter().copied().map(Some).take(threads.len()).collect()
}

fn named(
    roles: &BTreeMap<String, Vec<usize>>,
    threads: &[BusyThread],
    machine: &Machine,
) -> Result<Vec<Option<usize>>, PlanError> {
    let mut cores = vec![None; threads.len()];
    // Wider roles first, so that `spread/0=3` wins over `spread=1-2` and over `strategy=…`.
    let mut by_width: Vec<(&String, &Vec<usize>)> = roles.iter().collect();
    by_width.sort_by_key(|(role, _)| match role.as_str() {
        "strategy" => 0,
        role if !role.contains('/') => 1,
        _ => 2,
    });
    for (role, wanted) in by_width {
        if let Some(&core) = wanted.iter().find(|core| !machine.cores.contains(core)) {
            let have = listed(machine.cores.iter());
            return Err(PlanError::MissingCore { role: role.clone(), core, have });
        }
        let meant: Vec<usize> =
            (0..threads.len()).filter(|&index| is_meant(role, &threads[index])).collect();
        if meant.is_empty() {
            let known = listed(threads.iter());
            return Err(PlanError::UnknownRole { role: role.clone(), known });
        }
        if meant.len() != wanted.len() {
            return Err(PlanError::WrongCount {
                role: role.clone(),
                threads: meant.len(),
                cores: wanted.len(),
            });
        }
        for (index, &core) in meant.into_iter().zip(wanted) {
            cores[index] = Some(core);
        }
    }
    Ok(cores)
}

fn is_meant(role: &str, thread: &BusyThread) -> bool {
    (role == "strategy" && thread.is_strategy) || role == thread.name || role == thread.to_string()
}

fn check_duplicates(cores: &[Option<usize>], threads: &[BusyThread]) -> Result<(), PlanError> {
    let mut owners: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, core) in cores.iter().enumerate() {
        let Some(core) = *core else { continue };
        if let Some(first) = owners.insert(core, index) {
            let (first, second) = (threads[first].to_string(), threads[index].to_string());
            return Err(PlanError::Duplicate { core, first, second });
        }
    }
    Ok(())
}

/// Two pinned threads (index and core) on one physical core.
fn sharing(cores: &[Option<usize>], machine: &Machine) -> Option<((usize, usize), (usize, usize))> {
    let pinned: Vec<(usize, usize)> =
        cores.iter().enumerate().filter_map(|(index, core)| Some((index, (*core)?))).collect();
    pinned.iter().enumerate().find_map(|(at, one)| {
        let siblings = machine.siblings.get(&one.1)?;
        let other = pinned[at + 1..].iter().find(|other| siblings.contains(&other.1))?;
        Some((*one, *other))
    })
}

fn listed(items: impl Iterator<Item = impl fmt::Display>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
