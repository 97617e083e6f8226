//! A live connection and its whole life: connect, keep alive, watch, leave, wait, connect again.
//!
//! Everything happens inside [`Source::next`], on the thread of the ingest loop, in turns that wait
//! at most 50 ms; resolving a name is the exception and takes as long as the system's resolver.
//! Time comes from the [`Clock`], randomness from the seed.

mod backoff;
mod config;
mod connection;
mod fetch;
mod governor;
mod key;
mod profile;
mod relay;
mod resync;
mod watchdog;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tickring_event::{ConnectionId, ConnectionState, InstrumentId, Status};
use tickring_metrics::Clock;

use crate::frame::{Frame, Stamp};
use crate::notice::{Notice, NoticeSender};
use crate::socket::{self, Answer, Endpoint, Limits, OpenError, Opening, Plan};
use crate::source::{ConnectionTally, Incoming, KernelTimeTally, Source, SourceError};
use crate::venue::{Action, Command, Fetch, Inbound, Refusal};

use backoff::{Failures, Health};
use connection::{Connection, Ending, FLUSH_RETRY_NS, Rules, Turn, WAIT_NS_MAX};
use governor::Governor;
use resync::{Request, Resyncs};

pub use backoff::Backoff;
pub(crate) use backoff::demanded_s;
pub use config::{KeepAlive, LiveConfig, Polling, Roots};
pub use fetch::{FetchConfig, FetchPort, Fetcher, fetching};
pub use key::ApiKey;
pub(crate) use key::{Redactor, percent_decode, percent_encode};
pub use profile::{Limit, Profile};
pub use relay::RelaySource;

/// Connections in a row that ended before the venue did anything for us, after which the reason
/// comes with a hint.
const UNSERVED_HINT_MIN: u32 = 5;

/// Turns between two looks for snapshots while frames come without a pause.
const EXCHANGE_TURNS: u32 = 64;

/// What to look at when trying again cannot help.
const ADVICE: &str = "trying again cannot help; check the API key (for TickDB: TICKDB_API_KEY) \
                      and what its plan allows";

/// One WebSocket connection with its whole life.
///
/// Allocates nothing per frame once its buffers have grown, save that rustls makes one short-lived
/// allocation for each TLS record. No text it gives away holds the key. Dropping it closes the
/// connection and waits at most 50 ms for the venue to do the same.
pub struct LiveSource {
    config: LiveConfig,
    plan: Arc<Plan>,
    rules: Rules,
    phase: Phase,
    random: fastrand::Rng,
    failures: Failures,
    /// Connections in a row that opened and ended before the venue did anything for us.
    unserved: u32,
    attempts: u32,
    handshakes: u32,
    /// Attempts of all connections that share the venue's limit.
    governor: Arc<Mutex<Governor>>,
    fetch: Option<FetchPort>,
    /// The answer to a fetch, as a frame.
    fetched: String,
    turns: u32,
    /// How the kernel's times were taken on connections that are over.
    kernel_time: KernelTimeTally,
}

enum Phase {
    /// Not wanted.
    Off,
    /// Between two attempts.
    Resting {
        until_ticks: u64,
    },
    Opening(Box<Opening>),
    Open(Box<Connection>),
}

