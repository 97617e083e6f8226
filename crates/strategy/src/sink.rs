//! Writes signals out, on a thread where waiting for the disk harms nobody.

use std::fmt;
use std::io;

use tickring_event::Instruments;
use tickring_ring::{WaitStrategy, Waiter};

use crate::signal::{Signal, SignalReceiver};

/// How signals are written, one a line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SignalFormat {
    /// `SEQUENCE STRATEGY/WORKER SYMBOL NAME VALUE`, for people.
    #[default]
    Text,
    /// One JSON object with `sequence`, `venue_time_ns`, `strategy`, `worker`, `symbol` (null for
    /// no single instrument), `name` and `value` (null when it is not finite).
    JsonLines,
}

/// How a sink works.
#[derive(Clone, Debug)]
pub struct SinkConfig {
    /// How signals are written.
    pub format: SignalFormat,
    /// What it does while there is nothing to write. It polls: a worker never has to wake it.
    pub wait: WaitStrategy,
    /// Names of the run's strategies, by [`Signal::strategy`].
    pub strategies: Vec<String>,
}

/// Writes every signal to `writer` until all senders are gone; returns how many there were.
///
/// Flushes whenever it has caught up. Give it a buffered writer.
///
/// # Errors
/// What `writer` returned. The queue is closed then and the workers count what they drop.
pub fn run_signal_sink(
    receiver: SignalReceiver,
    writer: &mut (impl io::Write + ?Sized),
    config: &SinkConfig,
    instruments: &Instruments,
) -> io::Result<u64> {
    let mut waiter = Waiter::new(config.wait);
    let mut written = 0;
    let mut is_flushed = true;
    while let Ok(received) = receiver.try_receive() {
        let Some(signal) = received else {
            if !is_flushed {
                writer.flush()?;
                is_flushed = true;
            }
            waiter.idle();
            continue;
        };
        waiter.reset();
        let line = Line { signal: &signal, config, instruments };
        writeln!(writer, "{line}")?;
        written += 1;
        is_flushed = false;
    }
    // Taken by value so that the queue closes when writing fails.
    drop(receiver);
    writer.flush()?;
    Ok(written)
}

/// One signal as text.
struct Line<'a> {
    signal: &'a Signal,
    config: &'a SinkConfig,
    instruments: &'a Instruments,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Signal { strategy, worker, instrument, sequence, venue_time_ns, name, value } =
            *self.signal;
        let strategy =
            self.config.strategies.get(usize::from(strategy)).map_or("?", String::as_str);
        let symbol = self.instruments.instrument(instrument).map(|it| it.symbol());
        match self.config.format {
            SignalFormat::Text => {
                let symbol = symbol.unwrap_or("-");
                write!(out, "{sequence} {strategy}/{worker} {symbol} {name} {value}")
            }
            SignalFormat::JsonLines => {
                write!(out, "{{\"sequence\":{sequence},\"venue_time_ns\":{venue_time_ns}")?;
                write!(out, ",\"strategy\":{},\"worker\":{worker}", Quoted(strategy))?;
                match symbol {
                    Some(symbol) => write!(out, ",\"symbol\":{}", Quoted(symbol))?,
                    None => out.write_str(",\"symbol\":null")?,
                }
                write!(out, ",\"name\":{}", Quoted(name))?;
                if value.is_finite() {
                    write!(out, ",\"value\":{value}}}")
                } else {
                    out.write_str(",\"value\":null}")
                }
            }
        }
    }
}

/// A JSON string.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("\"")?;
        for letter in self.0.chars() {
            match letter {
                '"' | '\\' => write!(out, "\\{letter}")?,
                control if control < ' ' => write!(out, "\\u{:04x}", u32::from(control))?,
                _ => write!(out, "{letter}")?,
            }
        }
        out.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use tickring_event::InstrumentId;

    use super::*;
    use crate::signal::{SignalPort, signal_channel};

    #[track_caller]
    fn check(format: SignalFormat, value: f64, expected: [&str; 2]) {
        let instruments = Instruments::new();
        let id = instruments.register("A\"B", b"1", b"1").unwrap();
        let (sender, receiver) = signal_channel(4);
        let mut port = SignalPort::new(sender, 1, 2);
        for instrument in [id, InstrumentId::NONE] {
            port.give(Signal {
                strategy: 1,
                worker: 2,
                instrument,
                sequence: 7,
                venue_time_ns: 9,
                name: "mid",
                value,
            });
        }
        drop(port);
        let strategies = vec!["null".to_owned(), "spread".to_owned()];
        let config = SinkConfig { format, wait: WaitStrategy::Backoff, strategies };
        let mut text = Vec::new();
        assert_eq!(run_signal_sink(receiver, &mut text, &config, &instruments).unwrap(), 2);
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_signal_is_a_line_of_text() {
        let expected = ["7 spread/2 A\"B mid 61837.63", "7 spread/2 - mid 61837.63"];
        check(SignalFormat::Text, 61837.63, expected);
    }

    #[test]
    fn a_signal_is_a_line_of_json() {
        let start = r#"{"sequence":7,"venue_time_ns":9,"strategy":"spread","worker":2,"symbol":"#;
        let with = |symbol, value| format!(r#"{start}{symbol},"name":"mid","value":{value}}}"#);
        let quoted = r#""A\"B""#;
        check(SignalFormat::JsonLines, 0.5, [&with(quoted, "0.5"), &with("null", "0.5")]);
        check(SignalFormat::JsonLines, f64::NAN, [&with(quoted, "null"), &with("null", "null")]);
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(Quoted("a\n\\\u{1}é").to_string(), "\"a\\u000a\\\\\\u0001é\"");
    }

    #[test]
    fn a_writer_that_fails_ends_the_sink() {
        let (sender, receiver) = signal_channel(4);
        let mut port = SignalPort::new(sender, 0, 0);
        let signal = Signal {
            strategy: 0,
            worker: 0,
            instrument: InstrumentId::NONE,
            sequence: 0,
            venue_time_ns: 0,
            name: "x",
            value: 0.0,
        };
        port.give(signal);
        let config = SinkConfig {
            format: SignalFormat::Text,
            wait: WaitStrategy::Backoff,
            strategies: Vec::new(),
        };
        let mut full: &mut [u8] = &mut [];
        let ended = run_signal_sink(receiver, &mut full, &config, &Instruments::new());
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::WriteZero);
        port.give(signal);
        assert_eq!((port.given(), port.dropped()), (2, 1));
    }
}
