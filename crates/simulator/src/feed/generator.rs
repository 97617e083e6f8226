use fastrand::Rng;

use super::{DEPTH_LEVELS_MAX, Due};
use crate::format::{Number, Trade, Writer};
use crate::schedule::Schedule;
use crate::{Channel, Profile, SimulatorConfig};

/// Made-up messages: one random walk per symbol, in whole price steps.
///
/// Of a hundred messages 50 are tickers, 20 depths and 30 trades (in these proportions among the
/// channels there are), each of a symbol drawn evenly. What is drawn never depends on who listens.
#[derive(Debug)]
pub(crate) struct Generator {
    walks: Vec<Walk>,
    /// Share of each channel, by index; their sum is above 0.
    weights: [u64; 3],
    depth_levels: usize,
    epoch_ms: u64,
    rng: Rng,
    schedule: Schedule,
    next: Option<Due>,
    now_ms: u64,
    /// The random number of the latest message, from which its details are drawn when somebody
    /// wants to see them.
    draw: u64,
}

impl Generator {
    pub(crate) fn new(
        config: &SimulatorConfig,
        symbols: &[String],
        profile: Profile,
        seed: u64,
    ) -> Self {
        let mut weights = [0; 3];
        for &channel in &config.channels {
            weights[channel.index()] = WEIGHTS[channel.index()];
        }
        Self {
            walks: symbols.iter().map(|symbol| Walk::new(symbol)).collect(),
            weights,
            depth_levels: config.faults.depth_levels.unwrap_or(DEPTH_LEVELS),
            epoch_ms: config.epoch_ms,
            rng: Rng::with_seed(seed),
            schedule: Schedule::new(profile, seed),
            next: None,
            now_ms: config.epoch_ms,
            draw: seed,
        }
    }

    pub(crate) fn peek(&mut self) -> Option<Due> {
        if self.next.is_none() {
            let due_ns = self.schedule.next()?;
            self.next = Some(self.draw(due_ns));
        }
        self.next
    }

    pub(crate) fn take(&mut self) {
        self.next = None;
    }

    /// Moves one symbol by one message.
    fn draw(&mut self, due_ns: u64) -> Due {
        let draw = self.rng.u64(..);
        self.draw = draw;
        self.now_ms = self.epoch_ms.saturating_add(due_ns / 1_000_000);
        // The upper half chooses the symbol, 16 bits the channel, the rest moves the price.
        let symbol = scale(draw >> 32, 32, self.walks.len());
        let mut share = ((draw & 0xffff) * self.weights.iter().sum::<u64>()) >> 16;
        let mut channel = Channel::Trade;
        for candidate in Channel::ALL {
            let weight = self.weights[candidate.index()];
            if share < weight {
                channel = candidate;
                break;
            }
            share -= weight;
        }
        let walk = &mut self.walks[symbol];
        walk.step(draw >> 16);
        if channel == Channel::Trade {
            walk.trade(draw >> 24);
        }
        Due { due_ns, symbol, channel }
    }

    pub(crate) fn write(&self, symbol: usize, channel: Channel, writer: &mut Writer<'_>) {
        let walk = &self.walks[symbol];
        match channel {
            Channel::Ticker => {
                walk.write_ticker(writer);
                writer.timestamp(self.now_ms);
            }
            Channel::Depth => {
                walk.write_depth(writer, self.depth_levels, self.draw);
                writer.timestamp(self.now_ms);
            }
            Channel::Trade => walk.write_trades(writer, self.now_ms),
        }
    }

    pub(crate) fn find(&self, symbol: &str) -> Option<usize> {
        self.walks.iter().position(|walk| walk.symbol == symbol)
    }

    pub(crate) fn symbol(&self, index: usize) -> &str {
        &self.walks[index].symbol
    }
}

/// One symbol's market, in price steps and quantity units.
#[derive(Debug)]
struct Walk {
    symbol: String,
    quantity_decimals: usize,
    /// Invariant: at least `BID_MIN`, so that no level of a book falls to 0.
    bid: u64,
    /// Invariant: above `bid`.
    ask: u64,
    last: u64,
    high: u64,
    low: u64,
    volume: u64,
    /// The latest trade message: its side, its quantities, and the identity of its last trade.
    buy: bool,
    quantity: u64,
    trades: u64,
    trade_id: u64,
}

