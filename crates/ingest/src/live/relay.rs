//! Two connections that relieve each other: before a venue cuts one, the next is open.

use std::sync::Arc;

use tickring_event::{ConnectionId, ConnectionState, InstrumentId, Status};
use tickring_metrics::Clock;

use crate::frame::Stamp;
use crate::live::connection::WAIT_NS_MAX;
use crate::live::{FetchPort, LiveConfig, LiveSource};
use crate::notice::{Notice, NoticeSender};
use crate::source::{ConnectionTally, Incoming, KernelTimeTally, Source, SourceError};
use crate::venue::{Command, Inbound};

/// Longest wait for one connection while two are open: the other must not be kept waiting.
const SHARED_WAIT_NS_MAX: u64 = 500_000;

/// Wait before another connection is opened where one could not be had.
const FORGONE_NS: u64 = 60_000_000_000;

/// The part of its age at which a connection is relieved: 23 of Binance's 24 hours.
const RELIEVED_AT: (u64, u64) = (23, 24);

/// A venue over two connections that relieve each other.
///
/// One leads. When it nears the age at which the venue cuts it, or the venue announces that it will
/// ([`Command::Renew`]), the other is opened beside it. Once that is subscribed to everything and has
/// run beside the first for [`LiveConfig::overlap_ms_min`], it is [`ConnectionState::Settled`]; the
/// ingest loop then lets it take over as soon as its books are whole, and has the first one closed
/// ([`Command::Leave`]). Frames of both come with the number of their connection.
///
/// While both are open, waits are short, so that neither keeps the other waiting.
#[derive(Debug)]
pub struct RelaySource {
    lanes: [LiveSource; 2],
    clock: Clock,
    notices: NoticeSender,
    /// Which one leads.
    lead: usize,
    /// The one opened beside it.
    relief: Option<Relief>,
    renew_asked: bool,
    age_ticks_max: Option<u64>,
    overlap_ticks_min: u64,
    /// A connection that was left and has to be said to be closed.
    left: Option<usize>,
    /// Why the connection that was to take over cannot be had.
    failed: Option<SourceError>,
    /// No other connection is opened before this.
    relief_from_ticks: u64,
    /// The lane of the next turn, while two are open.
    turn: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Relief {
    /// When everything was subscribed on it.
    subscribed_ticks: Option<u64>,
    is_settled: bool,
}

impl RelaySource {
    /// Two connections as `config` says, numbered from its [`LiveConfig::connection`] on. They share
    /// the limit of attempts.
    ///
    /// # Errors
    /// As of [`LiveSource::new`].
    pub fn new(
        config: LiveConfig,
        clock: Clock,
        notices: NoticeSender,
        seed: u64,
    ) -> Result<Self, SourceError> {
        let ticks = |ms: u64| clock.ns_to_ticks(ms.saturating_mul(1_000_000));
        let (parts, of) = RELIEVED_AT;
        let age_ticks_max = config.age_ms_max.map(|age_ms| ticks(age_ms) / of * parts);
        let overlap_ticks_min = ticks(config.overlap_ms_min);
        let second = ConnectionId(config.connection.0 + 1);
        let second = LiveConfig { connection: second, ..config.clone() };
        let first = LiveSource::new(config, clock.clone(), notices.clone(), seed)?;
        let mut second = LiveSource::new(second, clock.clone(), notices.clone(), !seed)?.off();
        second.governor = Arc::clone(&first.governor);
        second.rules.resyncs = first.rules.resyncs.clone();
        Ok(Self {
            lanes: [first, second],
            clock,
            notices,
            lead: 0,
            relief: None,
            renew_asked: false,
            age_ticks_max,
            overlap_ticks_min,
            left: None,
            failed: None,
            relief_from_ticks: 0,
            turn: 0,
        })
    }

    /// Lets venues fetch snapshots: one port for each connection.
    #[must_use]
    pub fn with_fetch(mut self, ports: [FetchPort; 2]) -> Self {
        for (lane, port) in self.lanes.iter_mut().zip(ports) {
            lane.fetch = Some(port);
        }
        self
    }

    /// The numbers of both connections.
    #[must_use]
    pub fn connections(&self) -> [ConnectionId; 2] {
        [self.lanes[0].config.connection, self.lanes[1].config.connection]
    }

    /// Whether the one that leads has to be relieved.
    fn is_relief_due(&self) -> bool {
        let Some(opened_ticks) = self.lanes[self.lead].opened_ticks() else { return false };
        let now = self.clock.ticks();
        let age_ticks = now.saturating_sub(opened_ticks);
        if now < self.relief_from_ticks {
            return false;
        }
        self.renew_asked || self.age_ticks_max.is_some_and(|age_max| age_ticks >= age_max)
    }

    fn relieve(&mut self) {
        self.renew_asked = false;
        self.notices.send(Notice::Renewing);
        self.lanes[1 - self.lead].begin();
        self.relief = Some(Relief::default());
        self.turn = 1 - self.lead;
    }

