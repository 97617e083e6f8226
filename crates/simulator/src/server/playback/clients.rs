//! Live clients, and the recorded connections that they stand in for.

use std::collections::VecDeque;

use tickring_capture::Entry;
use tickring_event::ConnectionState;
use tungstenite::protocol::frame::coding::CloseCode;

use super::client::{Answer, Client};
use super::keep_alive::is_keep_alive;
use super::others::Others;
use super::{Audience, Step};
use crate::server::connection::Connection;
use crate::server::door::Door;
use crate::server::send::PENDING_MAX;
use crate::{Ending, RecordedReport, SimulatorConfig, SimulatorError, SimulatorReport};

/// Everybody who is connected.
#[derive(Debug)]
pub(crate) struct Clients {
    /// One for each connection of the recording.
    tracks: Vec<Track>,
    /// Open and without a track, in the order in which they came.
    waiting: VecDeque<Client>,
    /// In the handshake, or on their way out.
    others: Others,
    start_after_commands: Option<u32>,
    report: SimulatorReport,
    recorded: RecordedReport,
}

/// One connection of the recording.
#[derive(Debug, Default)]
struct Track {
    client: Option<Client>,
    /// Somebody is its client, or was.
    was_given: bool,
    /// The recorded connection is open, as far as it was played.
    is_open: bool,
}

impl Audience for Clients {
    fn accept(
        &mut self,
        door: &mut Door,
        config: &SimulatorConfig,
        now_ns: u64,
    ) -> Result<bool, SimulatorError> {
        let mut accepted = false;
        while let Some(stream) = door.next()? {
            let present = self.count();
            self.others.extend(door.admit(stream, &config.faults, present, now_ns));
            accepted = true;
        }
        Ok(accepted)
    }

    fn hear(&mut self, config: &SimulatorConfig, now_ns: u64) -> bool {
        let waiting = &mut self.waiting;
        let mut busy = self.others.hear(config, now_ns, &mut self.report, |connection, _| {
            waiting.push_back(Client::new(connection, now_ns));
        });
        for track in &mut self.tracks {
            let Some(client) = &mut track.client else { continue };
            busy |= client.hear(config, now_ns, &mut self.report, &mut self.recorded);
            let gone = track.client.take_if(|client| !client.connection.is_open());
            self.others.extend(gone.map(|client| client.connection));
        }
        for index in (0..self.waiting.len()).rev() {
            let client = &mut self.waiting[index];
            busy |= client.hear(config, now_ns, &mut self.report, &mut self.recorded);
            if !client.connection.is_open() {
                let gone = self.waiting.remove(index);
                self.others.extend(gone.map(|client| client.connection));
            }
        }
        busy
    }

    fn play(&mut self, entry: &Entry<'_>, config: &SimulatorConfig, now_ns: u64) -> Step {
        match *entry {
            Entry::Received { connection, text, .. } => self.send(connection, text, now_ns),
            Entry::Sent { text, .. } if is_keep_alive(text) => Step::Done,
            Entry::Sent { connection, .. } => self.expect_command(connection, now_ns),
            Entry::Changed { connection, change, .. } => match change.state {
                // One that was not closed before ended with the session that recorded it.
                CONNECTED => match self.disconnect(connection, 0, config, now_ns) {
                    Step::Waits => Step::Waits,
                    _ => self.expect_client(connection),
                },
                DISCONNECTED => self.disconnect(connection, change.code, config, now_ns),
                _ => Step::Done,
            },
            Entry::Hole(_) => {
                self.recorded.holes += 1;
                Step::Done
            }
        }
    }

    fn frames_played(&self) -> u64 {
        self.report.frames_sent
    }

    fn is_blocked(&self) -> bool {
        let mut clients = self.tracks.iter().filter_map(|track| track.client.as_ref());
        clients.any(|client| client.connection.pending() > PENDING_MAX)
    }

    fn flush(&mut self) -> bool {
        let mut busy = false;
        for connection in self.all_mut() {
            busy |= connection.flush();
        }
        busy
    }

    fn close_all(&mut self, ending: Ending, deadline_ns: u64) {
        for connection in self.all_mut() {
            connection.close(ending, "going away", deadline_ns);
        }
    }

    fn bury(&mut self) {
        self.others.bury(&mut self.report);
    }

