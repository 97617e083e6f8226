//! The server: one thread, one loop over all connections, nothing that blocks.

mod command;
mod connection;
mod door;
mod gate;
pub(crate) mod http;
mod link;
pub(crate) mod playback;
pub(crate) mod reply;
mod send;
mod subscribe;

use std::io;
use std::mem;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};

use self::connection::{Connection, Heard};
use self::door::Door;
use self::gate::Admission;
use self::send::{Disordered, Pair};
use crate::feed::Source;
use crate::{Silenced, SimulatorConfig, SimulatorError, SimulatorReport, Time};

/// Everything of one run.
#[derive(Debug)]
pub(crate) struct Server<'a, T: Time> {
    config: &'a SimulatorConfig,
    time: &'a T,
    address: SocketAddr,
    door: Door,
    source: Source,
    connections: Vec<Connection>,
    /// Of symbol times channel, as far as they were subscribed.
    pairs: Vec<Pair>,
    /// Pairs that were ever subscribed.
    pairs_started: u32,
    /// Pairs whose present state is to be pushed.
    first_pushes: Vec<usize>,
    disordered: Disordered,
    /// The message being sent.
    text: Vec<u8>,
    began_ns: u64,
    /// When sending began; the schedule counts from here.
    sending_since_ns: Option<u64>,
    stage: Stage,
    restarts_begun: u32,
    report: SimulatorReport,
}

/// Where the server stands between its starts and its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Up,
    /// The listener is closed, connections are given time to receive what was sent.
    Closing {
        then: Then,
    },
    Down {
        until_ns: u64,
    },
    Done,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Then {
    Restart,
    Finish,
}

impl<'a, T: Time> Server<'a, T> {
    /// Takes over a non-blocking listener.
    pub(crate) fn new(
        config: &'a SimulatorConfig,
        time: &'a T,
        listener: TcpListener,
        address: SocketAddr,
    ) -> Result<Self, SimulatorError> {
        Ok(Self {
            config,
            time,
            address,
            door: Door::new(config, listener),
            source: Source::new(config)?,
            connections: Vec::new(),
            pairs: Vec::new(),
            pairs_started: 0,
            first_pushes: Vec::new(),
            disordered: Disordered::default(),
            text: Vec::new(),
            began_ns: time.now_ns(),
            sending_since_ns: None,
            stage: Stage::Up,
            restarts_begun: 0,
            report: SimulatorReport::default(),
        })
    }