    /// Says that the other connection is settled, once it is.
    fn settle(&mut self) -> Option<Incoming<'static>> {
        let Relief { subscribed_ticks, is_settled } = self.relief.as_mut()?;
        let now = self.clock.ticks();
        if *is_settled || now.saturating_sub((*subscribed_ticks)?) < self.overlap_ticks_min {
            return None;
        }
        *is_settled = true;
        Some(self.lanes[1 - self.lead].status(ConnectionState::Settled, 0))
    }

    /// The other connection cannot be had now. The one that leads is not concerned: later again.
    fn forgo(&mut self, error: &SourceError) -> Incoming<'static> {
        self.notices.send(Notice::Disconnected { reason: error.to_string() });
        let now = self.clock.ticks();
        self.relief_from_ticks = now.saturating_add(self.clock.ns_to_ticks(FORGONE_NS));
        self.renew_asked = true;
        self.relief = None;
        self.lanes[1 - self.lead].leave()
    }

    fn lane_of(&self, connection: ConnectionId) -> usize {
        usize::from(connection.0 - self.lanes[0].config.connection.0)
    }

    /// The other connection has taken over; this one is over.
    fn leave(&mut self, lane: usize) {
        if self.relief.is_some() && lane == self.lead {
            self.notices.send(Notice::TakenOver);
            self.lead = 1 - lane;
            self.relief = None;
            self.renew_asked = false;
            self.left = Some(lane);
        }
    }
}

impl Source for RelaySource {
    #[inline]
    fn next(&mut self) -> Result<Incoming<'_>, SourceError> {
        if let Some(error) = self.failed.take() {
            return Ok(self.forgo(&error));
        }
        if let Some(lane) = self.left.take() {
            return Ok(self.lanes[lane].leave());
        }
        if self.relief.is_none() {
            if self.is_relief_due() {
                self.relieve();
            }
            return self.lanes[self.lead].next_within(WAIT_NS_MAX);
        }
        if let Some(settled) = self.settle() {
            return Ok(settled);
        }
        self.turn = 1 - self.turn;
        let lane = self.turn;
        if lane == self.lead {
            return self.lanes[lane].next_within(SHARED_WAIT_NS_MAX);
        }
        match self.lanes[lane].next_within(0) {
            Ok(incoming) => {
                if is_disconnected(&incoming) {
                    // It begins again by itself, and then has to be subscribed anew.
                    self.relief = Some(Relief::default());
                }
                Ok(incoming)
            }
            Err(error) => {
                self.failed = Some(error);
                Ok(Incoming::Idle)
            }
        }
    }

    fn command(&mut self, connection: ConnectionId, command: Command) {
        let lane = self.lane_of(connection);
        match command {
            Command::Renew => self.renew_asked |= lane == self.lead,
            Command::Leave => self.leave(lane),
            command => self.lanes[lane].command(connection, command),
        }
    }

    fn snapshot_came(&mut self, connection: ConnectionId, instrument: InstrumentId) {
        let lane = self.lane_of(connection);
        self.lanes[lane].snapshot_came(connection, instrument);
    }

    fn answer(&mut self, connection: ConnectionId, inbound: &Inbound) -> Result<(), SourceError> {
        let lane = self.lane_of(connection);
        let complete = match inbound {
            Inbound::Ack { complete } => *complete,
            Inbound::Refused(refusal) => refusal.complete,
            Inbound::Data(_) | Inbound::Pong | Inbound::Ignored(_) => false,
        };
        if complete
            && lane != self.lead
            && let Some(relief) = &mut self.relief
        {
            relief.subscribed_ticks.get_or_insert_with(|| self.clock.ticks());
        }
        let followed = self.lanes[lane].answer(connection, inbound);
        if lane == self.lead {
            return followed;
        }
        self.failed = followed.err();
        Ok(())
    }

    fn keep_alive(&mut self) {
        self.lanes.iter_mut().for_each(LiveSource::keep_alive);
    }

    #[inline]
    fn kernel_wait_ticks(&self, stamp: Stamp) -> Option<u64> {
        let lane = self.lanes.iter().find(|lane| lane.config.connection == stamp.connection);
        lane?.kernel_wait_ticks(stamp)
    }

    fn kernel_time(&self) -> Option<KernelTimeTally> {
        let [first, second] = &self.lanes;
        let mut tally = first.kernel_time()?;
        tally.merge(second.kernel_time()?);
        Some(tally)
    }

    fn hide_secrets(&self, text: &mut [u8]) {
        self.lanes[0].hide_secrets(text);
    }

    fn tally(&self) -> ConnectionTally {
        let handshakes = self.lanes.iter().map(|lane| lane.handshakes).sum::<u32>();
        ConnectionTally {
            attempts: self.lanes.iter().map(|lane| u64::from(lane.attempts)).sum(),
            reconnects: u64::from(handshakes.saturating_sub(1)),
        }
    }
}

const fn is_disconnected(incoming: &Incoming<'_>) -> bool {
    matches!(incoming, Incoming::Status(_, Status { state: ConnectionState::Disconnected, .. }))
}
