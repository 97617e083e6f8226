//! A venue's trading floor: clients that subscribe, and one recording for all of them.

use tickring_capture::Entry;

use super::keep_alive::is_keep_alive;
use super::others::Others;
use super::{Audience, Step};
use crate::dialect::{Dialect, Subscriber};
use crate::feed::recording;
use crate::server::HEARD_MAX;
use crate::server::connection::{Connection, Heard};
use crate::server::door::Door;
use crate::server::http::Desk;
use crate::server::send::PENDING_MAX;
use crate::{
    Ending, Feed, Protocol, SimulatorConfig, SimulatorError, SimulatorReport, Speed, VenueReport,
};

/// Everybody who is connected to a venue.
#[derive(Debug)]
pub(crate) struct Floor {
    dialect: Box<dyn Dialect>,
    desk: Desk,
    clients: Vec<Client>,
    others: Others,
    gate: Gate,
    cuts: CutPlan,
    /// Frames have times to keep. Without, they wait while an answer over HTTP is being read, or a
    /// whole session would be gone by then.
    is_paced: bool,
    get_wait_ns_max: u64,
    /// Since when the recording waits for an HTTP request.
    get_awaited_ns: Option<u64>,
    report: SimulatorReport,
    venue: VenueReport,
}

/// How a venue's recording is to be served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FloorPlan {
    protocol: Protocol,
    start_after: Option<u32>,
    get_wait_ms_max: u64,
    cuts: CutPlan,
    is_paced: bool,
}

/// Cuts, spread evenly over frames.
#[derive(Clone, Copy, Debug)]
struct CutPlan {
    count: u32,
    frames: u64,
}

/// One live client.
#[derive(Debug)]
struct Client {
    connection: Connection,
    subscriber: Subscriber,
    /// It was told that its connection is about to be closed.
    was_told: bool,
}

/// Whether the recording may go on.
#[derive(Debug)]
struct Gate {
    /// Subscribe commands after which it begins.
    after: Option<u32>,
    /// Those since it was shut.
    commands: u32,
    /// When the last command of any kind came.
    spoke_ns: u64,
    is_open: bool,
    was_open: bool,
}

impl FloorPlan {
    /// What a configuration asks for, whose feed must be a venue's.
    pub(crate) fn of(config: &SimulatorConfig) -> Result<Self, SimulatorError> {
        let Feed::Venue { protocol, paths, speed, start_after, get_wait_ms_max } = &config.feed
        else {
            return Err(SimulatorError::Config("the feed is no venue's"));
        };
        let count = config.faults.cuts.count;
        let frames = if count > 0 { recording::frames(paths)? } else { 0 };
        let frames = config.frames_max.map_or(frames, |max| max.min(frames));
        let (start_after, get_wait_ms_max) = (*start_after, *get_wait_ms_max);
        let cuts = CutPlan { count, frames };
        let is_paced = *speed != Speed::Max;
        Ok(Self { protocol: *protocol, start_after, get_wait_ms_max, cuts, is_paced })
    }
}

impl Floor {
    pub(crate) fn new(plan: FloorPlan) -> Self {
        let FloorPlan { protocol, start_after, get_wait_ms_max, cuts, is_paced } = plan;
        Self {
            dialect: protocol.dialect(),
            desk: Desk::new(get_wait_ms_max),
            clients: Vec::new(),
            others: Others::default(),
            gate: Gate::new(start_after),
            cuts,
            is_paced,
            get_wait_ns_max: get_wait_ms_max.saturating_mul(1_000_000),
            get_awaited_ns: None,
            report: SimulatorReport::default(),
            venue: VenueReport::default(),
        }
    }

    fn hear_clients(&mut self, config: &SimulatorConfig, now_ns: u64) -> bool {
        let mut busy = false;
        for client in &mut self.clients {
            for _ in 0..HEARD_MAX {
                match client.connection.hear(now_ns) {
                    Heard::Nothing => break,
                    Heard::Text(text) => {
                        let answered = client.answer(&mut *self.dialect, &text);
                        if is_keep_alive(text.as_bytes()) {
                            self.report.pings += 1;
                        } else {
                            self.venue.commands += 1;
                            self.gate.note(answered, now_ns);
                        }
                        self.report.subscriptions += answered.topics;
                    }
                    Heard::Opened(_) | Heard::Refused | Heard::Other => {}
                }
                busy = true;
            }
            self.venue.notices += u64::from(client.tell(&mut *self.dialect, config, now_ns));
            client.connection.keep_time(config, now_ns);
        }
        let left = self.clients.extract_if(.., |client| !client.connection.is_open());
        self.others.extend(left.map(|client| client.connection));
        busy
    }

