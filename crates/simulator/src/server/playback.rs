//! Plays a recording: the market's loop once more, with entries in place of a market. Who gets them,
//! and when, is its audience's business.

mod client;
mod clients;
mod floor;
mod keep_alive;
mod others;

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};

use tickring_capture::Entry;

pub(crate) use self::clients::Clients;
pub(crate) use self::floor::{Floor, FloorPlan};
use super::door::Door;
use super::send::BATCH_MAX;
use super::{BLOCKED_WAIT_NS, IDLE_WAIT_NS, STOP_DRAIN_MS_MAX};
use crate::feed::recording::Recording;
use crate::{Ending, SimulatorConfig, SimulatorError, SimulatorReport, Time};

/// Everybody who is connected, and what becomes of a recording's entries with them.
pub(crate) trait Audience {
    /// Takes everybody who waits at the door; true if there was anybody.
    ///
    /// # Errors
    /// The process can take no more connections.
    fn accept(
        &mut self,
        door: &mut Door,
        config: &SimulatorConfig,
        now_ns: u64,
    ) -> Result<bool, SimulatorError>;

    /// Listens to everybody; true if anybody said anything.
    fn hear(&mut self, config: &SimulatorConfig, now_ns: u64) -> bool;

    /// Does what an entry says, if those whom it concerns are there and have done their part.
    fn play(&mut self, entry: &Entry<'_>, config: &SimulatorConfig, now_ns: u64) -> Step;

    /// Frames that count against the configured number.
    fn frames_played(&self) -> u64;

    /// Whether somebody has not taken enough of what was sent: then all wait, and nothing is
    /// skipped.
    fn is_blocked(&self) -> bool;

    /// Writes what waits; true if any socket took anything.
    fn flush(&mut self) -> bool;

    /// Forgets the connections that have ended.
    fn bury(&mut self);

    /// Closes every connection.
    fn close_all(&mut self, ending: Ending, deadline_ns: u64);

    /// Whether nobody is left.
    fn is_empty(&self) -> bool;

    /// What was done; `is_complete` when every entry was.
    fn into_report(self, is_complete: bool) -> SimulatorReport;
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// Its frame was sent.
    Sent,
    /// It is done with.
    Done,
    /// It has to wait for a client to come, or to send something.
    Waits,
}

/// Everything of one run.
#[derive(Debug)]
pub(crate) struct Playback<'a, T: Time, A: Audience> {
    config: &'a SimulatorConfig,
    time: &'a T,
    door: Door,
    recording: Recording,
    audience: A,
    began_ns: u64,
    /// Where the recording's time starts. While it waits for a client, its time stands still.
    since_ns: u64,
    /// The entry at hand was due and waits for a client.
    is_waiting: bool,
    is_leaving: bool,
    is_complete: bool,
    behind_ns_max: u64,
}

impl<'a, T: Time, A: Audience> Playback<'a, T, A> {
    /// Takes over a non-blocking listener.
    pub(crate) fn new(
        config: &'a SimulatorConfig,
        time: &'a T,
        listener: TcpListener,
        (recording, audience): (Recording, A),
    ) -> Self {
        let began_ns = time.now_ns();
        Self {
            config,
            time,
            door: Door::new(config, listener),
            recording,
            audience,
            began_ns,
            since_ns: began_ns,
            is_waiting: false,
            is_leaving: false,
            is_complete: false,
            behind_ns_max: 0,
        }
    }

    pub(crate) fn run(mut self, stop: &AtomicBool) -> Result<SimulatorReport, SimulatorError> {
        loop {
            let now_ns = self.time.now_ns();
            // Relaxed: a flag alone. Nothing is read on the strength of it.
            if stop.load(Ordering::Relaxed) {
                self.leave(now_ns, STOP_DRAIN_MS_MAX.min(self.config.drain_ms_max));
            } else if self.is_over(now_ns) {
                self.leave(now_ns, self.config.drain_ms_max);
            }
            if self.is_leaving && self.audience.is_empty() {
                return Ok(self.into_report());
            }
            let mut busy = self.audience.accept(&mut self.door, self.config, now_ns)?;
            busy |= self.audience.hear(self.config, now_ns);
            busy |= self.play_due(now_ns)?;
            busy |= self.audience.flush();
            self.audience.bury();
            if !busy {
                let wait_ns = self.wait_ns_max(now_ns)?;
                self.time.idle(wait_ns);
            }
        }
    }

    fn is_over(&self, now_ns: u64) -> bool {
        let elapsed_ms = now_ns.saturating_sub(self.began_ns) / 1_000_000;
        self.config.duration_ms.is_some_and(|duration_ms| elapsed_ms >= duration_ms)
    }

    /// Begins the end; calling it again brings deadlines forward and changes nothing else.
    fn leave(&mut self, now_ns: u64, drain_ms_max: u64) {
        self.is_leaving = true;
        self.door.shut();
        let deadline_ns = now_ns.saturating_add(drain_ms_max.saturating_mul(1_000_000));
        self.audience.close_all(self.config.faults.ending, deadline_ns);
    }

    /// Plays what is due by now, up to a batch; true if anything was.
    fn play_due(&mut self, now_ns: u64) -> Result<bool, SimulatorError> {
        let mut busy = false;
        for _ in 0..BATCH_MAX {
            if self.is_finished() || self.audience.is_blocked() {
                break;
            }
            let is_paced = self.recording.is_paced();
            let Some((due_ns, entry)) = self.recording.peek()? else {
                self.is_complete = true;
                break;
            };
            if self.is_waiting {
                self.since_ns = self.since_ns.max(now_ns.saturating_sub(due_ns));
            }
            let Some(behind_ns) = now_ns.checked_sub(self.since_ns.saturating_add(due_ns)) else {
                break;
            };
            let step = self.audience.play(&entry, self.config, now_ns);
            self.is_waiting = step == Step::Waits;
            if self.is_waiting {
                break;
            }
            if is_paced && step == Step::Sent {
                self.behind_ns_max = self.behind_ns_max.max(behind_ns);
            }
            self.recording.take();
            busy = true;
        }
        Ok(busy)
    }

    /// Whether there is nothing more to play: the run is ending, or that was all.
    fn is_finished(&self) -> bool {
        let frames_played = self.audience.frames_played();
        self.is_leaving
            || self.is_complete
            || self.config.frames_max.is_some_and(|max| frames_played >= max)
    }

    /// How long nothing will need doing, as far as is known.
    fn wait_ns_max(&mut self, now_ns: u64) -> Result<u64, SimulatorError> {
        if self.audience.is_blocked() {
            return Ok(BLOCKED_WAIT_NS);
        }
        if self.is_waiting || self.is_finished() {
            return Ok(IDLE_WAIT_NS);
        }
        let due_ns = self.recording.peek()?.map_or(u64::MAX, |(due_ns, _)| due_ns);
        let due_ns = self.since_ns.saturating_add(due_ns);
        Ok(due_ns.saturating_sub(now_ns).clamp(1, IDLE_WAIT_NS))
    }

    fn into_report(self) -> SimulatorReport {
        let mut report = self.audience.into_report(self.is_complete);
        report.behind_ns_max = self.behind_ns_max;
        report
    }
}
