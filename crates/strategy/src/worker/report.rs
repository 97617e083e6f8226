use tickring_event::Digest;
use tickring_metrics::{Clock, StageRecorders, StrategyReport};

/// How one worker's run went.
#[derive(Debug)]
pub struct WorkerReport {
    /// Name of the strategy.
    pub name: String,
    /// Index of the worker, from 0.
    pub worker: u32,
    /// Events the strategy handled.
    pub handled: u64,
    /// Events replaced by a later one of the same instrument while the strategy lagged.
    pub conflated: u64,
    /// Events the strategy gave up, the one it failed at, all after that one, and those for which
    /// there was no time left.
    pub skipped: u64,
    /// Events that ended in an error, and panics.
    pub errors: u64,
    /// How often an event was tried again.
    pub retries: u64,
    /// Of every event the strategy was given, in order; a retry counts once.
    pub received: Digest,
    /// Whether the strategy was taken out of the run.
    pub quarantined: bool,
    /// What the strategy failed at, and with which words.
    pub culprit: Option<String>,
    /// Signals the strategy gave, the dropped ones included.
    pub signals: u64,
    /// Signals dropped because the sink's queue was full.
    pub signals_dropped: u64,
    /// The strategy's own final figures; none after a quarantine.
    pub figures: Vec<(String, f64)>,
    /// Queue, handle and total latency of the handled events, in ticks.
    pub latency: StageRecorders,
}

impl WorkerReport {
    /// This worker's entry in the report of the run. `clock` is the one it worked with.
    #[must_use]
    pub fn entry(&self, clock: &Clock, core: Option<u64>, wait: &str) -> StrategyReport {
        StrategyReport {
            name: self.name.clone(),
            worker: u64::from(self.worker),
            core,
            wait: wait.to_owned(),
            handled: self.handled,
            conflated: self.conflated,
            skipped: self.skipped,
            errors: self.errors,
            retries: self.retries,
            received_hash: Some(self.received.to_string()),
            quarantined: self.quarantined,
            culprit: self.culprit.clone(),
            signals: self.signals,
            signals_dropped: self.signals_dropped,
            figures: self.figures.iter().cloned().collect(),
            latency_ns: self.latency.summary(clock),
        }
    }
}
