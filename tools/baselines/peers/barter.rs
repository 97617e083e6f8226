//! barter-data's parser of Binance futures, from the text of a frame to its market events.
//!
//! `barter FILE [--depth]`; FILE holds recorded lines, unpacked. Says one line of JSON.
//!
//! The library subscribes to plain streams and knows by subscription which type a frame has: the
//! wrapper of the combined stream is taken off, and the type found, before the clock starts. Nothing
//! checks the numbering and there is no book: it only parses.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use barter_data::event::MarketIter;
use barter_data::exchange::binance::book::l1::BinanceOrderBookL1;
use barter_data::exchange::binance::futures::l2::BinanceFuturesOrderBookL2Update;
use barter_data::exchange::binance::trade::BinanceTrade;
use barter_data::subscription::book::{OrderBookEvent, OrderBookL1};
use barter_data::subscription::trade::PublicTrade;
use barter_instrument::exchange::ExchangeId;

#[derive(Clone, Copy)]
enum Kind {
    Trade,
    Top,
    Depth,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("name a file of recorded lines")?;
    let with_depth = arguments.any(|it| it == "--depth");
    let text = fs::read_to_string(path)?;
    let frames: Vec<(Kind, &str)> = text
        .lines()
        .filter_map(frame)
        .filter(|(kind, _)| with_depth || !matches!(kind, Kind::Depth))
        .collect();
    let start = Instant::now();
    let mut events = 0;
    for (kind, text) in &frames {
        events += parse(*kind, text)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let messages = frames.len();
    let rate = messages as f64 / seconds;
    let what = if with_depth { "with depth" } else { "without depth" };
    writeln!(
        std::io::stdout(),
        r#"{{"name":"barter-data {what}","version":"0.13.0","messages":{messages},"seconds":{seconds:.6},"messages_per_s":{rate:.0},"events":{events}}}"#
    )?;
    Ok(())
}

/// The frame of a line as a plain stream would bring it.
fn frame(line: &str) -> Option<(Kind, &str)> {
    let (_, text) = line.split_once(' ')?;
    let kind = match text.split_once('@')?.1 {
        it if it.starts_with("trade") => Kind::Trade,
        it if it.starts_with("bookTicker") => Kind::Top,
        it if it.starts_with("depth") => Kind::Depth,
        _ => return None,
    };
    let (_, data) = text.split_once(r#""data":"#)?;
    Some((kind, data.strip_suffix('}')?))
}

fn parse(kind: Kind, text: &str) -> Result<usize, serde_json::Error> {
    let exchange = ExchangeId::BinanceFuturesUsd;
    Ok(match kind {
        Kind::Trade => {
            let trade: BinanceTrade = serde_json::from_str(text)?;
            let events: MarketIter<u32, PublicTrade> = (exchange, 0, trade).into();
            black_box(events).0.len()
        }
        Kind::Top => {
            let top: BinanceOrderBookL1 = serde_json::from_str(text)?;
            let events: MarketIter<u32, OrderBookL1> = (exchange, 0, top).into();
            black_box(events).0.len()
        }
        Kind::Depth => {
            let update: BinanceFuturesOrderBookL2Update = serde_json::from_str(text)?;
            let events: MarketIter<u32, OrderBookEvent> = (exchange, 0, update).into();
            black_box(events).0.len()
        }
    })
}
