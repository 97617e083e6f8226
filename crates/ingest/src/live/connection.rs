//! One open connection: its frames, its timers, its watchdog.

use std::collections::VecDeque;

use tickring_event::InstrumentId;
use tickring_metrics::Clock;

use crate::live::backoff::Health;
use crate::live::config::Polling;
use crate::live::governor::Governor;
use crate::live::resync::{Request, Resyncs};
use crate::live::watchdog::Watchdog;
use crate::notice::{Notice, NoticeSender};
use crate::socket::{Ended, Polled, Socket, Utf8Bytes};
use crate::source::KernelTimeTally;
use crate::venue::Fetch;

/// No wait is longer, so that a stop flag is seen soon.
pub(crate) const WAIT_NS_MAX: u64 = 50_000_000;

/// Time between two tries to send what the socket did not take.
pub(crate) const FLUSH_RETRY_NS: u64 = 2_000_000;

/// A due time that never comes.
const NEVER: u64 = u64::MAX;

/// What every connection of a source lives by, in ticks.
pub(crate) struct Rules {
    pub(crate) clock: Clock,
    pub(crate) notices: NoticeSender,
    pub(crate) polling: Polling,
    pub(crate) keep_alive: Option<Utf8Bytes>,
    pub(crate) keep_alive_ticks: u64,
    /// Limits of each new connection, nothing done yet.
    pub(crate) messages: Governor,
    pub(crate) resyncs: Resyncs,
    pub(crate) subscribe_ticks_max: u64,
    /// Every command is answered, as the venue documents.
    pub(crate) must_answer: bool,
    pub(crate) silence_ticks_max: u64,
    pub(crate) healthy_ticks_min: u64,
    pub(crate) flush_retry_ticks: u64,
}

impl Rules {
    /// Milliseconds from `start` to `end`.
    pub(crate) fn elapsed_ms(&self, start: u64, end: u64) -> u64 {
        self.clock.elapsed_ns(start, end) / 1_000_000
    }
}

/// A text that waits for its turn.
struct Waiting {
    text: Utf8Bytes,
    /// It is an opening command, whose answer is waited for.
    is_asked: bool,
}

/// Why a connection is over, and what its end asks of the next attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Ending {
    pub(crate) reason: String,
    /// A close code or HTTP status; 0 where there is none.
    pub(crate) code: i32,
    /// Shortest wait before the next attempt.
    pub(crate) delay_ms_min: u64,
    /// There is no next attempt: it would end in the same way.
    pub(crate) is_final: bool,
}

impl Ending {
    pub(crate) fn because(reason: String) -> Self {
        Self { reason, code: 0, delay_ms_min: 0, is_final: false }
    }
}

impl From<Ended> for Ending {
    fn from(Ended { code, reason, is_final }: Ended) -> Self {
        Self { reason, code: code.map_or(0, i32::from), delay_ms_min: 0, is_final }
    }
}

/// What one turn brought.
pub(crate) enum Turn {
    /// A frame: [`Connection::text`].
    Frame,
    /// Nothing for the caller.
    Idle,
    /// Nothing came for too long; the next turn ends the connection.
    Stale,
    /// The connection is over.
    Ended(Ending),
}

/// One open connection.
pub(crate) struct Connection {
    socket: Socket,
    opened_ticks: u64,
    watchdog: Watchdog,
    /// Any frame came, control frames included.
    heard: bool,
    /// Market data came.
    data: bool,
    /// A command was accepted.
    accepted: bool,
    /// When the first of the commands that wait for an answer was sent.
    asked_ticks: u64,
    /// When those answers are late.
    answers_due: u64,
    /// They were late before.
    has_missed: bool,
    keep_alive_due: u64,
    /// One is due and has to wait for its turn.
    keep_alive_waits: bool,
    flush_due: u64,
    /// Texts that wait for their turn, the next one first.
    outbox: VecDeque<Waiting>,
    messages: Governor,
    /// Books that have to start over.
    resyncs: Resyncs,
    /// Snapshots whose turn to be fetched has come.
    fetches: Vec<Fetch>,
    /// Set by whatever decides that it must end; carried out by the next turn.
    ending: Option<Ending>,
}

impl Connection {
    pub(crate) fn new(socket: Socket, rules: &Rules) -> Self {
        let now = rules.clock.ticks();
        let keep_alive_due = match rules.keep_alive {
            Some(_) => now.saturating_add(rules.keep_alive_ticks),
            None => NEVER,
        };
        Self {
            socket,
            opened_ticks: now,
            watchdog: Watchdog::new(now, rules.silence_ticks_max),
            heard: false,
            data: false,
            accepted: false,
            asked_ticks: now,
            answers_due: NEVER,
            has_missed: false,
            keep_alive_due,
            keep_alive_waits: false,
            flush_due: 0,
            outbox: VecDeque::new(),
            messages: rules.messages.clone(),
            resyncs: rules.resyncs.clone(),
            fetches: Vec::new(),
            ending: None,
        }
    }