    fn play_frame(&mut self, text: &[u8], config: &SimulatorConfig, now_ns: u64) -> Step {
        if !self.may_go_on(now_ns) {
            return Step::Waits;
        }
        if self.cuts.is_due(self.venue.cuts, self.venue.frames_played) {
            self.cut_all(config, now_ns);
            return Step::Waits;
        }
        let is_held_up = !self.is_paced && self.desk.is_answering(now_ns);
        if is_held_up || self.awaits_get(text, now_ns) {
            return Step::Waits;
        }
        let topic = self.dialect.take(text);
        self.venue.frames_played += 1;
        let sent_before = self.report.frames_sent;
        if let Some(topic) = topic {
            self.send(&topic, text);
        }
        if self.desk.is_asked() {
            let faults = &config.faults.http;
            self.desk.answer(&mut *self.dialect, faults, now_ns, &mut self.venue);
        }
        if self.report.frames_sent == sent_before {
            self.venue.frames_unclaimed += 1;
            return Step::Done;
        }
        Step::Sent
    }

    /// Hands a frame to whoever subscribed to its topic.
    fn send(&mut self, topic: &str, text: &[u8]) {
        for Client { connection, subscriber, .. } in &mut self.clients {
            if connection.is_open() && subscriber.topics.contains(topic) {
                let text = self.dialect.render(subscriber, text);
                connection.push_counted(&text);
                self.report.frames_sent += 1;
                self.report.bytes_sent += text.len() as u64;
            }
        }
    }

    /// Whether there is somebody to play for, who has said what he wants.
    fn may_go_on(&mut self, now_ns: u64) -> bool {
        let is_here =
            |client: &Client| client.connection.is_open() && !client.subscriber.topics.is_empty();
        if self.clients.iter().any(is_here) {
            self.gate.opens(now_ns)
        } else {
            self.gate.shut();
            false
        }
    }

    /// Whether an answer comes next that somebody should have asked for first.
    fn awaits_get(&mut self, text: &[u8], now_ns: u64) -> bool {
        if !self.dialect.awaits_get(text) {
            self.get_awaited_ns = None;
            return false;
        }
        let since_ns = *self.get_awaited_ns.get_or_insert(now_ns);
        if now_ns.saturating_sub(since_ns) < self.get_wait_ns_max {
            return true;
        }
        self.get_awaited_ns = None;
        self.venue.gets_missing += 1;
        false
    }

    fn cut_all(&mut self, config: &SimulatorConfig, now_ns: u64) {
        let deadline_ns = now_ns.saturating_add(config.drain_ms_max.saturating_mul(1_000_000));
        for mut client in self.clients.drain(..) {
            match config.faults.cuts.ending {
                Ending::Tcp => {
                    let lost = client.connection.cut(deadline_ns);
                    self.report.bytes_undelivered += lost.bytes as u64;
                    self.venue.frames_undelivered += lost.frames;
                }
                ending @ Ending::CloseFrame(_) => {
                    client.connection.close(ending, "cut", deadline_ns);
                }
            }
            self.others.extend([client.connection]);
        }
        self.venue.cuts += 1;
        self.gate.shut();
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        let clients = self.clients.iter_mut().map(|client| &mut client.connection);
        clients.chain(self.others.iter_mut())
    }
}

impl Audience for Floor {
    fn accept(
        &mut self,
        door: &mut Door,
        config: &SimulatorConfig,
        now_ns: u64,
    ) -> Result<bool, SimulatorError> {
        let mut busy = false;
        while let Some(stream) = door.next()? {
            self.desk.arrive(stream, now_ns);
            busy = true;
        }
        for stream in self.desk.sort(now_ns) {
            let present = self.clients.len() + self.others.len();
            self.others.extend(door.admit(stream, &config.faults, present, now_ns));
            busy = true;
        }
        Ok(busy)
    }

    fn hear(&mut self, config: &SimulatorConfig, now_ns: u64) -> bool {
        let (clients, dialect) = (&mut self.clients, &mut self.dialect);
        let mut busy =
            self.others.hear(config, now_ns, &mut self.report, |connection, admission| {
                let subscriber = Subscriber { path: admission.path, ..Subscriber::default() };
                let mut client = Client { connection, subscriber, was_told: false };
                let greeting = dialect.greet(&mut client.subscriber);
                greeting.iter().for_each(|it| client.connection.push_reply(it.as_bytes()));
                // Some subscribe by the path of the handshake.
                let topics = client.subscriber.topics.len() as u64;
                self.gate.note(Answered { topics }, now_ns);
                clients.push(client);
            });
        busy |= self.hear_clients(config, now_ns);
        let faults = &config.faults.http;
        busy |= self.desk.answer(&mut *self.dialect, faults, now_ns, &mut self.venue);
        busy | self.desk.flush(now_ns)
    }

    fn play(&mut self, entry: &Entry<'_>, config: &SimulatorConfig, now_ns: u64) -> Step {
        match *entry {
            Entry::Received { text, .. } => self.play_frame(text, config, now_ns),
            // Live clients send what they like, and come and go.
            Entry::Sent { .. } | Entry::Changed { .. } => Step::Done,
            Entry::Hole(_) => {
                self.venue.holes += 1;
                Step::Done
            }
        }
    }

    fn frames_played(&self) -> u64 {
        self.venue.frames_played
    }

    fn is_blocked(&self) -> bool {
        self.clients.iter().any(|client| client.connection.pending() > PENDING_MAX)
    }

