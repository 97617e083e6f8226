//! TickDB's REST interface over loopback.

mod answer;
mod fault;
mod file;
mod market;
mod session;
mod walk;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use self::answer::{Answer, answer, envelope};
pub use self::fault::{RestFault, RestFaultError};
use self::market::Market;
use crate::server::http::{Asked, Desk, response};
use crate::server::{self};
use crate::{KeyCheck, SimulatorError, Time};

/// What to serve, where, and how it misbehaves.
#[derive(Clone, Debug)]
pub struct RestServerConfig {
    /// Where to listen: a loopback address, port 0 for any free one.
    pub listen: SocketAddr,
    /// Where bars come from.
    pub feed: RestFeed,
    /// Which keys are let in.
    pub api_key: KeyCheck,
    /// Most rows of an answer; a request for more than the documented 1,000 is refused with code
    /// 2004 whatever this is.
    pub page_rows_max: u32,
    /// How answers are written.
    pub form: RestForm,
    /// What is answered in place of a good answer, each once.
    pub faults: Vec<RestFault>,
    /// Every answer takes so long.
    pub delay_ms: u64,
    /// End this long after [`RestServer::run`] was called.
    pub duration_ms: Option<u64>,
}

impl RestServerConfig {
    /// A free port of 127.0.0.1, any key, answers as documented, endless, without faults.
    #[must_use]
    pub fn new(feed: RestFeed) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            feed,
            api_key: KeyCheck::Any,
            page_rows_max: ROWS_MAX,
            form: RestForm::default(),
            faults: Vec::new(),
            delay_ms: 0,
            duration_ms: None,
        }
    }
}

/// Where bars come from.
#[derive(Clone, Debug)]
pub enum RestFeed {
    /// A random walk per symbol, in every interval; the last bar ends on 2026-01-05 at 00:00 UTC.
    Walk {
        /// The symbols there are; others are answered with code 2002.
        symbols: Vec<String>,
        /// The same seed gives the same bars.
        seed: u64,
        /// Completed bars of each symbol and interval.
        bars: u32,
    },
    /// A CSV file with the columns `symbol,interval,time_ms,open,high,low,close,volume`, and
    /// `quote_volume` if it is there.
    File(PathBuf),
    /// Recorded Binance sessions: the bars, trades and last prices of their trades.
    Session(Vec<PathBuf>),
}

/// How answers are written where a client must take several ways.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RestForm {
    /// What is around the rows.
    pub shape: RestShape,
    /// The order of bars.
    pub order: RestOrder,
    /// Which bars of a range come when it holds more than a page.
    pub endpoint: RestEndpoint,
}

/// What is around the rows of an answer, and how its numbers are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RestShape {
    /// As documented: an object with `klines`, numbers as strings.
    #[default]
    Documented,
    /// As in the vendor's article: `data` is the list, numbers are bare.
    Article,
    /// The list alone, without an envelope.
    Bare,
}

/// The order of bars in an answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RestOrder {
    /// The oldest one first.
    #[default]
    Rising,
    /// The newest one first.
    Falling,
}

/// Which bars of a range come when it holds more than a page.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RestEndpoint {
    /// The first ones where a start is given, else the last ones.
    #[default]
    Start,
    /// The last ones.
    End,
}

/// What a run answered.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RestReport {
    /// Requests that were answered with data.
    pub answered: u64,
    /// Requests that were answered with a code other than 0, faults left out.
    pub refused: u64,
    /// Requests that were answered with a fault.
    pub faults: u64,
    /// Bars in all answers.
    pub bars: u64,
    /// Requests of each path.
    pub paths: BTreeMap<String, u64>,
}

/// A server of TickDB's REST interface on loopback.
#[derive(Debug)]
pub struct RestServer {
    config: RestServerConfig,
    market: Market,
    address: SocketAddr,
    listener: TcpListener,
}