    /// Reads once and does what is due; waits at most `wait_ns_max` where nothing came.
    #[inline]
    pub(crate) fn turn(&mut self, rules: &Rules, wait_ns_max: u64) -> Turn {
        if let Some(ending) = self.ending.take() {
            return Turn::Ended(ending);
        }
        match self.socket.poll(&rules.clock) {
            Ok(Polled::Frame) => {
                self.hear(rules);
                Turn::Frame
            }
            Ok(Polled::Control) => {
                self.hear(rules);
                Turn::Idle
            }
            // A message of megabytes is a long sign of life.
            Ok(Polled::Partial) => {
                self.hear(rules);
                Turn::Idle
            }
            Ok(Polled::Empty) => self.empty_turn(rules, wait_ns_max),
            Err(ended) => Turn::Ended(ended.into()),
        }
    }

    /// The frame of the last turn; empty when there was none.
    #[inline]
    pub(crate) fn text(&self) -> &[u8] {
        self.socket.text()
    }

    /// When it arrived.
    #[inline]
    pub(crate) const fn arrival_ticks(&self) -> u64 {
        self.socket.arrival_ticks()
    }

    /// How long what arrived then had waited in the kernel, where that is known.
    #[inline]
    pub(crate) fn kernel_wait_ticks(&self, arrival_ticks: u64) -> Option<u64> {
        let wait_ticks = self.socket.kernel_wait_ticks()?;
        (arrival_ticks == self.socket.arrival_ticks()).then_some(wait_ticks)
    }

    /// How the kernel's times were taken on this connection.
    pub(crate) const fn kernel_time(&self) -> KernelTimeTally {
        self.socket.kernel_time()
    }

    #[inline]
    fn hear(&mut self, rules: &Rules) {
        self.heard = true;
        let arrival = self.socket.arrival_ticks();
        self.watchdog.frame(arrival);
        self.work(rules, arrival);
    }

    /// Everything that is judged only when nothing came: a busy reader cannot fake silence.
    fn empty_turn(&mut self, rules: &Rules, wait_ns_max: u64) -> Turn {
        let now = rules.clock.ticks();
        self.work(rules, now);
        if now >= self.answers_due {
            self.miss_answers(rules, now);
        }
        if let Some(silence_ticks) = self.watchdog.empty(now) {
            let silence_ms = rules.elapsed_ms(0, silence_ticks);
            rules.notices.send(Notice::Stale { silence_ms });
            self.end(Ending::because(format!("nothing came for {silence_ms} ms")));
            return Turn::Stale;
        }
        if rules.polling == Polling::Block && self.ending.is_none() {
            self.wait(rules, now, wait_ns_max);
        }
        Turn::Idle
    }

    fn wait(&mut self, rules: &Rules, now: u64, wait_ns_max: u64) {
        let mut due = self.keep_alive_due.min(self.answers_due);
        if self.keep_alive_waits || !self.outbox.is_empty() {
            due = due.min(self.messages.ready_ticks());
        }
        let wait_ns = rules.clock.elapsed_ns(now, due).min(wait_ns_max);
        if wait_ns == 0 {
            return;
        }
        if let Err(ended) = self.socket.wait(wait_ns) {
            self.end(ended.into());
        }
        // A process that was stopped in here heard nothing: no more than the wait itself counts.
        let wait_end = now.saturating_add(rules.clock.ns_to_ticks(wait_ns));
        self.watchdog.listened(rules.clock.ticks().min(wait_end));
    }

    /// Late answers. Where the venue must answer they are waited for once more; then the connection
    /// ends, since what was asked for may never have been heard.
    fn miss_answers(&mut self, rules: &Rules, now: u64) {
        self.answers_due = NEVER;
        let waited_ms = rules.elapsed_ms(self.asked_ticks, now);
        let gives_up = self.has_missed && rules.must_answer;
        if self.heard && !gives_up {
            rules.notices.send(Notice::Unanswered { waited_ms });
            if rules.must_answer {
                self.has_missed = true;
                self.answers_due = now.saturating_add(rules.subscribe_ticks_max);
            }
        } else if gives_up {
            self.end(Ending::because(format!(
                "not every subscription was answered within {waited_ms} ms"
            )));
        } else {
            self.end(Ending::because(format!("nothing was answered within {waited_ms} ms")));
        }
    }

