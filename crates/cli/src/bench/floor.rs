//! The machine's floor in each turn: one cache line between the two threads that the ring uses.

use std::thread;

use serde::Serialize;
use tickring_harness::{Floor, FloorPlan};

use super::place::Place;
use super::scenario::Bench;
use crate::args::BenchArgs;
use crate::exit::{Exit, Failure};

/// One way in ns; `None` where it could not be measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct FloorFigures {
    pub(crate) tight_ns: Option<f64>,
    pub(crate) paused_ns: Option<f64>,
}

/// Where the floor is measured.
pub(crate) struct Floors {
    place: Option<Place>,
}

impl Floors {
    /// Where two threads can have a core each; else there is no floor.
    pub(crate) fn new(args: &BenchArgs, bench: &Bench) -> Self {
        if bench.machine.cores.len() < THREADS {
            return Self { place: None };
        }
        Self { place: Place::new(&args.machine, &bench.machine, THREADS).ok() }
    }

    /// # Errors
    /// The system cannot make a thread.
    pub(crate) fn measure(&self, bench: &Bench) -> Result<FloorFigures, Failure> {
        let Some(place) = &self.place else {
            return Ok(FloorFigures { tight_ns: None, paused_ns: None });
        };
        let tight_ns = one_way_ns(place, bench, FloorPlan::TIGHT)?;
        let paused_ns = one_way_ns(place, bench, FloorPlan::PAUSED)?;
        Ok(FloorFigures { tight_ns, paused_ns })
    }
}

fn one_way_ns(place: &Place, bench: &Bench, plan: FloorPlan) -> Result<Option<f64>, Failure> {
    let floor = Floor::new();
    thread::scope(|scope| {
        place.spawn(scope, (1, "follower", bench.talk), || floor.follow())?;
        let lead = || floor.lead(plan, &bench.clock, LIMIT_NS);
        let leader = match place.spawn(scope, (0, "leader", bench.talk), lead) {
            Ok(leader) => leader,
            Err(failure) => {
                floor.end();
                return Err(failure);
            }
        };
        leader.join().map_err(|_| Failure::new(Exit::Fault, "the floor's thread panicked"))
    })
}

const THREADS: usize = 2;

/// A floor that takes longer is not measured.
const LIMIT_NS: u64 = 2_000_000_000;