impl Walk {
    fn new(symbol: &str) -> Self {
        // Prices of a listed share, by the dot in its symbol, or of a coin.
        let share = symbol.contains('.');
        let draw = mix(symbol
            .bytes()
            .fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)));
        let bid = if share { 5_000 + draw % 45_000 } else { 1_000_000 + draw % 9_000_000 };
        Self {
            symbol: symbol.to_owned(),
            quantity_decimals: if share { 0 } else { 3 },
            bid,
            ask: bid + 1,
            last: bid,
            high: bid,
            low: bid,
            volume: 0,
            buy: false,
            quantity: 1,
            trades: 1,
            trade_id: 0,
        }
    }

    /// Three in eight times one step up, as often down, else none; the spread is one to three.
    fn step(&mut self, draw: u64) {
        match draw & 7 {
            0..=2 => self.bid += 1,
            3..=5 if self.bid > BID_MIN => self.bid -= 1,
            _ => {}
        }
        self.ask = self.bid + 1 + (draw >> 3) % 3;
    }

    fn trade(&mut self, draw: u64) {
        self.buy = draw & 1 == 1;
        self.trades = if draw & 0xe == 0 { 2 + (draw >> 4) % 2 } else { 1 };
        self.quantity = 1 + (draw >> 1) % QUANTITY_MAX;
        self.trade_id += self.trades;
        self.volume += self.trades * self.quantity;
        self.last = if self.buy { self.ask } else { self.bid };
        self.high = self.high.max(self.last);
        self.low = self.low.min(self.last);
    }

    fn write_ticker(&self, writer: &mut Writer<'_>) {
        writer.field("last_price", price(self.last));
        writer.field("bid_price", price(self.bid));
        writer.field("ask_price", price(self.ask));
        writer.field("volume_24h", self.quantity(self.volume));
        writer.field("high_24h", price(self.high));
        writer.field("low_24h", price(self.low));
    }

    fn write_depth(&self, writer: &mut Writer<'_>, levels: usize, draw: u64) {
        let side = |best: u64, stream: u64, away: fn(u64, u64) -> u64| {
            let mut state = draw ^ stream;
            let mut at = best;
            (0..levels).map(move |index| {
                state = mix(state);
                if index > 0 {
                    at = away(at, 1 + state % GAP_MAX);
                }
                (price(at), self.quantity(1 + (state >> 8) % QUANTITY_MAX))
            })
        };
        writer.side("bids", side(self.bid, 1, |at, gap| at - gap));
        writer.side("asks", side(self.ask, 2, |at, gap| at + gap));
    }

    /// All trades of the latest message, or its last alone where there is room for one.
    fn write_trades(&self, writer: &mut Writer<'_>, timestamp_ms: u64) {
        let trades = if writer.one_trade_only() { 1 } else { self.trades };
        let first = self.trade_id + 1 - trades;
        writer.trades((first..=self.trade_id).map(|id| Trade {
            id,
            price: price(self.last),
            quantity: self.quantity(self.quantity),
            side: if self.buy { "buy" } else { "sell" },
            timestamp_ms,
        }));
    }

    fn quantity(&self, units: u64) -> Number<'static> {
        Number::Units { units, decimals: self.quantity_decimals }
    }
}

/// Messages of each channel in a hundred.
const WEIGHTS: [u64; 3] = [50, 20, 30];
/// Levels a side unless the configuration says otherwise.
const DEPTH_LEVELS: usize = 10;
const QUANTITY_MAX: u64 = 5_000;
/// Price steps from one level to the next at most.
const GAP_MAX: u64 = 3;
const BID_MIN: u64 = 1_000;
const _: () = assert!(BID_MIN > GAP_MAX * DEPTH_LEVELS_MAX as u64, "the lowest level has a price");
/// FNV-1a, 64 bits: a symbol's first price depends on its name alone.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// Every price has two decimals.
const fn price(units: u64) -> Number<'static> {
    Number::Units { units, decimals: 2 }
}

/// Maps a random number of `bits` bits evenly to `0..count`.
fn scale(draw: u64, bits: u32, count: usize) -> usize {
    let scaled = (u128::from(draw) * count as u128) >> bits;
    usize::try_from(scaled).expect("below count, which is a usize")
}