impl RestServer {
    /// Reads what is to be served, and listens from now on.
    ///
    /// # Errors
    /// [`SimulatorError::NotLoopback`], [`SimulatorError::Listen`], [`SimulatorError::Symbol`],
    /// [`SimulatorError::Bars`] and [`SimulatorError::Capture`] for what cannot be served.
    pub fn bind(config: RestServerConfig) -> Result<Self, SimulatorError> {
        let address = config.listen;
        if !address.ip().is_loopback() {
            return Err(SimulatorError::NotLoopback { address });
        }
        if config.page_rows_max == 0 {
            return Err(SimulatorError::Config("a page has at least one row"));
        }
        let market = Market::open(&config.feed)?;
        let listening = |listener: TcpListener| Ok((listener.local_addr()?, listener));
        let (address, listener) = server::listen(address)
            .and_then(listening)
            .map_err(|source: io::Error| SimulatorError::Listen { address, source })?;
        Ok(Self { config, market, address, listener })
    }

    /// Where it listens, with the port that was found.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves on the caller's thread until `stop` is set or the configured duration is over.
    ///
    /// # Errors
    /// [`SimulatorError::Accept`] when the process can take no more connections.
    pub fn run(
        &mut self,
        time: &impl Time,
        stop: &AtomicBool,
    ) -> Result<RestReport, SimulatorError> {
        let Self { config, market, listener, .. } = self;
        let mut desk = Desk::new(0);
        let mut report = RestReport::default();
        let mut requests = 0;
        let end_ns = config.duration_ms.map_or(u64::MAX, |duration_ms| {
            time.now_ns().saturating_add(duration_ms.saturating_mul(1_000_000))
        });
        // Relaxed: a flag alone. Nothing is read on the strength of it.
        while !stop.load(Ordering::Relaxed) {
            let now_ns = time.now_ns();
            if now_ns >= end_ns {
                break;
            }
            let mut busy = accept(listener, &mut desk, now_ns)?;
            // Nobody is served a WebSocket here: such a socket is closed.
            drop(desk.sort(now_ns));
            busy |= desk.answer_with(now_ns, |asked| {
                requests += 1;
                let (text, delay_ms) = reply(config, market, asked, requests, &mut report);
                (text, delay_ms.saturating_mul(1_000_000))
            });
            busy |= desk.flush(now_ns);
            if !busy {
                time.idle(IDLE_WAIT_NS);
            }
        }
        Ok(report)
    }
}

fn accept(listener: &TcpListener, desk: &mut Desk, now_ns: u64) -> Result<bool, SimulatorError> {
    let mut busy = false;
    loop {
        match listener.accept() {
            Ok((stream, _)) => desk.arrive(stream, now_ns),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => return Ok(busy),
                io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                _ => return Err(SimulatorError::Accept(error)),
            },
        }
        busy = true;
    }
}

/// The whole answer to a request, and how many ms it takes.
fn reply(
    config: &RestServerConfig,
    market: &mut Market,
    asked: &Asked,
    number: u32,
    report: &mut RestReport,
) -> (Vec<u8>, u64) {
    let path = asked.path.split('?').next().unwrap_or_default();
    if report.paths.len() < PATHS_MAX || report.paths.contains_key(path) {
        *report.paths.entry(path.to_owned()).or_default() += 1;
    }
    let mut fault = config.faults.iter().filter(|it| it.request == number);
    let slow_ms: u64 = fault.clone().filter_map(|it| it.slow_ms()).sum();
    let delay_ms = config.delay_ms.saturating_add(slow_ms);
    if let Some(text) = fault.find_map(RestFault::answer) {
        report.faults += 1;
        return (text, delay_ms);
    }
    let Answer { status, code, data, bars, is_bare } = answer(config, market, asked);
    let is_well = code == 0;
    report.answered += u64::from(is_well);
    report.refused += u64::from(!is_well);
    report.bars += bars;
    let body = if is_bare { data } else { envelope(code, &data) };
    (response(status, &body, None), delay_ms)
}

/// Rows of an answer at most, as documented.
const ROWS_MAX: u32 = 1_000;
/// Paths that are counted one by one.
const PATHS_MAX: usize = 64;
/// How late a request may be noticed.
const IDLE_WAIT_NS: u64 = 1_000_000;
