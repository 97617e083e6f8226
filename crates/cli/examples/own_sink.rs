//! A sink of one's own: what strategies say goes as lines over TCP to another program, played here by
//! `main`.
//!
//! `cargo run --release --example own_sink`

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use tickring_event::{Bar, Instruments, MarketEvent, Origin, Price, Quantity};
use tickring_ring::{WaitStrategy, Waiter};
use tickring_strategy::{Context, SignalPort, SignalReceiver, builtin, signal_channel};

/// Takes signals until every sender is gone, and flushes when it has caught up. A sink that is too
/// slow loses signals, which are counted, and never holds a strategy up.
fn sink(signals: &SignalReceiver, out: impl Write, instruments: &Instruments) -> io::Result<()> {
    let (mut out, mut waiter) = (BufWriter::new(out), Waiter::new(WaitStrategy::Backoff));
    while let Ok(received) = signals.try_receive() {
        let Some(signal) = received else {
            out.flush()?;
            waiter.idle();
            continue;
        };
        waiter.reset();
        let symbol = instruments.instrument(signal.instrument).map_or("-", |it| it.symbol());
        writeln!(out, "{},{symbol},{},{}", signal.venue_time_ns, signal.name, signal.value)?;
    }
    out.flush()
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = other.local_addr()?;
    let instruments = Instruments::new();
    let instrument = instruments.register("GOLD", b"2400.00", b"1")?;
    let (sender, receiver) = signal_channel(1_024);
    thread::scope(|scope| {
        let (thread, known) = (thread::Builder::new().name("sink".to_owned()), &instruments);
        let sink = thread
            .spawn_scoped(scope, move || sink(&receiver, TcpStream::connect(address)?, known))?;

        let mut strategy = builtin::by_name_with("ma-cross", &[("fast", "2"), ("slow", "5")])?;
        let mut port = SignalPort::new(sender, 0, 0);
        for (second, close) in (1..).zip([9, 8, 7, 6, 5, 6, 7, 8, 9, 8, 7, 6, 5]) {
            let price = Price::from_mantissa(close);
            let (open, high, low, close) = (price, price, price, price);
            let (start_ns, interval_ns) = (second * 1_000_000_000, 1_000_000_000);
            let volume = Quantity::ZERO;
            let bar = Bar { start_ns, interval_ns, open, high, low, close, volume, trades: 0 };
            let venue_time_ns = u64::try_from(start_ns + interval_ns)?;
            let origin = Origin { instrument, venue_time_ns, ..Origin::default() };
            let mut context = Context::new(&instruments, &mut port, 0, venue_time_ns);
            strategy.on_event(&MarketEvent::bar(&origin, &bar), &mut context)?;
        }
        drop(port); // The last sender: the sink ends.

        io::copy(&mut other.accept()?.0, &mut io::stdout().lock())?;
        sink.join().map_err(|_| "the sink panicked")??;
        Ok(())
    })
}