    fn flush(&mut self) -> bool {
        let mut busy = false;
        for connection in self.all_mut() {
            busy |= connection.flush();
        }
        busy
    }

    fn bury(&mut self) {
        self.venue.frames_undelivered += self.others.bury(&mut self.report);
    }

    fn close_all(&mut self, ending: Ending, deadline_ns: u64) {
        self.desk.clear();
        for connection in self.all_mut() {
            connection.close(ending, "going away", deadline_ns);
        }
    }

    fn is_empty(&self) -> bool {
        self.clients.len() + self.others.len() + self.desk.count() == 0
    }

    fn into_report(self, is_complete: bool) -> SimulatorReport {
        let venue = VenueReport { is_complete, ..self.venue };
        SimulatorReport { venue: Some(venue), ..self.report }
    }
}

/// What an answered command changed.
#[derive(Clone, Copy, Debug)]
struct Answered {
    /// Topics that were subscribed by it.
    topics: u64,
}

impl Client {
    fn answer(&mut self, dialect: &mut dyn Dialect, text: &str) -> Answered {
        let before = self.subscriber.topics.clone();
        for answer in dialect.answer(&mut self.subscriber, text) {
            self.connection.push_reply(answer.as_bytes());
        }
        Answered { topics: self.subscriber.topics.difference(&before).count() as u64 }
    }

    /// Says that the connection will be closed for its age, once it is time; true when it is now.
    fn tell(&mut self, dialect: &mut dyn Dialect, config: &SimulatorConfig, now_ns: u64) -> bool {
        let Some(age_ms_max) = config.faults.age_ms_max.filter(|_| !self.was_told) else {
            return false;
        };
        let notice_ms = config.faults.notice_ms.unwrap_or(NOTICE_MS).min(age_ms_max);
        if !self.connection.is_open() || self.connection.age_ms(now_ns) < age_ms_max - notice_ms {
            return false;
        }
        self.was_told = true;
        let words = dialect.farewell(&mut self.subscriber);
        words.iter().for_each(|it| self.connection.push_reply(it.as_bytes()));
        !words.is_empty()
    }
}

impl CutPlan {
    /// Whether it is time for the next cut.
    fn is_due(self, done: u32, frames_played: u64) -> bool {
        let part = u128::from(self.frames) * (u128::from(done) + 1);
        done < self.count && u128::from(frames_played) >= part / (u128::from(self.count) + 1)
    }
}

impl Gate {
    const fn new(after: Option<u32>) -> Self {
        Self { after, commands: 0, spoke_ns: 0, is_open: false, was_open: false }
    }

    /// A command was answered.
    fn note(&mut self, answered: Answered, now_ns: u64) {
        self.spoke_ns = now_ns;
        self.commands = self.commands.saturating_add(u32::from(answered.topics > 0));
    }

    /// Whether it is open now. Who comes back need not say as much as was needed at first.
    fn opens(&mut self, now_ns: u64) -> bool {
        let is_quiet = now_ns.saturating_sub(self.spoke_ns) >= QUIET_NS;
        let is_enough = self.after.is_some_and(|after| self.commands >= after);
        let may_be_quiet = self.after.is_none() || self.was_open;
        self.is_open = self.is_open || is_enough || (may_be_quiet && is_quiet);
        self.was_open |= self.is_open;
        self.is_open
    }

    const fn shut(&mut self) {
        self.is_open = false;
        self.commands = 0;
    }
}

/// Silence of all clients after which no further subscription is expected.
const QUIET_NS: u64 = 100_000_000;
/// How long before it closes a connection the venue says so.
const NOTICE_MS: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_spread_evenly() {
        let positions = |count, frames| -> Vec<u64> {
            let plan = CutPlan { count, frames };
            let mut done = 0;
            let due = |played: &u64| {
                let is_due = plan.is_due(done, *played);
                done += u32::from(is_due);
                is_due
            };
            (0..=frames).filter(due).collect()
        };
        assert!(positions(0, 10).is_empty());
        assert_eq!(positions(1, 10), [5]);
        assert_eq!(positions(3, 100), [25, 50, 75]);
        assert_eq!(positions(3, 10), [2, 5, 7]);
    }

    #[test]
    fn a_recording_begins_after_as_many_commands_or_in_silence() {
        let subscribed = Answered { topics: 2 };
        let mut gate = Gate::new(Some(2));
        gate.note(subscribed, 5);
        assert!(!gate.opens(u64::MAX), "silence is not enough");
        gate.note(Answered { topics: 0 }, 5);
        assert!(!gate.opens(5));
        gate.note(subscribed, 5);
        assert!(gate.opens(5));
        gate.shut();
        gate.note(subscribed, 6);
        assert!(!gate.opens(QUIET_NS + 5));
        assert!(gate.opens(QUIET_NS + 6), "whoever comes back says what he likes");

        let mut gate = Gate::new(None);
        gate.note(subscribed, 5);
        assert!(!gate.opens(QUIET_NS + 4));
        assert!(gate.opens(QUIET_NS + 5));
        gate.note(subscribed, QUIET_NS + 6);
        assert!(gate.opens(QUIET_NS + 6), "it stays open");
    }
}