impl LiveSource {
    /// A source that connects with the first [`Source::next`]. `seed` is for the random part of
    /// waits. From here on no clone of `notices` lets the key through.
    ///
    /// # Errors
    /// [`SourceError::Configuration`], as of [`LiveConfig::validate`], or when there is nobody for
    /// TLS to trust.
    pub fn new(
        config: LiveConfig,
        clock: Clock,
        notices: NoticeSender,
        seed: u64,
    ) -> Result<Self, SourceError> {
        config.validate()?;
        let endpoint = Endpoint::new(&config.url, config.key.as_ref(), &config.key_parameter)
            .map_err(SourceError::Configuration)?;
        notices.hide(&endpoint.redactor);
        let ticks = |ms: u64| clock.ns_to_ticks(ms.saturating_mul(1_000_000));
        let limits = Limits {
            connect_ticks_max: ticks(config.connect_ms_max),
            handshake_ticks_max: ticks(config.handshake_ms_max),
            message_bytes_max: config.message_bytes_max,
            frame_bytes_max: config.frame_bytes_max,
        };
        let mut plan =
            Plan::new(endpoint, &config.roots, limits).map_err(SourceError::Configuration)?;
        plan.kernel_time = config.kernel_time;
        let keep_alive = config.keep_alive.as_ref();
        let rules = Rules {
            polling: config.polling,
            keep_alive_ticks: keep_alive.map_or(0, |it| ticks(it.interval_ms)),
            keep_alive: keep_alive.map(|it| it.text.clone().into()),
            messages: Governor::new(config.messages, &clock),
            resyncs: Resyncs::new(
                Governor::new(config.resyncs, &clock),
                Arc::new(Mutex::new(Governor::new(config.fetches, &clock))),
                &clock,
            ),
            must_answer: config.must_answer,
            subscribe_ticks_max: ticks(config.subscribe_ms_max),
            silence_ticks_max: ticks(config.silence_ms_max),
            healthy_ticks_min: ticks(config.healthy_ms_min),
            flush_retry_ticks: clock.ns_to_ticks(FLUSH_RETRY_NS),
            notices,
            clock,
        };
        let governor = Arc::new(Mutex::new(Governor::new(config.attempts, &rules.clock)));
        Ok(Self {
            plan: Arc::new(plan),
            config,
            rules,
            phase: Phase::Resting { until_ticks: 0 },
            random: fastrand::Rng::with_seed(seed),
            failures: Failures::default(),
            unserved: 0,
            attempts: 0,
            handshakes: 0,
            governor,
            fetch: None,
            fetched: String::new(),
            turns: 0,
            kernel_time: KernelTimeTally::default(),
        })
    }

    /// Lets venues fetch snapshots through `port`.
    #[must_use]
    pub fn with_fetch(mut self, port: FetchPort) -> Self {
        self.fetch = Some(port);
        self
    }