    fn is_empty(&self) -> bool {
        self.count() == 0
    }

    fn into_report(self, is_complete: bool) -> SimulatorReport {
        let recorded = RecordedReport { is_complete, ..self.recorded };
        SimulatorReport { recorded: Some(recorded), ..self.report }
    }
}

impl Clients {
    pub(crate) fn new(connections: usize, start_after_commands: Option<u32>) -> Self {
        Self {
            tracks: (0..connections).map(|_| Track::default()).collect(),
            waiting: VecDeque::new(),
            others: Others::default(),
            start_after_commands,
            report: SimulatorReport::default(),
            recorded: RecordedReport::default(),
        }
    }

    fn send(&mut self, connection: u8, text: &[u8], now_ns: u64) -> Step {
        let start_after_commands = self.start_after_commands;
        let Some(client) = self.client(connection) else { return Step::Waits };
        if !client.may_begin(start_after_commands, now_ns) {
            return Step::Waits;
        }
        client.connection.push_recorded(text);
        self.report.frames_sent += 1;
        self.report.bytes_sent += text.len() as u64;
        self.tracks[usize::from(connection)].is_open = true;
        Step::Sent
    }

    /// A recorded command: the client has to send one as well.
    fn expect_command(&mut self, connection: u8, now_ns: u64) -> Step {
        let Some(client) = self.client(connection) else { return Step::Waits };
        match client.answers(now_ns) {
            Answer::Sent => {}
            Answer::Missing => self.recorded.commands_missing += 1,
            Answer::Awaited => return Step::Waits,
        }
        Step::Done
    }

    /// A recorded connection was opened: a client has to be there.
    fn expect_client(&mut self, connection: u8) -> Step {
        let Some(client) = self.client(connection) else { return Step::Waits };
        client.is_told = true;
        self.tracks[usize::from(connection)].is_open = true;
        Step::Done
    }

    /// A recorded connection was closed: so is the live one, once its socket has taken every frame.
    /// An attempt that failed closes nothing.
    fn disconnect(
        &mut self,
        connection: u8,
        code: i32,
        config: &SimulatorConfig,
        now_ns: u64,
    ) -> Step {
        let track = &mut self.tracks[usize::from(connection)];
        if !track.is_open {
            return Step::Done;
        }
        if track.client.as_ref().is_some_and(|client| client.connection.pending() > 0) {
            return Step::Waits;
        }
        track.is_open = false;
        let Some(mut client) = track.client.take() else { return Step::Done };
        let code = u16::try_from(code).ok();
        let code = code.filter(|&code| CloseCode::from(code).is_allowed()).unwrap_or(GOING_AWAY);
        let drain_ns = config.drain_ms_max.saturating_mul(1_000_000);
        let deadline_ns = now_ns.saturating_add(drain_ns);
        client.connection.close(Ending::CloseFrame(code), "as recorded", deadline_ns);
        self.others.extend([client.connection]);
        self.recorded.disconnects += 1;
        Step::Done
    }

    /// Who stands in for a recorded connection, once there is somebody. The first clients take the
    /// connections in order, whichever of these speaks first; later ones go where they are needed.
    fn client(&mut self, connection: u8) -> Option<&mut Client> {
        let index = usize::from(connection);
        if self.tracks[index].client.is_none() {
            for (at, track) in self.tracks[..=index].iter_mut().enumerate() {
                if at == index || !track.was_given {
                    track.client = Some(self.waiting.pop_front()?);
                    track.was_given = true;
                }
            }
        }
        self.tracks[index].client.as_mut()
    }

    fn count(&self) -> usize {
        let given = self.tracks.iter().filter(|track| track.client.is_some()).count();
        given + self.waiting.len() + self.others.len()
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        let given = self.tracks.iter_mut().filter_map(|track| track.client.as_mut());
        let open = given.chain(&mut self.waiting).map(|client| &mut client.connection);
        open.chain(self.others.iter_mut())
    }
}

/// A connection of the recording that is open.
const CONNECTED: u8 = ConnectionState::Connected as u8;
/// One that is closed.
const DISCONNECTED: u8 = ConnectionState::Disconnected as u8;
/// The status of a close where none was recorded.
const GOING_AWAY: u16 = 1001;
