//! The toolkit's measures and the moving-average cross, beside what NumPy and pandas computed for the
//! same made-up market: `tools/checks/toolkit_fixture.py`.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod table;

use tickring_event::{
    Bar, InstrumentId, Instruments, Level, MarketEvent, Origin, Price, Quantity, Scale, Trade,
};
use tickring_strategy::toolkit::{
    Added, BestLevels, EwStats, EwVolatility, HalfLife, OrderFlowImbalance, RealisedVolatility,
    Rolling, RollingSum, RollingVwap, Summary, TimeBar, TimeBars, Vwap,
};
use tickring_strategy::{Context, SignalPort, TARGET, builtin, signal_channel};

use crate::table::{Row, Table};

/// Lengths that the script has as well.
const WINDOW: usize = 20;
const HALF_LIFE: f64 = 7.0;
const HALF_LIFE_S: f64 = 3.0;
const BAR_NS: u64 = 5_000_000_000;

/// Checks at each row what a measure has seen so far, by the column that it must equal.
#[track_caller]
fn check(mut measure: impl FnMut(&Row<'_>) -> Vec<(&'static str, Option<f64>)>) {
    let table = Table::read("toolkit.csv");
    let mut rows = 0;
    for row in table.rows() {
        for (column, found) in measure(&row) {
            row.check(column, found);
        }
        rows += 1;
    }
    assert_eq!(rows, 160);
}

fn price_scale() -> Scale {
    Scale::new(2).unwrap()
}

fn best(row: &Row<'_>) -> BestLevels {
    let level = |price, quantity| Level {
        price: Price::from_mantissa(row.whole(price)),
        quantity: Quantity::from_mantissa(row.whole(quantity)),
    };
    BestLevels { bid: level("bid", "bid_quantity"), ask: level("ask", "ask_quantity") }
}

fn trade(row: &Row<'_>) -> Trade {
    let price = Price::from_mantissa(row.whole("trade_price"));
    let quantity = Quantity::from_mantissa(row.whole("trade_quantity"));
    Trade { price, quantity, taker: None, trade_id: None }
}

fn time_ns(row: &Row<'_>) -> u64 {
    row.whole("time_ns").try_into().unwrap()
}

#[test]
fn best_levels() {
    check(|row| {
        let best = best(row);
        vec![
            ("mid", Some(best.prices().mid(price_scale()))),
            ("microprice", best.microprice(price_scale())),
            ("imbalance", best.volumes().imbalance()),
        ]
    });
}

#[test]
fn order_flow_imbalance() {
    let table = Table::read("toolkit.csv");
    let mut imbalance = OrderFlowImbalance::new();
    for row in table.rows() {
        imbalance.push(Some(best(&row)));
        assert_eq!(imbalance.sum(), i128::from(row.whole("order_flow")));
    }
}

#[test]
fn volume_weighted_prices() {
    let (mut all, mut last) = (Vwap::new(), RollingVwap::new(WINDOW));
    check(|row| {
        let Trade { price, quantity, .. } = trade(row);
        assert!(all.push(price, quantity) && last.push(price, quantity));
        vec![("vwap", all.price(price_scale())), ("vwap_rolling", last.price(price_scale()))]
    });
}

#[test]
fn rolling_moments_and_ends() {
    let mut window = Rolling::new(WINDOW);
    let (mut prices, mut all) = (RollingSum::new(WINDOW), Summary::new());
    check(|row| {
        let value = row.number("value").unwrap();
        assert!(window.push(value) && all.push(value));
        prices.push(trade(row).price.mantissa());
        vec![
            ("rolling_price", prices.mean()),
            ("rolling_mean", window.mean()),
            ("rolling_variance", window.variance()),
            ("rolling_sample_variance", window.sample_variance()),
            ("rolling_min", window.min()),
            ("rolling_max", window.max()),
            ("all_mean", all.mean()),
            ("all_min", all.min()),
            ("all_max", all.max()),
        ]
    });
}