/// One step of splitmix64.
const fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{Feed, Form, TradeForm};

    fn generator(channels: &[Channel], seed: u64) -> Generator {
        let symbols = vec!["AAPL.US".to_owned(), "BTCUSDT".to_owned()];
        let profile = Profile::Steady { rate_per_s: 1_000 };
        let feed = Feed::Generated { symbols: symbols.clone(), profile, seed };
        let config = SimulatorConfig { channels: channels.to_vec(), ..SimulatorConfig::new(feed) };
        Generator::new(&config, &symbols, profile, seed)
    }

    fn next(generator: &mut Generator, form: Form) -> (Due, Value) {
        let due = generator.peek().unwrap();
        let mut out = Vec::new();
        let mut writer = Writer::new(form, &mut out);
        writer.begin(due.channel, generator.symbol(due.symbol), None);
        generator.write(due.symbol, due.channel, &mut writer);
        writer.end();
        generator.take();
        (due, serde_json::from_slice(&out).unwrap())
    }

    fn number(value: &Value) -> f64 {
        value.as_str().unwrap().parse().unwrap()
    }

    #[test]
    fn messages_are_the_same_for_the_same_seed_and_whether_they_are_written_or_not() {
        let (mut written, mut skipped) = (generator(&Channel::ALL, 5), generator(&Channel::ALL, 5));
        for _ in 0..1_000 {
            next(&mut written, Form::default());
            skipped.peek().unwrap();
            skipped.take();
        }
        let mut other = generator(&Channel::ALL, 6);
        let message = next(&mut written, Form::default());
        assert_eq!(message, next(&mut skipped, Form::default()));
        assert_ne!(message, next(&mut other, Form::default()));
    }

    #[test]
    fn channels_have_their_shares() {
        let mut generator = generator(&Channel::ALL, 1);
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            counts[generator.peek().unwrap().channel.index()] += 1;
            generator.take();
        }
        assert!((4_800..5_200).contains(&counts[0]), "{counts:?}");
        assert!((1_850..2_150).contains(&counts[1]), "{counts:?}");
        assert!((2_800..3_200).contains(&counts[2]), "{counts:?}");
    }

    #[test]
    fn a_channel_that_is_not_served_is_never_drawn() {
        let mut generator = generator(&[Channel::Depth], 1);
        for _ in 0..1_000 {
            assert_eq!(generator.peek().unwrap().channel, Channel::Depth);
            generator.take();
        }
    }

    #[test]
    fn books_are_never_crossed_and_their_levels_are_sorted() {
        let mut generator = generator(&[Channel::Depth], 2);
        for _ in 0..2_000 {
            let (_, message) = next(&mut generator, Form::default());
            let prices = |side: &str| -> Vec<f64> {
                let levels = message["data"][side].as_array().unwrap();
                levels.iter().map(|level| number(&level[0])).collect()
            };
            let (bids, asks) = (prices("bids"), prices("asks"));
            assert_eq!((bids.len(), asks.len()), (DEPTH_LEVELS, DEPTH_LEVELS));
            assert!(bids[0] < asks[0]);
            assert!(bids.is_sorted_by(|higher, lower| higher > lower));
            assert!(asks.is_sorted_by(|lower, higher| lower < higher));
        }
    }

    #[test]
    fn trade_identities_have_no_gap_and_some_messages_have_several() {
        let mut generator = generator(&[Channel::Trade], 3);
        let mut last = [0_u64; 2];
        let mut several = 0;
        for _ in 0..1_000 {
            let (due, message) = next(&mut generator, Form::default());
            let trades = message["data"]["trades"].as_array().unwrap();
            several += usize::from(trades.len() > 1);
            for trade in trades {
                let id: u64 = trade["id"].as_str().unwrap().parse().unwrap();
                assert_eq!(id, last[due.symbol] + 1);
                last[due.symbol] = id;
            }
        }
        assert!(several > 50, "{several}");
    }

    #[test]
    fn the_flat_form_has_one_trade() {
        let mut generator = generator(&[Channel::Trade], 3);
        let form = Form { trades: TradeForm::Flat, ..Form::default() };
        for _ in 0..100 {
            assert!(next(&mut generator, form).1["data"]["price"].is_string());
        }
    }

    #[test]
    fn a_price_never_falls_below_its_floor() {
        let mut walk = Walk::new("A.US");
        for _ in 0..100_000 {
            walk.step(3);
        }
        assert_eq!(walk.bid, BID_MIN);
    }
}
