//! What decoding tells: message kinds, instruments, gaps, the venue's clock.

use tickring_capture::Entry;
use tickring_event::{Flags, Gap, Instruments, Kind, MarketEvent, Payload, Price};
use tickring_ingest::{WalkTally, Walked};
use tickring_metrics::Counter;

use super::FIRST_KEPT;
use super::distribution::Distribution;
use super::json::{DecodedFacts, GapFact, InstrumentFacts, VenueClockFacts};

/// Collects what the events of decoded frames say.
#[derive(Debug, Default)]
pub(crate) struct Market {
    facts: DecodedFacts,
    /// One for each instrument of the table, at its index.
    instruments: Vec<Traded>,
    offsets_ns: Distribution,
}

/// What is known of one instrument.
#[derive(Clone, Debug, Default)]
struct Traded {
    events: u64,
    first_price: Option<String>,
    last_price: Option<Price>,
}

impl Market {
    /// Adds an entry of a decoded connection, and events that belong to no entry.
    pub(crate) fn add(&mut self, walked: &Walked<'_>, instruments: &Instruments) {
        if let Some(Entry::Received { .. }) = walked.entry {
            self.facts.frames += 1;
            *self.facts.messages.entry(walked.kind).or_default() += 1;
        }
        for event in walked.events {
            *self.facts.events.entry(event.kind().name()).or_default() += 1;
            if is_timed(event) {
                self.offsets_ns.add(offset_ns(event));
            }
            if let Payload::Gap(gap) = event.payload() {
                self.add_gap(event, gap, instruments);
            }
            self.add_event(event, instruments);
        }
    }

    fn add_gap(&mut self, event: &MarketEvent, gap: Gap, instruments: &Instruments) {
        let gaps = &mut self.facts.gaps;
        gaps.count += 1;
        gaps.messages_missing = gaps.messages_missing.saturating_add(gap.missing);
        *gaps.by_reason.entry(gap.reason.name()).or_default() += 1;
        if gaps.first.len() < FIRST_KEPT {
            gaps.first.push(GapFact {
                time_ns: event.arrival_ticks,
                connection: event.connection.0,
                instrument: instruments
                    .instrument(event.instrument)
                    .map(|it| it.symbol().to_owned()),
                reason: gap.reason.name(),
                expected: gap.expected,
                received: gap.received,
                missing: gap.missing,
            });
        }
    }

    fn add_event(&mut self, event: &MarketEvent, instruments: &Instruments) {
        let Some(instrument) = instruments.instrument(event.instrument) else { return };
        let index = event.instrument.index();
        if index >= self.instruments.len() {
            self.instruments.resize(index + 1, Traded::default());
        }
        let traded = &mut self.instruments[index];
        traded.events += 1;
        if let Some(price) = price(event) {
            traded.last_price = Some(price);
            traded.first_price.get_or_insert_with(|| instrument.price_text(price).to_string());
        }
    }

    /// All that was collected, with what the walk itself counted.
    pub(crate) fn finish(self, tally: &WalkTally, instruments: &Instruments) -> DecodedFacts {
        let Self { mut facts, instruments: traded, offsets_ns } = self;
        for failure in &tally.decode_errors {
            facts.messages.remove(failure.reason);
            facts.decode_errors.insert(failure.reason, failure.count);
            facts.decode_error_examples.insert(failure.reason, failure.first.to_string());
        }
        let counters = &tally.counters;
        facts.duplicated = counters.get(Counter::Duplicated);
        facts.reordered = counters.get(Counter::Reordered);
        facts.stale_depth = counters.get(Counter::StaleDepth);
        facts.venue_clock = venue_clock(&offsets_ns);
        facts.instruments = instruments
            .iter()
            .map(|(id, instrument)| {
                let traded = traded.get(id.index()).cloned().unwrap_or_default();
                InstrumentFacts {
                    symbol: instrument.symbol().to_owned(),
                    events: traded.events,
                    first_price: traded.first_price,
                    last_price: traded.last_price.map(|it| instrument.price_text(it).to_string()),
                    price_scale: instrument.price_scale().decimals(),
                    quantity_scale: instrument.quantity_scale().decimals(),
                }
            })
            .collect();
        facts
    }
}

/// Whether an event is the first of a message that carries the venue's time. A gap is none: it tells
/// of the message after it.
fn is_timed(event: &MarketEvent) -> bool {
    let is_message = !matches!(event.kind(), Kind::Gap | Kind::Status);
    is_message && event.flags.contains(Flags::FIRST) && event.venue_time_ns > 0
}

/// The venue's time of an event minus its arrival.
fn offset_ns(event: &MarketEvent) -> i64 {
    let offset_ns = i128::from(event.venue_time_ns) - i128::from(event.arrival_ticks);
    i64::try_from(offset_ns).unwrap_or(if offset_ns < 0 { i64::MIN } else { i64::MAX })
}

fn venue_clock(offsets_ns: &Distribution) -> Option<VenueClockFacts> {
    (offsets_ns.count() > 0).then(|| {
        let median_ns = offsets_ns.percentile(50);
        VenueClockFacts {
            messages: offsets_ns.count(),
            venue_minus_arrival_ns_min: offsets_ns.least(),
            venue_minus_arrival_ns_p50: median_ns,
            venue_minus_arrival_ns_max: offsets_ns.greatest(),
            recorder_is_behind: median_ns > 0,
        }
    })
}

/// The price that an event is about, if it is about one.
fn price(event: &MarketEvent) -> Option<Price> {
    match event.payload() {
        Payload::Trade(trade) => Some(trade.price),
        Payload::TopOfBook(top) => top.last_price.or(top.bid_price),
        Payload::Bar(bar) => Some(bar.close),
        Payload::Levels(_) | Payload::Gap(_) | Payload::Status(_) => None,
    }
}
