//! Where the busy threads of a scenario run, and how they wait.

use std::thread::{Builder, Scope, ScopedJoinHandle};

use tickring_ring::{Wait, WaitStrategy};

use crate::args::{BenchCores, MachineArgs};
use crate::exit::{Exit, Failure};
use crate::output::Talk;
use crate::plan::{self, BusyThread, CoreRequest, Machine};
use crate::workers::pin_here;

/// The threads of a scenario.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// One for each busy thread: sender, ingest, consumers.
    pub(crate) cores: Vec<Option<usize>>,
    pub(crate) wait: WaitStrategy,
    /// There are more busy threads than cores: latencies hold the scheduler's turns.
    pub(crate) shares_cores: bool,
    /// And they spin all the same.
    pub(crate) is_oversubscribed: bool,
}

impl Place {
    /// The place of `threads` busy threads.
    ///
    /// # Errors
    /// More threads would spin than there are cores, or a core is not there.
    pub(crate) fn new(
        args: &MachineArgs,
        machine: &Machine,
        threads: usize,
    ) -> Result<Self, Failure> {
        let shares_cores = threads > machine.cores.len();
        let wait = match args.wait {
            Wait::Fixed(wait) => wait,
            Wait::Auto if shares_cores => WaitStrategy::Backoff,
            Wait::Auto => WaitStrategy::SpinPause,
        };
        let spins = spins(wait);
        if spins && shares_cores && !args.oversubscribe {
            return Err(Failure::usage(format!(
                "--wait {wait}: {threads} threads would spin on {} cores and measure each other; \
                 use `--wait auto`, fewer --consumers, or --oversubscribe, which labels the figures",
                machine.cores.len()
            )));
        }
        let cores = cores(&args.cores, machine, threads)?;
        Ok(Self { cores, wait, shares_cores, is_oversubscribed: spins && shares_cores })
    }

    /// Whether an idle thread keeps its core.
    pub(crate) const fn spins(&self) -> bool {
        spins(self.wait)
    }

    /// Starts the busy thread `index` of a scenario in `scope`.
    ///
    /// # Errors
    /// The system cannot make a thread.
    pub(crate) fn spawn<'scope, T: Send + 'scope>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        (index, name, talk): (usize, &'static str, Talk),
        work: impl FnOnce() -> T + Send + 'scope,
    ) -> Result<ScopedJoinHandle<'scope, T>, Failure> {
        let core = self.cores.get(index).copied().flatten();
        let pinned = move || {
            pin_here(core, name, talk);
            work()
        };
        Builder::new().name(name.to_owned()).spawn_scoped(scope, pinned).map_err(|error| {
            Failure::new(Exit::InputOutput, format!("the system cannot make a thread: {error}"))
        })
    }
}

const fn spins(wait: WaitStrategy) -> bool {
    matches!(wait, WaitStrategy::Spin | WaitStrategy::SpinPause)
}

fn cores(
    wanted: &BenchCores,
    machine: &Machine,
    threads: usize,
) -> Result<Vec<Option<usize>>, Failure> {
    match wanted {
        BenchCores::None => Ok(vec![None; threads]),
        BenchCores::Auto => {
            let busy = |index: usize| BusyThread {
                name: format!("bench-{index}"),
                worker: None,
                is_strategy: false,
            };
            let busy: Vec<BusyThread> = (0..threads).map(busy).collect();
            let wait = Wait::Fixed(WaitStrategy::Yield);
            plan::plan(&CoreRequest::Auto, wait, &busy, machine)
                .map(|plan| plan.cores)
                .map_err(|error| Failure::usage(error.to_string()))
        }
        BenchCores::List(list) => {
            if let Some(core) = list.iter().find(|core| !machine.cores.contains(core)) {
                let words = format!(
                    "--cores: core {core} is not there; this process may use {:?}",
                    machine.cores
                );
                return Err(Failure::usage(words));
            }
            if list.len() < threads {
                let words = format!(
                    "--cores: {} are given, but a scenario has {threads} busy threads; give one \
                     for each, or `none`",
                    list.len()
                );
                return Err(Failure::usage(words));
            }
            Ok(list.iter().take(threads).copied().map(Some).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn machine(cores: usize) -> Machine {
        Machine { cores: (0..cores).collect(), siblings: BTreeMap::new() }
    }

    fn args(wait: &str, cores: &str, oversubscribe: bool) -> MachineArgs {
        MachineArgs { wait: wait.parse().unwrap(), cores: cores.parse().unwrap(), oversubscribe }
    }

    #[track_caller]
    fn check(wait: &str, threads: usize, expected: (WaitStrategy, bool)) {
        let place = Place::new(&args(wait, "auto", true), &machine(2), threads).unwrap();
        assert_eq!((place.wait, place.is_oversubscribed), expected);
    }

    #[test]
    fn threads_spin_where_each_can_have_a_core() {
        check("auto", 2, (WaitStrategy::SpinPause, false));
        check("auto", 3, (WaitStrategy::Backoff, false));
        check("yield", 3, (WaitStrategy::Yield, false));
        check("spin", 3, (WaitStrategy::Spin, true));
    }

    #[track_caller]
    fn refuses(args: &MachineArgs, words: &str) {
        let failure = Place::new(args, &machine(2), 3).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains(words), "{}", failure.message);
    }

    #[test]
    fn what_cannot_work_is_said_with_what_can() {
        refuses(&args("spin", "auto", false), "3 threads would spin on 2 cores");
        refuses(&args("auto", "0,7", false), "core 7 is not there");
        refuses(&args("auto", "0,1", false), "2 are given");
    }

    #[test]
    fn with_cores_to_spare_each_thread_is_pinned_and_the_first_core_left_alone() {
        let place = Place::new(&args("auto", "auto", false), &machine(4), 2).unwrap();
        assert_eq!(place.cores, [Some(1), Some(2)]);
        let place = Place::new(&args("auto", "3,0,1", false), &machine(4), 2).unwrap();
        assert_eq!(place.cores, [Some(3), Some(0)]);
    }
}