#[test]
fn exponentially_weighted_moments() {
    let mut by_count = EwStats::new(HalfLife::Observations(HALF_LIFE));
    let mut by_time = EwStats::new(HalfLife::Seconds(HALF_LIFE_S));
    check(|row| {
        let (value, time_ns) = (row.number("value").unwrap(), time_ns(row));
        assert!(by_count.push(value, time_ns) && by_time.push(value, time_ns));
        vec![
            ("ew_mean", by_count.mean()),
            ("ew_variance", by_count.variance()),
            ("ew_sample_variance", by_count.sample_variance()),
            ("ew_time_mean", by_time.mean()),
            ("ew_time_variance", by_time.variance()),
        ]
    });
}

#[test]
fn realised_volatility() {
    let mut last = RealisedVolatility::new(WINDOW);
    let mut by_count = EwVolatility::new(HalfLife::Observations(HALF_LIFE));
    let mut by_time = EwVolatility::new(HalfLife::Seconds(HALF_LIFE_S));
    let mut before = None;
    check(|row| {
        let price = trade(row).price.to_f64(price_scale());
        assert!(last.push(price));
        match before.replace(price) {
            None => by_time.start(time_ns(row)),
            Some(before) => {
                let log_return = (price / before).ln();
                assert!(by_count.push(log_return, 0) && by_time.push(log_return, time_ns(row)));
            }
        }
        vec![
            ("realised_variance", last.variance()),
            ("ew_volatility", by_count.volatility()),
            ("ew_time_volatility", by_time.volatility()),
        ]
    });
}

#[test]
fn bars_from_trades() {
    let table = Table::read("toolkit.csv");
    let mut bars = TimeBars::new(BAR_NS);
    let mut closed: Vec<TimeBar> = Vec::new();
    for row in table.rows() {
        match bars.add(trade(&row), time_ns(&row)) {
            Added::Taken => {}
            Added::Closed(bar) => closed.push(bar),
            left_out => panic!("{left_out:?}"),
        }
    }
    closed.extend(bars.finish());
    let expected = Table::read("toolkit_bars.csv");
    assert_eq!(closed.len(), expected.rows().count());
    for (bar, row) in closed.iter().zip(expected.rows()) {
        let prices = [bar.open, bar.high, bar.low, bar.close].map(Price::mantissa);
        assert_eq!(prices, ["open", "high", "low", "close"].map(|column| row.whole(column)));
        let bar = bar.bar().unwrap();
        assert_eq!(bar.start_ns, row.whole("start_ns"));
        assert_eq!(bar.volume.mantissa(), row.whole("volume"));
        assert_eq!(bar.trades, u64::try_from(row.whole("trades")).unwrap());
    }
}

#[test]
fn targets_of_the_moving_average_cross() {
    let table = Table::read("toolkit.csv");
    let params = [("fast", "3"), ("slow", "8"), ("short", "true")];
    let mut strategy = builtin::by_name_with("ma-cross", &params).unwrap();
    let instruments = Instruments::with_capacity(1);
    let instrument = instruments.register("A", b"1.00", b"1.000").unwrap();
    let (sender, receiver) = signal_channel(10);
    let mut port = SignalPort::new(sender, 0, 0);
    let (mut target, mut changes) = (0.0, 0);
    for (second, row) in (1_i64..).zip(table.rows()) {
        let event = close(instrument, second, trade(&row));
        let mut context = Context::new(&instruments, &mut port, 0, event.venue_time_ns);
        strategy.on_event(&event, &mut context).unwrap();
        while let Some(signal) = receiver.try_receive().unwrap() {
            assert_eq!(signal.name, TARGET);
            target = signal.value;
            changes += 1;
        }
        row.check("target", Some(target));
    }
    assert!(changes > 10, "{changes}");
}

/// A complete bar of one second that closes with this trade.
fn close(instrument: InstrumentId, second: i64, trade: Trade) -> MarketEvent {
    let Trade { price, quantity: volume, .. } = trade;
    let (open, high, low, close) = (price, price, price, price);
    let interval_ns = 1_000_000_000;
    let start_ns = second * interval_ns;
    let venue_time_ns = (start_ns + interval_ns).try_into().unwrap();
    let origin = Origin { instrument, venue_time_ns, ..Origin::default() };
    MarketEvent::bar(
        &origin,
        &Bar { start_ns, interval_ns, open, high, low, close, volume, trades: 1 },
    )
}

#[test]
fn the_files_are_what_the_script_writes() {
    table::check_script();
}
