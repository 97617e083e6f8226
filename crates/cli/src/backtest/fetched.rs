//! Bars from TickDB: fetched whole, before the first thread of the run.

use tickring_capture::{BarRow, MadeBars, Session};
use tickring_ingest::Moment;
use tickring_ingest::rest::{BarsRequest, Interval, RestBar, RestClient};

use super::input::{self, Input};
use crate::args::{BacktestArgs, BarInterval, MomentArg};
use crate::exit::{Exit, Failure};
use crate::progress::Progress;
use crate::rest;
use crate::sessions::unreadable;

/// What is fetched of each symbol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    interval: Interval,
    limit: Option<u64>,
    start_ms: Option<u64>,
    end_ms: Option<u64>,
}

impl Wanted {
    /// What the flags ask for.
    ///
    /// # Errors
    /// A flag is missing, or is one that only files have a meaning for.
    pub(crate) fn of(args: &BacktestArgs, symbols: &[String]) -> Result<Self, Failure> {
        if symbols.is_empty() {
            let words =
                "--symbols: name the instruments whose bars to fetch, or give files of bars";
            return Err(Failure::usage(words));
        }
        let Some(BarInterval { text, .. }) = &args.interval else {
            return Err(Failure::usage("--interval: say which bars to fetch, such as 1h"));
        };
        let interval = Interval::parse(text).filter(|it| it.has_history()).ok_or_else(|| {
            let known: Vec<_> = Interval::ALL.iter().filter(|it| it.has_history()).collect();
            let known: Vec<_> = known.iter().map(|it| it.name()).collect();
            let words =
                format!("--interval: TickDB has no bars of {text}, but {}", known.join(", "));
            Failure::usage(words)
        })?;
        let start_ms = args.start.map(|it| ms("--start", it)).transpose()?;
        let end_ms = args.end.map(|it| ms("--end", it)).transpose()?;
        // By its start a bar is asked for; by its end it is wanted.
        let end_ms = end_ms.map(|it| it.saturating_sub(interval.length_ms_min()));
        let limit = args.limit.or_else(|| start_ms.is_none().then_some(BARS));
        Ok(Self { interval, limit, start_ms, end_ms })
    }
}

/// Fetches bars of every symbol, one after the other.
///
/// # Errors
/// TickDB cannot be reached, refuses, or has no bar of a symbol.
pub(crate) fn fetch(
    client: &mut RestClient,
    wanted: Wanted,
    symbols: &[String],
    progress: &Progress,
) -> Result<Input, Failure> {
    let Wanted { interval, limit, start_ms, end_ms } = wanted;
    let mut sessions: Vec<Box<dyn Session>> = Vec::new();
    let mut total = 0;
    for symbol in symbols {
        let request = BarsRequest { symbol: symbol.clone(), interval, limit, start_ms, end_ms };
        let bars = client.bars(&request).map_err(|error| rest::failure(&error))?;
        if bars.is_empty() {
            let words = format!("TickDB has no {interval} bars of {symbol} in that time");
            return Err(Failure::new(Exit::InputOutput, words));
        }
        total += bars.len() as u64;
        progress.at(total);
        sessions.push(Box::new(session(symbol, interval, &bars)?));
    }
    input::made(format!("{interval} bars of {} from TickDB", symbols.join(", ")), sessions, total)
}

fn session(symbol: &str, interval: Interval, bars: &[RestBar]) -> Result<MadeBars, Failure> {
    let mut made = MadeBars::new(format!("TickDB's {interval} bars of {symbol}"));
    let length = tickring_capture::Interval::parse(interval.name().as_bytes());
    let length = length.expect("what TickDB calls its intervals is read by files of bars too");
    for bar in bars {
        let RestBar { time_ms, open, high, low, close, volume, .. } = bar;
        let numbers = [open, high, low, close, volume].map(|it| it.as_str().as_bytes());
        let row =
            BarRow { symbol: symbol.as_bytes(), time_ms: *time_ms, interval: length, numbers };
        made.push(&row).map_err(|error| unreadable(&error))?;
    }
    Ok(made)
}

fn ms(flag: &str, MomentArg(moment): MomentArg) -> Result<u64, Failure> {
    match moment {
        Moment::At(at_ns) => Ok(at_ns.div_ceil(1_000_000)),
        Moment::After(_) => {
            let words =
                format!("{flag}: of what is fetched the first bar is not known: give a time");
            Err(Failure::usage(words))
        }
    }
}

/// Bars of a symbol where nothing says how many.
const BARS: u64 = 500;