    pub(crate) fn run(mut self, stop: &AtomicBool) -> Result<SimulatorReport, SimulatorError> {
        loop {
            let now_ns = self.time.now_ns();
            // Relaxed: a flag alone. Nothing is read on the strength of it.
            if stop.load(Ordering::Relaxed) {
                self.finish(now_ns, STOP_DRAIN_MS_MAX.min(self.config.drain_ms_max));
            } else if self.is_over(now_ns) {
                self.finish(now_ns, self.config.drain_ms_max);
            }
            self.step(now_ns)?;
            if self.stage == Stage::Done {
                return Ok(self.into_report());
            }
            let mut busy = self.accept(now_ns)?;
            busy |= self.serve(now_ns);
            busy |= self.send_due(now_ns)?;
            busy |= self.flush();
            self.bury();
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

    /// Begins the end. Once it has begun, calling it again changes nothing but brings deadlines
    /// forward.
    fn finish(&mut self, now_ns: u64, drain_ms_max: u64) {
        match self.stage {
            Stage::Up | Stage::Closing { .. } => self.leave(now_ns, Then::Finish, drain_ms_max),
            Stage::Down { .. } | Stage::Done => self.stage = Stage::Done,
        }
    }

    fn leave(&mut self, now_ns: u64, then: Then, drain_ms_max: u64) {
        self.door.shut();
        self.stage = Stage::Closing { then };
        self.withhold_swapped();
        let deadline_ns = now_ns.saturating_add(drain_ms_max.saturating_mul(1_000_000));
        for connection in &mut self.connections {
            connection.close(self.config.faults.ending, "going away", deadline_ns);
        }
    }

    /// Goes from stage to stage when it is time.
    fn step(&mut self, now_ns: u64) -> Result<(), SimulatorError> {
        match self.stage {
            Stage::Up if self.is_restart_due(now_ns) => {
                self.restarts_begun += 1;
                self.leave(now_ns, Then::Restart, self.config.drain_ms_max);
            }
            Stage::Closing { then } if self.connections.is_empty() => {
                let down_ns = self.config.restarts.down_ms.saturating_mul(1_000_000);
                self.stage = match then {
                    Then::Restart => Stage::Down { until_ns: now_ns.saturating_add(down_ns) },
                    Then::Finish => Stage::Done,
                };
            }
            Stage::Down { until_ns } if now_ns >= until_ns => match listen(self.address) {
                Ok(listener) => {
                    self.door.open(listener);
                    self.stage = Stage::Up;
                    self.report.restarts += 1;
                }
                // Somebody's outgoing connection may hold the port for a moment.
                Err(_) if now_ns < until_ns.saturating_add(RELISTEN_NS_MAX) => {}
                Err(source) => {
                    return Err(SimulatorError::Listen { address: self.address, source });
                }
            },
            _ => {}
        }
        Ok(())
    }

    fn is_restart_due(&self, now_ns: u64) -> bool {
        let restarts = &self.config.restarts;
        let (Some(since_ns), true) =
            (self.sending_since_ns, self.restarts_begun < restarts.count && self.is_anyone_here())
        else {
            return false;
        };
        let position = u64::from(self.restarts_begun) + 1;
        let parts = u64::from(restarts.count) + 1;
        let due_frames = match (restarts.every_frames, self.config.frames_max) {
            (Some(every_frames), _) => Some(every_frames.saturating_mul(position)),
            (None, Some(frames_max)) => Some(frames_max / parts * position),
            (None, None) => None,
        };
        match (due_frames, self.config.duration_ms) {
            (Some(frames), _) => self.report.frames_numbered >= frames,
            (None, Some(duration_ms)) => {
                let due_ns = (duration_ms / parts * position).saturating_mul(1_000_000);
                now_ns.saturating_sub(since_ns) >= due_ns
            }
            (None, None) => false,
        }
    }

    /// Takes every connection that waits; true if there was one.
    fn accept(&mut self, now_ns: u64) -> Result<bool, SimulatorError> {
        let present = self.connections.len();
        let faults = &self.config.faults;
        while let Some(connection) = self.door.accept(faults, self.connections.len(), now_ns)? {
            self.connections.push(connection);
        }
        Ok(self.connections.len() > present)
    }

    /// Listens to every connection; true if anybody said anything.
    fn serve(&mut self, now_ns: u64) -> bool {
        let mut busy = false;
        // Set aside, so that an answer may change the rest of the server.
        let mut connections = mem::take(&mut self.connections);
        for connection in &mut connections {
            if self.is_frozen(connection) {
                continue;
            }
            for _ in 0..HEARD_MAX {
                match connection.hear(now_ns) {
                    Heard::Nothing => break,
                    Heard::Opened(admission) => self.admit(connection, &admission, now_ns),
                    Heard::Refused => self.report.connections_refused += 1,
                    Heard::Text(text) => self.obey(connection, &text, now_ns),
                    Heard::Other => {}
                }
                busy = true;
            }
            connection.keep_time(self.config, now_ns);
        }
        self.connections = connections;
        busy
    }

    fn admit(&mut self, connection: &mut Connection, admission: &Admission, now_ns: u64) {
        if let Some(code) = admission.refused {
            self.report.connections_refused += 1;
            door::turn_away(connection, code, self.config, now_ns);
        } else {
            self.report.connections += 1;
            self.subscribe_query(connection, admission, now_ns);
        }
    }

    /// Whether a fault has stopped all exchange with this connection.
    fn is_frozen(&self, connection: &Connection) -> bool {
        connection.is_open() && self.is_silenced(connection, Silenced::Everything)
    }

    fn is_silenced(&self, connection: &Connection, what: Silenced) -> bool {
        self.config.faults.silence.is_some_and(|silence| {
            silence.what == what && connection.frames_sent >= silence.after_frames
        })
    }

    /// Writes what waits; true if any socket took anything.
    fn flush(&mut self) -> bool {
        let mut busy = false;
        for connection in &mut self.connections {
            busy |= connection.flush();
        }
        busy
    }

    /// Forgets the connections that have ended.
    fn bury(&mut self) {
        let report = &mut self.report;
        self.connections.retain(|connection| match connection.gone() {
            Some(undelivered) => {
                report.bytes_undelivered += undelivered.bytes as u64;
                false
            }
            None => true,
        });
    }

    /// How long nothing will need doing, as far as is known.
    fn wait_ns_max(&mut self, now_ns: u64) -> Result<u64, SimulatorError> {
        if self.is_blocked() {
            return Ok(BLOCKED_WAIT_NS);
        }
        let due_ns = self.next_due_ns()?.unwrap_or(u64::MAX);
        Ok(due_ns.saturating_sub(now_ns).clamp(1, IDLE_WAIT_NS))
    }

    fn into_report(mut self) -> SimulatorReport {
        self.withhold_swapped();
        (self.report.lines_without_message, self.report.session_gaps) = self.source.losses();
        self.report.last_numbers = self.last_numbers();
        self.report
    }
}

/// A non-blocking listener.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// When stopped, clients are likely to have stopped as well.
const STOP_DRAIN_MS_MAX: u64 = 500;
/// How long after a restart the port may be held by somebody else.
const RELISTEN_NS_MAX: u64 = 5_000_000_000;
/// Messages heard of one connection before the next has its turn.
const HEARD_MAX: usize = 16;
/// How late a new connection or a command may be noticed.
const IDLE_WAIT_NS: u64 = 1_000_000;
/// A full socket is asked again after this long: on loopback it holds far more than is sent in it.
const BLOCKED_WAIT_NS: u64 = 100_000;
