//! What people see while a run goes on: one line an interval, notices, the ring's state changes.

use std::fmt::Write as _;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tickring_ingest::{Importance, NoticeReceiver};
use tickring_metrics::{
    Bottleneck, Clock, Counter, LoadSamples, Look, SharedCounters, Timeline, TimelineEntry,
    Utilisation, UtilisationState,
};
use tickring_ring::Gauges;

use crate::args::LogLevel;
use crate::output::Talk;
use crate::workers::WorkerThread;

/// Time between two looks at the gauges.
const SAMPLE_PERIOD: Duration = Duration::from_millis(5);

/// Weight of one sample in the smoothed utilisation that states are judged by: some half a second
/// of samples count, so that a small ring, full one moment and empty the next, gives no flood of
/// lines.
const SMOOTHING: f64 = 0.01;

/// Time between two collections of what goes into the interval log.
const COLLECT_NS: u64 = 250_000_000;

/// Watches a run from the main thread.
pub(crate) struct Monitor {
    talk: Talk,
    clock: Clock,
    gauges: Arc<Gauges>,
    counters: Arc<SharedCounters>,
    notices: NoticeReceiver,
    samples: LoadSamples,
    timeline: Timeline,
    start_ticks: u64,
    collect_ticks: u64,
    utilisation: Utilisation,
    utilisation_smooth: f64,
    lags: Vec<u64>,
    /// By worker: whether people were told that it is out of the run.
    quarantined: Vec<bool>,
    interval_ns: u64,
    line_ticks: u64,
    line_frames: u64,
    line_published: u64,
}

impl Monitor {
    /// Starts to watch. An interval of zero prints no lines.
    pub(crate) fn new(
        talk: Talk,
        clock: Clock,
        gauges: Arc<Gauges>,
        counters: Arc<SharedCounters>,
        notices: NoticeReceiver,
    ) -> Self {
        let now = clock.ticks();
        Self {
            talk,
            start_ticks: now,
            collect_ticks: now,
            line_ticks: now,
            clock,
            gauges,
            counters,
            notices,
            samples: LoadSamples::new(Vec::<String>::new()),
            timeline: Timeline::new(),
            utilisation: Utilisation::new(),
            utilisation_smooth: 0.0,
            lags: Vec::new(),
            quarantined: Vec::new(),
            interval_ns: 0,
            line_frames: 0,
            line_published: 0,
        }
    }

    /// Names the pollers, sets when the run began and the time between lines.
    pub(crate) fn watch(&mut self, workers: &[WorkerThread], start_ticks: u64, interval: Duration) {
        self.start_ticks = start_ticks;
        self.samples = LoadSamples::new(workers.iter().map(|worker| worker.thread.to_string()));
        self.quarantined = vec![false; workers.len()];
        self.interval_ns = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
    }

    /// One look: samples the gauges, prints what is due, then rests a little. Returns `true` when it
    /// is time to collect the interval log.
    pub(crate) fn turn(&mut self, workers: &[WorkerThread]) -> bool {
        self.print_notices();
        self.print_quarantined(workers);
        let utilisation = self.sample(workers.len());
        self.utilisation_smooth += SMOOTHING * (utilisation - self.utilisation_smooth);
        if let Some(state) = self.utilisation.observe(self.utilisation_smooth) {
            self.print_state(state, workers);
        }
        let now = self.clock.ticks();
        let look = self.look_at(&self.lags);
        self.timeline.look(self.clock.elapsed_ns(self.start_ticks, now), &look);
        let elapsed_ns = self.clock.elapsed_ns(self.line_ticks, now);
        if self.interval_ns > 0 && elapsed_ns >= self.interval_ns {
            self.print_line(workers, utilisation, elapsed_ns);
            self.line_ticks = now;
        }
        let is_due = self.clock.elapsed_ns(self.collect_ticks, now) >= COLLECT_NS;
        if is_due {
            self.collect_ticks = now;
        }
        thread::park_timeout(SAMPLE_PERIOD);
        is_due
    }

    /// The run over time; call it when the threads are done.
    pub(crate) fn timeline(&self, wall_ns: u64) -> Vec<TimelineEntry> {
        self.timeline.clone().finish(wall_ns, &self.look_at(&[]))
    }

    /// What the gauges and counters show now, with lags that were read before.
    fn look_at(&self, lags: &[u64]) -> Look {
        Look {
            frames: self.counters.get(Counter::Frames),
            events: self.gauges.published(),
            decode_errors: self.counters.get(Counter::DecodeErrors),
            gaps: self.counters.get(Counter::Gaps),
            dropped: self.gauges.dropped(),
            stalls: self.gauges.stalls(),
            depth: self.gauges.depth(),
            depth_max: self.gauges.depth_max(),
            lag: lags.iter().copied().max().unwrap_or(0),
        }
    }