    /// Sends what is due. Reads nothing.
    #[inline]
    fn work(&mut self, rules: &Rules, now: u64) {
        if now >= self.keep_alive_due {
            self.keep_alive_due = now.saturating_add(rules.keep_alive_ticks);
            self.keep_alive_waits = rules.keep_alive.is_some();
        }
        if self.keep_alive_waits || !self.outbox.is_empty() || !self.resyncs.is_empty() {
            self.send_waiting(rules);
        }
        if self.socket.has_unsent() && now >= self.flush_due {
            self.flush_due = now.saturating_add(rules.flush_retry_ticks);
            if let Err(ended) = self.socket.flush() {
                self.end(ended.into());
            }
        }
    }

    /// Keep-alive work for a thread that cannot read now.
    pub(crate) fn keep_alive(&mut self, rules: &Rules) {
        let now = rules.clock.ticks();
        self.watchdog.present(now);
        self.work(rules, now);
    }

    /// Sends what waits, as far as the venue's limits allow.
    #[cold]
    fn send_waiting(&mut self, rules: &Rules) {
        // Not the arrival of a frame, which may be long ago: limits count from the sending.
        let now = rules.clock.ticks();
        while let Some(request) = self.resyncs.next(now) {
            match request {
                Request::Texts(texts) => {
                    let waiting = |text: String| Waiting { text: text.into(), is_asked: false };
                    self.outbox.extend(texts.into_iter().map(waiting));
                }
                Request::Fetch(fetch) => self.fetches.push(fetch),
            }
        }
        if self.keep_alive_waits
            && self.messages.ready_ticks() <= now
            && let Some(text) = &rules.keep_alive
        {
            self.keep_alive_waits = false;
            self.messages.note(now);
            self.send_text(text.clone());
        }
        while self.messages.ready_ticks() <= now
            && let Some(Waiting { text, is_asked }) = self.outbox.pop_front()
        {
            self.messages.note(now);
            if is_asked && self.answers_due != NEVER {
                // One that had to wait for its turn can be answered only from now on.
                self.answers_due = now.saturating_add(rules.subscribe_ticks_max);
            }
            self.send_text(text);
        }
    }

    /// Sends a command, as soon as the venue's limits allow, and expects it to be answered in time.
    pub(crate) fn ask(&mut self, rules: &Rules, command: String) {
        let now = rules.clock.ticks();
        if self.answers_due == NEVER {
            self.asked_ticks = now;
            self.answers_due = now.saturating_add(rules.subscribe_ticks_max);
        }
        self.outbox.push_back(Waiting { text: command.into(), is_asked: true });
        self.send_waiting(rules);
    }

    /// Has a book start over, as soon as the venue's limits allow, and again until it came.
    pub(crate) fn resync(&mut self, rules: &Rules, instrument: InstrumentId, request: Request) {
        self.resyncs.want(instrument, request);
        self.send_waiting(rules);
    }

    /// A fetch of this book was answered, well or not.
    pub(crate) fn fetch_answered(&mut self, rules: &Rules, instrument: InstrumentId) {
        self.resyncs.answered(instrument, rules.clock.ticks());
    }

    /// A snapshot of this book came.
    pub(crate) fn snapshot_came(&mut self, instrument: InstrumentId) {
        self.resyncs.came(instrument);
    }

    /// A snapshot whose turn to be fetched has come.
    pub(crate) fn take_fetch(&mut self) -> Option<Fetch> {
        self.fetches.pop()
    }

    /// When it was opened.
    pub(crate) const fn opened_ticks(&self) -> u64 {
        self.opened_ticks
    }

    fn send_text(&mut self, text: Utf8Bytes) {
        if let Err(ended) = self.socket.send(text) {
            self.end(ended.into());
        }
    }

    /// Market data came.
    #[inline]
    pub(crate) const fn note_data(&mut self) {
        self.data = true;
    }

    /// A command was accepted.
    pub(crate) const fn note_accepted(&mut self) {
        self.accepted = true;
    }

    /// Every command was answered. Gives whether that was waited for.
    pub(crate) const fn note_complete(&mut self) -> bool {
        let waited_for = self.answers_due != NEVER;
        self.answers_due = NEVER;
        waited_for
    }

    /// Lets the next turn end the connection. What was found first stays.
    pub(crate) fn end(&mut self, ending: Ending) {
        self.ending.get_or_insert(ending);
    }

    /// Whether the venue did anything for us.
    pub(crate) const fn was_served(&self) -> bool {
        self.data || self.accepted
    }

    /// Whether it carried data and lasted.
    pub(crate) fn health(&self, rules: &Rules) -> Health {
        let lasted = rules.clock.ticks().saturating_sub(self.opened_ticks);
        if self.data && lasted >= rules.healthy_ticks_min {
            Health::Healthy
        } else {
            Health::Failed
        }
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self) {
        self.socket.close();
    }
}