    /// Waits a part of the time between two attempts, or begins one.
    fn rest(&mut self, until_ticks: u64, wait_ns_max: u64) -> Incoming<'static> {
        let now = self.rules.clock.ticks();
        let mut governor = self.governor.lock().unwrap_or_else(PoisonError::into_inner);
        let until_ticks = until_ticks.max(governor.ready_ticks());
        if now < until_ticks {
            drop(governor);
            let wait_ns = self.rules.clock.elapsed_ns(now, until_ticks);
            socket::for_time(wait_ns.min(wait_ns_max));
            return Incoming::Idle;
        }
        governor.note(now);
        drop(governor);
        self.attempts = self.attempts.saturating_add(1);
        let host = self.plan.endpoint.name();
        self.rules.notices.send(Notice::Connecting { host, attempt: self.attempts });
        self.phase = Phase::Opening(Box::new(Opening::new(Arc::clone(&self.plan))));
        self.status(ConnectionState::Connecting, 0)
    }

    fn opened(&mut self, mut socket: socket::Socket) -> Incoming<'static> {
        self.handshakes = self.handshakes.saturating_add(1);
        self.rules.notices.send(Notice::Connected { host: self.plan.endpoint.name() });
        if let Some(port) = &mut self.fetch {
            port.start_over();
        }
        if let Some(reason) = socket.no_kernel_time() {
            self.rules.notices.send(Notice::NoKernelTime { reason });
        }
        self.phase = Phase::Open(Box::new(Connection::new(socket, &self.rules)));
        self.status(ConnectionState::Connected, 0)
    }

    fn not_opened(&mut self, error: OpenError) -> Result<Incoming<'static>, SourceError> {
        let ending = match error {
            OpenError::Failed(reason) => Ending::because(reason),
            OpenError::Answered(answer) => self.answered(answer)?,
        };
        self.wait_after(ending, Health::Failed)
    }

    /// What an HTTP answer instead of a WebSocket means.
    fn answered(&self, answer: Answer) -> Result<Ending, SourceError> {
        let Answer { status, retry_after_s, location, body } = answer;
        let words = if body.is_empty() { String::new() } else { format!(" ({body})") };
        let reason = format!("the venue answered the handshake with HTTP {status}{words}");
        // Where no key is needed and it has worked before, it is a ban of the moment.
        let is_ban = self.config.key.is_none() && self.handshakes > 0;
        if status == 401 || status == 403 && !is_ban {
            return Err(self.refused(&format!("{reason}: {ADVICE}")));
        }
        if (300..400).contains(&status) {
            let target = location.map_or(String::new(), |target| format!(" to {target}"));
            let reason = format!(
                "the venue redirects{target} (HTTP {status}); redirects are not followed, since \
                 the API key would go along: set the URL to the final address"
            );
            // Where the address has worked before, a redirect is a venue's trouble of the moment.
            if self.handshakes == 0 {
                return Err(self.refused(&reason));
            }
            return Ok(Ending { code: i32::from(status), ..Ending::because(reason) });
        }
        let delay_ms_min = demanded_s(status, retry_after_s) * 1_000;
        Ok(Ending { code: i32::from(status), delay_ms_min, ..Ending::because(reason) })
    }

    /// An open connection is over.
    fn ended(&mut self, mut ending: Ending) -> Result<Incoming<'static>, SourceError> {
        let mut health = Health::Failed;
        if let Phase::Open(connection) = &mut self.phase {
            health = connection.health(&self.rules);
            self.kernel_time.merge(connection.kernel_time());
            connection.close();
            self.unserved = if connection.was_served() { 0 } else { self.unserved + 1 };
        }
        if ending.is_final {
            return Err(self.refused(&ending.reason));
        }
        if self.unserved >= UNSERVED_HINT_MIN {
            ending.reason.push_str(&format!(
                "; {} connections in a row ended before the venue answered anything: check the \
                 API key and how many connections its plan allows",
                self.unserved
            ));
        }
        self.wait_after(ending, health)
    }

    /// Says why, and sets the time of the next attempt.
    fn wait_after(
        &mut self,
        ending: Ending,
        health: Health,
    ) -> Result<Incoming<'static>, SourceError> {
        let Ending { reason, code, delay_ms_min, .. } = ending;
        self.failures.note(health);
        let failures = self.failures.in_a_row;
        if self.config.attempts_max.is_some_and(|attempts_max| failures >= attempts_max) {
            let text = format!("gave up after {failures} attempts in a row; the last: {reason}");
            return Err(self.refused(&text));
        }
        self.rules.notices.send(Notice::Disconnected { reason });
        let delay_ms = self.config.backoff.delay_ms(failures, delay_ms_min, &mut self.random);
        self.rules.notices.send(Notice::Waiting { delay_ms });
        let clock = &self.rules.clock;
        let delay_ticks = clock.ns_to_ticks(delay_ms.saturating_mul(1_000_000));
        self.phase = Phase::Resting { until_ticks: clock.ticks().saturating_add(delay_ticks) };
        Ok(self.status(ConnectionState::Disconnected, code))
    }

    fn refused(&self, text: &str) -> SourceError {
        SourceError::Refused(self.plan.endpoint.redactor.clean(text))
    }

    fn stamp(&self, arrival_ticks: u64) -> Stamp {
        Stamp { connection: self.config.connection, arrival_ticks }
    }

    fn status(&self, state: ConnectionState, code: i32) -> Incoming<'static> {
        let stamp = self.stamp(self.rules.clock.ticks());
        Incoming::Status(stamp, Status { state, attempt: self.attempts, code })
    }

    /// The frame of the last turn.
    fn frame(&self) -> Incoming<'_> {
        let Phase::Open(connection) = &self.phase else { return Incoming::Idle };
        let stamp = self.stamp(connection.arrival_ticks());
        Incoming::Frame(Frame { stamp, text: connection.text() })
    }

    /// What a refusal means for the connection.
    fn follow(&mut self, refusal: &Refusal) -> Result<(), SourceError> {
        let Refusal { code, message, action, .. } = refusal;
        let reason = format!("the venue refused with code {code} ({message})");
        match *action {
            Action::Continue => {}
            Action::Reconnect { delay_ms_min } => {
                if let Phase::Open(connection) = &mut self.phase {
                    let code = i32::try_from(*code).unwrap_or_default();
                    connection.end(Ending { code, delay_ms_min, ..Ending::because(reason) });
                }
            }
            Action::Stop => return Err(self.refused(&format!("{reason}: {ADVICE}"))),
        }
        Ok(())
    }
}

