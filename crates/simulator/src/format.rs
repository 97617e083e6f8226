//! Pushed messages as text, without allocation once the buffer has grown.

use crate::{Channel, Form, NumberForm, Shape, SymbolForm, TradeForm};

/// A price or a quantity.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number<'a> {
    /// As it was received.
    Text(&'a str),
    /// `units / 10^decimals`.
    Units { units: u64, decimals: usize },
}

/// One execution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trade<'a> {
    pub(crate) id: u64,
    pub(crate) price: Number<'a>,
    pub(crate) quantity: Number<'a>,
    pub(crate) side: &'static str,
    pub(crate) timestamp_ms: u64,
}

/// Writes one message into a buffer: [`begin`](Self::begin), members, [`end`](Self::end).
///
/// Symbols and texts must need no escaping, which the feeds see to.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    form: Form,
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Writes to `out`, which is cleared.
    pub(crate) fn new(form: Form, out: &'a mut Vec<u8>) -> Self {
        out.clear();
        Self { form, out }
    }

    /// Whether a trade message has room for one trade only.
    pub(crate) fn one_trade_only(&self) -> bool {
        self.form.trades == TradeForm::Flat
    }

    pub(crate) fn begin(&mut self, channel: Channel, symbol: &str, number: Option<u64>) {
        self.text(match self.form.shape {
            Shape::Documented => r#"{"cmd":""#,
            Shape::Flat => r#"{"type":""#,
        });
        self.text(channel.name());
        self.text(match self.form.shape {
            Shape::Documented => r#"","data":{"symbol":""#,
            Shape::Flat => r#"","symbol":""#,
        });
        self.text(match self.form.symbols {
            SymbolForm::AsSubscribed => symbol,
            SymbolForm::WithoutSuffix => symbol.split('.').next().unwrap_or(symbol),
        });
        self.text(r#"""#);
        if let Some(number) = number {
            self.text(r#","seq":"#);
            push_decimal(self.out, number, 0);
        }
    }

    pub(crate) fn end(&mut self) {
        self.text(match self.form.shape {
            Shape::Documented => "}}",
            Shape::Flat => "}",
        });
    }

    pub(crate) fn field(&mut self, name: &str, value: Number<'_>) {
        self.text(",\"");
        self.text(name);
        self.text("\":");
        self.number(value);
    }

    pub(crate) fn timestamp(&mut self, timestamp_ms: u64) {
        self.text(r#","timestamp":"#);
        push_decimal(self.out, timestamp_ms, 0);
    }

    /// One side of a book, best level first.
    pub(crate) fn side<'n>(
        &mut self,
        name: &str,
        levels: impl Iterator<Item = (Number<'n>, Number<'n>)>,
    ) {
        self.text(",\"");
        self.text(name);
        self.text("\":[");
        for (index, (price, quantity)) in levels.enumerate() {
            self.text(if index == 0 { "[" } else { ",[" });
            self.number(price);
            self.text(",");
            self.number(quantity);
            self.text("]");
        }
        self.text("]");
    }

    /// The trades of a message. In the flat form there must be one.
    pub(crate) fn trades<'n>(&mut self, trades: impl Iterator<Item = Trade<'n>>) {
        if self.form.trades == TradeForm::Flat {
            for (index, trade) in trades.enumerate() {
                debug_assert!(index == 0, "the flat form has room for one trade");
                self.trade(&trade, ",");
            }
            return;
        }
        self.text(r#","trades":["#);
        for (index, trade) in trades.enumerate() {
            self.text(if index == 0 { r#"{"id":""# } else { r#",{"id":""# });
            push_decimal(self.out, trade.id, 0);
            self.trade(&trade, r#"","#);
            self.text("}");
        }
        self.text("]");
    }

    fn trade(&mut self, trade: &Trade<'_>, before: &str) {
        self.text(before);
        self.text(r#""price":"#);
        self.number(trade.price);
        self.field("quantity", trade.quantity);
        self.text(r#","side":""#);
        self.text(trade.side);
        self.text(r#"""#);
        self.timestamp(trade.timestamp_ms);
    }

    fn number(&mut self, value: Number<'_>) {
        let quote = match self.form.numbers {
            NumberForm::Text => "\"",
            NumberForm::Number => "",
        };
        self.text(quote);
        match value {
            Number::Text(text) => self.text(text),
            Number::Units { units, decimals } => push_decimal(self.out, units, decimals),
        }
        self.text(quote);
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}

/// Digits of the longest number: 20 of `u64::MAX` and a point, or a nought, a point and
/// `DECIMALS_MAX` digits.
const DIGITS_MAX: usize = 24;
const DECIMALS_MAX: usize = 20;

/// Appends `units / 10^decimals`, with exactly `decimals` digits after the point.
fn push_decimal(out: &mut Vec<u8>, units: u64, decimals: usize) {
    debug_assert!(decimals <= DECIMALS_MAX, "a number fits in its buffer");
    let mut digits = [0_u8; DIGITS_MAX];
    let mut start = DIGITS_MAX;
    let mut rest = units;
    let mut written = 0;
    while rest > 0 || written <= decimals {
        if written == decimals && decimals > 0 {
            start -= 1;
            digits[start] = b'.';
        }
        start -= 1;
        digits[start] = b'0' + u8::try_from(rest % 10).expect("a digit is below 10");
        rest /= 10;
        written += 1;
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_decimal(units: u64, decimals: usize, expected: &str) {
        let mut out = Vec::new();
        push_decimal(&mut out, units, decimals);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn decimals_are_exact() {
        check_decimal(0, 0, "0");
        check_decimal(7, 0, "7");
        check_decimal(1_767_623_400_000, 0, "1767623400000");
        check_decimal(0, 2, "0.00");
        check_decimal(5, 2, "0.05");
        check_decimal(100, 2, "1.00");
        check_decimal(12_345, 3, "12.345");
        check_decimal(u64::MAX, 0, "18446744073709551615");
        check_decimal(u64::MAX, 19, "1.8446744073709551615");
        check_decimal(1, DECIMALS_MAX, "0.00000000000000000001");
    }

    fn cents(units: u64) -> Number<'static> {
        Number::Units { units, decimals: 2 }
    }

    fn written(form: Form, write: impl Fn(&mut Writer<'_>)) -> String {
        let mut out = b"left over".to_vec();
        write(&mut Writer::new(form, &mut out));
        String::from_utf8(out).unwrap()
    }

    fn ticker(writer: &mut Writer<'_>) {
        writer.begin(Channel::Ticker, "AAPL.US", Some(12));
        writer.field("last_price", cents(15_025));
        writer.timestamp(1_703_123_456_789);
        writer.end();
    }

    #[test]
    fn the_documented_shape_is_the_default() {
        let expected = r#"{"cmd":"ticker","data":{"symbol":"AAPL.US","seq":12,"last_price":"150.25","timestamp":1703123456789}}"#;
        assert_eq!(written(Form::default(), ticker), expected);
    }

    #[test]
    fn the_flat_shape_numbers_and_short_symbols_are_switches() {
        let form = Form {
            numbers: NumberForm::Number,
            shape: Shape::Flat,
            trades: TradeForm::Flat,
            symbols: SymbolForm::WithoutSuffix,
        };
        let expected = r#"{"type":"ticker","symbol":"AAPL","seq":12,"last_price":150.25,"timestamp":1703123456789}"#;
        assert_eq!(written(form, ticker), expected);
    }

    #[test]
    fn a_book_has_its_levels_in_pairs_and_may_be_empty() {
        let depth = written(Form::default(), |writer| {
            writer.begin(Channel::Depth, "BTCUSDT", None);
            let levels =
                [(Number::Text("43250.50"), Number::Text("0.125")), (cents(4_325_000), cents(25))];
            writer.side("bids", levels.into_iter());
            writer.side("asks", std::iter::empty());
            writer.timestamp(5);
            writer.end();
        });
        let expected = r#"{"cmd":"depth","data":{"symbol":"BTCUSDT","bids":[["43250.50","0.125"],["43250.00","0.25"]],"asks":[],"timestamp":5}}"#;
        assert_eq!(depth, expected);
    }

    fn trades(writer: &mut Writer<'_>, count: u64) {
        writer.begin(Channel::Trade, "700.HK", Some(1));
        writer.trades((0..count).map(|index| Trade {
            id: 20_950 + index,
            price: cents(55_300),
            quantity: Number::Text("100"),
            side: "buy",
            timestamp_ms: 9,
        }));
        writer.end();
    }

    #[test]
    fn trades_come_as_an_array_or_alone() {
        let array = written(Form::default(), |writer| trades(writer, 2));
        let expected = r#"{"cmd":"trade","data":{"symbol":"700.HK","seq":1,"trades":[{"id":"20950","price":"553.00","quantity":"100","side":"buy","timestamp":9},{"id":"20951","price":"553.00","quantity":"100","side":"buy","timestamp":9}]}}"#;
        assert_eq!(array, expected);
        let flat = Form { trades: TradeForm::Flat, ..Form::default() };
        let expected = r#"{"cmd":"trade","data":{"symbol":"700.HK","seq":1,"price":"553.00","quantity":"100","side":"buy","timestamp":9}}"#;
        assert_eq!(written(flat, |writer| trades(writer, 1)), expected);
    }
}