    /// The verdict over all samples.
    pub(crate) fn bottleneck(&self, stall_ns: u64, wall_ns: u64) -> Bottleneck {
        self.samples.bottleneck(stall_ns, wall_ns)
    }

    pub(crate) fn print_notices(&self) {
        for notice in self.notices.try_iter() {
            let level = match notice.importance() {
                Importance::Warning => LogLevel::Warn,
                Importance::Info => LogLevel::Info,
                Importance::Debug => LogLevel::Debug,
            };
            self.talk.say(level, notice.to_string());
        }
    }

    fn print_quarantined(&mut self, workers: &[WorkerThread]) {
        for (worker, told) in workers.iter().zip(&mut self.quarantined) {
            if !*told && worker.gauges.quarantined() {
                *told = true;
                let words =
                    format!("{} failed and is quarantined: it gets no events", worker.thread);
                self.talk.say(LogLevel::Warn, words);
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "slots are far below 2^52")]
    fn sample(&mut self, pollers: usize) -> f64 {
        self.lags.clear();
        self.lags.extend((0..pollers).map(|poller| self.gauges.lag(poller)));
        let utilisation = self.gauges.depth() as f64 / self.gauges.capacity().slots() as f64;
        self.samples.add(utilisation, &self.lags);
        utilisation
    }

    fn print_state(&self, state: UtilisationState, workers: &[WorkerThread]) {
        let percent = self.utilisation_smooth * 100.0;
        let slowest = self.lags.iter().zip(workers).max_by_key(|(lag, _)| **lag);
        let behind = slowest.map_or_else(String::new, |(lag, worker)| {
            format!("; {} is {lag} events behind", worker.thread)
        });
        let (level, words) = match state {
            UtilisationState::Normal => {
                (LogLevel::Info, format!("ring back to {percent:.0} % in use"))
            }
            UtilisationState::Warn => {
                (LogLevel::Warn, format!("ring {percent:.0} % in use{behind}"))
            }
            UtilisationState::Critical => {
                (LogLevel::Warn, format!("ring critical: {percent:.0} % in use{behind}"))
            }
        };
        self.talk.say(level, words);
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    fn print_line(&mut self, workers: &[WorkerThread], utilisation: f64, elapsed_ns: u64) {
        let (frames, published) = (self.counters.get(Counter::Frames), self.gauges.published());
        let seconds = elapsed_ns as f64 / 1e9;
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        let mut line = format!(
            "{:.0} frames/s, {:.0} events/s, ring {:.0} % ({}), lag",
            rate(frames, self.line_frames),
            rate(published, self.line_published),
            utilisation * 100.0,
            self.gauges.depth(),
        );
        let mut errors = self.counters.get(Counter::DecodeErrors);
        for (poller, worker) in workers.iter().enumerate() {
            errors += worker.gauges.errors();
            let mark = if worker.gauges.quarantined() { " QUARANTINED" } else { "" };
            let lag = self.gauges.lag(poller);
            write!(line, " {} {lag}{mark}", worker.thread).expect("a string takes any text");
        }
        write!(line, ", errors {errors}, gaps {}", self.counters.get(Counter::Gaps))
            .expect("a string takes any text");
        if self.gauges.stalls() > 0 {
            write!(line, ", stalls {}", self.gauges.stalls()).expect("a string takes any text");
        }
        self.talk.say(LogLevel::Info, line);
        (self.line_frames, self.line_published) = (frames, published);
    }
}

#[cfg(test)]
mod tests {
    use tickring_event::MarketEvent;
    use tickring_ingest::notices;
    use tickring_metrics::Counters;
    use tickring_ring::{Capacity, ring};

    use super::*;

    #[test]
    fn the_interval_log_is_collected_and_the_timeline_kept_where_no_lines_are_printed() {
        let (clock, time) = Clock::mock();
        let (publisher, _pollers) = ring::<MarketEvent>(Capacity::new(8).unwrap(), 1);
        let counters = Arc::new(SharedCounters::new());
        let talk = Talk::new(LogLevel::Error);
        let (_sender, notices) = notices();
        let mut monitor =
            Monitor::new(talk, clock.clone(), publisher.gauges(), Arc::clone(&counters), notices);
        monitor.watch(&[], clock.ticks(), Duration::ZERO);
        assert!(!monitor.turn(&[]), "nothing is there yet");
        time.advance_ns(COLLECT_NS);
        let mut now = Counters::new();
        now.add(Counter::Frames, 7);
        counters.store_from(&now);
        assert!(monitor.turn(&[]));
        assert!(!monitor.turn(&[]), "it is too early again");
        time.advance_ns(COLLECT_NS);
        assert!(monitor.turn(&[]));
        let timeline = monitor.timeline(2 * COLLECT_NS);
        assert_eq!(timeline.iter().map(|it| it.frames).collect::<Vec<_>>(), [7, 0]);
    }
}
