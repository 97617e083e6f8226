//! A venue that is always ahead of its clients: every message lies ready before anybody connects, and
//! is sent as fast as the socket takes it. For measuring what reads it, in this language or another.
//!
//! `cargo run --release -p tickring-benches --example sender -- MESSAGES [CLIENTS]`
//!
//! Says its address on the first line. For each client, one after the other: messages of 215 bytes in
//! TickDB's form, a close frame, and a line of JSON with the time until the client answered that.

#![expect(clippy::unwrap_used, reason = "a tool of benches that cannot go on has nothing to say")]

use std::io::Write as _;
use std::net::TcpListener;

use tickring_metrics::Clock;
use tungstenite::{Message, WebSocket};

/// Length of each message: the mean of TickDB's tickers.
const MESSAGE_BYTES: usize = 215;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let messages: u64 = arguments.next().map_or(1_000_000, |it| it.parse().unwrap());
    let clients: usize = arguments.next().map_or(usize::MAX, |it| it.parse().unwrap());
    let bytes = all(messages);
    let clock = Clock::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    say(&format!("ws://{}/", listener.local_addr().unwrap()));
    for stream in listener.incoming().take(clients) {
        // A client that only looks whether somebody is there is none.
        let Ok(mut client) = tungstenite::accept(stream.unwrap()) else { continue };
        let start = clock.ticks();
        if send(&mut client, &bytes).is_err() {
            continue;
        }
        while !matches!(client.read(), Ok(Message::Close(_)) | Err(_)) {}
        let ns = clock.elapsed_ns(start, clock.ticks());
        let (seconds, fraction) = (ns / 1_000_000_000, ns % 1_000_000_000);
        say(&format!(r#"{{"messages":{messages},"seconds":{seconds}.{fraction:09}}}"#));
    }
}

fn send(client: &mut WebSocket<std::net::TcpStream>, bytes: &[u8]) -> std::io::Result<()> {
    client.get_mut().write_all(bytes)?;
    client.close(None).map_err(std::io::Error::other)?;
    client.flush().map_err(std::io::Error::other)
}

/// Every message as a frame, one after the other.
fn all(messages: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for index in 0..messages {
        let text = ticker(index);
        let len = u16::try_from(text.len()).unwrap();
        bytes.extend_from_slice(&[0x81, 126]);
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

fn ticker(index: u64) -> String {
    let cents = 7_048_000 + index * 7_919 % 9_973;
    let price = |cents: u64| format!("{}.{:02}", cents / 100, cents % 100);
    let (last, ask, bid) = (price(cents), price(cents + 1), price(cents));
    let (volume, time_ms) = (23_737_529 + index % 1_000, 1_773_335_135_026 + index / 10);
    let start = format!(
        r#"{{"cmd":"ticker","data":{{"symbol":"BTCUSDT","last_price":"{last}","ask_price":"{ask}","bid_price":"{bid}","high_24h":"71321.00","low_24h":"69205.91","timestamp":{time_ms},"volume_24h":"{volume}"#
    );
    // The volume's digits make up the length.
    let missing = MESSAGE_BYTES - start.len() - 3;
    format!(r#"{start}{}"}}}}"#, ".0123456789012345".get(..missing).unwrap())
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