/// What a [`RelaySource`] needs of its connections.
impl LiveSource {
    /// As [`Source::next`], with a wait of at most `wait_ns_max`.
    fn next_within(&mut self, wait_ns_max: u64) -> Result<Incoming<'_>, SourceError> {
        // Also on a socket that always has a frame: what waits there waits for a snapshot.
        self.turns = self.turns.wrapping_add(1);
        if self.turns.is_multiple_of(EXCHANGE_TURNS) && self.exchange() {
            return Ok(self.fetched());
        }
        match &mut self.phase {
            Phase::Open(connection) => match connection.turn(&self.rules, wait_ns_max) {
                Turn::Frame => Ok(self.frame()),
                Turn::Idle if self.exchange() => Ok(self.fetched()),
                Turn::Idle => Ok(Incoming::Idle),
                Turn::Stale => Ok(self.status(ConnectionState::Stale, 0)),
                Turn::Ended(ending) => self.ended(ending),
            },
            Phase::Opening(opening) => match opening.turn(&self.rules.clock, wait_ns_max) {
                Ok(None) => Ok(Incoming::Idle),
                Ok(Some(socket)) => Ok(self.opened(socket)),
                Err(error) => self.not_opened(error),
            },
            &mut Phase::Resting { until_ticks } => Ok(self.rest(until_ticks, wait_ns_max)),
            Phase::Off => Ok(Incoming::Idle),
        }
    }

    /// When the connection that is open now was opened.
    const fn opened_ticks(&self) -> Option<u64> {
        match &self.phase {
            Phase::Open(connection) => Some(connection.opened_ticks()),
            Phase::Off | Phase::Resting { .. } | Phase::Opening(_) => None,
        }
    }

    /// Stays unconnected until [`LiveSource::begin`].
    fn off(mut self) -> Self {
        self.phase = Phase::Off;
        self
    }

    /// Connects with the next turn.
    fn begin(&mut self) {
        self.phase = Phase::Resting { until_ticks: 0 };
    }

    /// Closes what is open, for good, and gives the status that says so.
    fn leave(&mut self) -> Incoming<'static> {
        if let Phase::Open(connection) = &mut self.phase {
            self.kernel_time.merge(connection.kernel_time());
            connection.close();
        }
        self.phase = Phase::Off;
        self.status(ConnectionState::Disconnected, 0)
    }

    /// Hands snapshots over to be fetched, and takes an answer that has come: true where it is a frame.
    fn exchange(&mut self) -> bool {
        let Some(port) = &mut self.fetch else { return false };
        let Phase::Open(connection) = &mut self.phase else { return false };
        while let Some(fetch) = connection.take_fetch() {
            let instrument = fetch.instrument;
            if !port.ask(fetch) {
                connection.fetch_answered(&self.rules, instrument);
            }
        }
        while let Some((instrument, frame)) = port.answer() {
            connection.fetch_answered(&self.rules, instrument);
            if let Some(frame) = frame {
                self.fetched = frame;
                return true;
            }
        }
        false
    }

    /// The snapshot that was fetched.
    fn fetched(&self) -> Incoming<'_> {
        let stamp = self.stamp(self.rules.clock.ticks());
        Incoming::Frame(Frame { stamp, text: self.fetched.as_bytes() })
    }
}

