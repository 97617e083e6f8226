//! A venue of one's own: trades of gold as texts, a price and a quantity each, here from a recording.
//!
//! `cargo run --release --example own_venue`

use std::error::Error;
use std::io::{self, Write as _};
use std::sync::Arc;

use tickring_capture::{OpenOptions, open_stream};
use tickring_event::{InstrumentId, Instruments, MarketEvent, Payload, Trade};
use tickring_ingest::{Command, DecodeError, EventBatch, Frame, Inbound, Stamp, Venue, Walk};

/// Decodes one connection. For a live one it goes into `Ingest::venues` beside a `LiveSource`.
struct GoldVenue {
    instruments: Arc<Instruments>,
    gold: InstrumentId,
}

impl Venue for GoldVenue {
    fn name(&self) -> &'static str {
        "gold"
    }
    fn message_kinds(&self) -> &'static [&'static str] {
        &["trade"]
    }
    fn open(&mut self, batch: &mut EventBatch) {
        batch.command(Command::Send("subscribe trades".to_owned()));
    }
    fn decode(
        &mut self,
        frame: &Frame<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let wrong = |field| move |error| DecodeError::Number { field, error };
        let text = std::str::from_utf8(frame.text).map_err(|_| DecodeError::Malformed)?;
        let (price, quantity) = text.split_once(' ').ok_or(DecodeError::Malformed)?;
        let gold = self.instruments.instrument(self.gold).ok_or(DecodeError::UnknownSymbol)?;
        let price = gold.price(price.as_bytes()).map_err(wrong("price"))?;
        let quantity = gold.quantity(quantity.as_bytes()).map_err(wrong("quantity"))?;
        let trade = Trade { price, quantity, taker: None, trade_id: None };
        batch.push(MarketEvent::trade(&frame.stamp.origin(self.gold), trade));
        Ok(Inbound::Data(0))
    }
    fn disconnected(&mut self, _: Stamp, _: &mut EventBatch) {} // There is no book to break.
    fn finish(&mut self, _: &mut EventBatch) {} // Nothing is held back.
}

/// Lines of arrival in ns, a space and the frame.
const SESSION: &[u8] = b"100 2400.50 3\n200 2401.25 10\n300 oops 1\n400 2399 2\n";

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let instruments = Arc::new(Instruments::new());
    let gold = instruments.register("GOLD", b"2400.00", b"1")?;
    let venue = GoldVenue { instruments: Arc::clone(&instruments), gold };
    let opened = open_stream("session".to_owned(), Box::new(SESSION), OpenOptions::default())?;
    let mut walk = Walk::new(vec![opened.session], vec![Box::new(venue)])?;
    let (mut out, gold) = (io::stdout().lock(), instruments.instrument(gold).ok_or("no gold")?);
    while let Some(walked) = walk.next()? {
        for payload in walked.events.iter().map(MarketEvent::payload) {
            let Payload::Trade(trade) = payload else { continue };
            writeln!(out, "{} {}", gold.symbol(), gold.price_text(trade.price))?;
        }
    }
    for failure in walk.tally().decode_errors {
        writeln!(out, "{} not decoded: {}", failure.count, failure.first)?;
    }
    Ok(())
}