impl Source for LiveSource {
    fn next(&mut self) -> Result<Incoming<'_>, SourceError> {
        self.next_within(WAIT_NS_MAX)
    }

    fn command(&mut self, _connection: ConnectionId, command: Command) {
        let Phase::Open(connection) = &mut self.phase else { return };
        match command {
            Command::Send(text) => {
                self.rules.notices.send(Notice::Sent { command: text.clone() });
                connection.ask(&self.rules, text);
            }
            Command::Resync { instrument, texts } => {
                self.rules.notices.send(Notice::Sent { command: texts.join(" ") });
                connection.resync(&self.rules, instrument, Request::Texts(texts));
            }
            Command::Fetch(fetch) if self.fetch.is_some() => {
                connection.resync(&self.rules, fetch.instrument, Request::Fetch(fetch));
            }
            Command::Fetch(Fetch { symbol, .. }) => {
                let reason = format!("no snapshot of {symbol}: no REST address is configured");
                self.rules.notices.send(Notice::Unfetched { reason });
            }
            // One connection alone cannot replace itself without a gap: the venue's close will.
            Command::Renew => {}
            Command::Leave => drop(self.leave()),
        }
    }

    fn snapshot_came(&mut self, _connection: ConnectionId, instrument: InstrumentId) {
        if let Phase::Open(connection) = &mut self.phase {
            connection.snapshot_came(instrument);
        }
    }

    fn answer(&mut self, _connection: ConnectionId, inbound: &Inbound) -> Result<(), SourceError> {
        let Phase::Open(connection) = &mut self.phase else { return Ok(()) };
        let complete = match inbound {
            Inbound::Data(_) => {
                connection.note_data();
                return Ok(());
            }
            Inbound::Pong | Inbound::Ignored(_) => return Ok(()),
            Inbound::Ack { complete } => {
                connection.note_accepted();
                *complete
            }
            Inbound::Refused(refusal) => refusal.complete,
        };
        if complete && connection.note_complete() {
            self.rules.notices.send(Notice::Subscribed);
        }
        if let Inbound::Refused(refusal) = inbound { self.follow(refusal) } else { Ok(()) }
    }

    fn keep_alive(&mut self) {
        if let Phase::Open(connection) = &mut self.phase {
            connection.keep_alive(&self.rules);
        }
    }

    #[inline]
    fn kernel_wait_ticks(&self, stamp: Stamp) -> Option<u64> {
        let Phase::Open(connection) = &self.phase else { return None };
        connection.kernel_wait_ticks(stamp.arrival_ticks)
    }

    fn kernel_time(&self) -> Option<KernelTimeTally> {
        let mut tally = self.kernel_time;
        if let Phase::Open(connection) = &self.phase {
            tally.merge(connection.kernel_time());
        }
        self.config.kernel_time.then_some(tally)
    }

    fn hide_secrets(&self, text: &mut [u8]) {
        self.plan.endpoint.redactor.blank(text);
    }

    fn tally(&self) -> ConnectionTally {
        ConnectionTally {
            attempts: u64::from(self.attempts),
            reconnects: u64::from(self.handshakes.saturating_sub(1)),
        }
    }
}

impl Drop for LiveSource {
    fn drop(&mut self) {
        if let Phase::Open(connection) = &mut self.phase {
            connection.close();
        }
    }
}

impl fmt::Debug for LiveSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match &self.phase {
            Phase::Off => "off",
            Phase::Resting { .. } => "resting",
            Phase::Opening(_) => "opening",
            Phase::Open(_) => "open",
        };
        out.debug_struct("LiveSource")
            .field("config", &self.config)
            .field("phase", &phase)
            .field("tally", &self.tally())
            .finish_non_exhaustive()
    }
}
