//! The checksums that venues send with their books.
//!
//! The text that a checksum is taken of lies in a buffer on the stack: no allocation, one pass of
//! the hash.

use tickring_event::{POWERS_OF_TEN, eight_bytes};

use crate::written::{Written, WrittenBook, WrittenLevel};

/// Levels of a side in Kraken's checksum, whatever the book's depth.
const KRAKEN_LEVELS: usize = 10;

/// Levels of a side in OKX's checksum.
const OKX_LEVELS: usize = 25;

/// Bytes of a number as it was written: the digits of the largest 64-bit number, or a zero and a point
/// before at most 18 decimals.
const NUMBER_BYTES_MAX: usize = 21;

/// Digits are written eight at a time: the last ones may reach beyond the number's end.
const OVERHANG: usize = 8;

const KRAKEN_BYTES_MAX: usize = 2 * KRAKEN_LEVELS * 2 * NUMBER_BYTES_MAX + OVERHANG;

/// Each number is followed by a colon.
const OKX_BYTES_MAX: usize = 2 * OKX_LEVELS * 2 * (NUMBER_BYTES_MAX + 1) + OVERHANG;

/// <https://docs.kraken.com/api/docs/guides/spot-ws-book-v2>
pub(crate) fn kraken(book: &WrittenBook) -> u32 {
    let mut text = Text::<KRAKEN_BYTES_MAX>::new();
    let mut add = |level: WrittenLevel| {
        text.digits(level.price_written);
        text.digits(level.quantity_written);
    };
    book.asks().take(KRAKEN_LEVELS).for_each(&mut add);
    book.bids().take(KRAKEN_LEVELS).for_each(&mut add);
    crc32fast::hash(text.bytes())
}

/// OKX's page of the `books` channel, "Checksum", as it was until June 2026.
pub(crate) fn okx(book: &WrittenBook) -> i32 {
    let mut text = Text::<OKX_BYTES_MAX>::new();
    let mut bids = book.bids().take(OKX_LEVELS);
    let mut asks = book.asks().take(OKX_LEVELS);
    loop {
        let (bid, ask) = (bids.next(), asks.next());
        if bid.is_none() && ask.is_none() {
            break;
        }
        for level in [bid, ask].into_iter().flatten() {
            text.number(level.price_written);
            text.push(b':');
            text.number(level.quantity_written);
            text.push(b':');
        }
    }
    let joined = text.bytes();
    crc32fast::hash(joined.strip_suffix(b":").unwrap_or(joined)).cast_signed()
}

/// Text on the stack. Its size is what the levels of a checksum need at most.
struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    const fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    /// The digits without zeros in front; none of zero.
    fn digits(&mut self, number: Written) {
        self.whole(number.digits());
    }

    /// The number as it was written.
    fn number(&mut self, number: Written) {
        let (digits, decimals) = (number.digits(), usize::from(number.decimals()));
        // At least one digit stands before the point.
        if digits < POWERS_OF_TEN[decimals].cast_unsigned() || digits == 0 {
            self.padded(digits, decimals + 1);
        } else {
            self.whole(digits);
        }
        if decimals > 0 {
            let point = self.len - decimals;
            self.bytes.copy_within(point..self.len, point + 1);
            self.bytes[point] = b'.';
            self.len += 1;
        }
    }

    /// The digits of a number; none of zero.
    fn whole(&mut self, number: u64) {
        let (high, low) = (number / EIGHT_DIGITS, low_eight(number));
        if high > 0 {
            self.whole(high);
            return self.put(low, 8);
        }
        let zeros = (low.trailing_zeros() / 8) as usize;
        if low != 0 {
            self.put(low >> (8 * zeros), 8 - zeros);
        }
    }

    /// The last `len` digits of a number, zeros in front of it included.
    fn padded(&mut self, number: u64, len: usize) {
        let mut rest = len;
        if rest > 8 {
            self.padded(number / EIGHT_DIGITS, rest - 8);
            rest = 8;
        }
        self.put(low_eight(number) >> (8 * (8 - rest)), rest);
    }

    /// The first `len` of eight digits, the first one lowest.
    fn put(&mut self, digits: u64, len: usize) {
        let text = (digits | u64::from_le_bytes([b'0'; 8])).to_le_bytes();
        self.bytes[self.len..self.len + 8].copy_from_slice(&text);
        self.len += len;
    }
}

/// One more than the largest number of eight digits.
const EIGHT_DIGITS: u64 = 100_000_000;

/// The last eight digits of a number, the first one lowest.
const fn low_eight(number: u64) -> u64 {
    eight_bytes((number % EIGHT_DIGITS) as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tickring_event::{Decimal, Price, Scale};

    use super::*;

    fn level(price: &str, quantity: &str) -> WrittenLevel {
        let scale = Scale::new(8).unwrap();
        let mantissa = Decimal::parse(price.as_bytes(), scale).unwrap().mantissa;
        let price_text = price.as_bytes();
        WrittenLevel::read(Price::from_mantissa(mantissa), price_text, quantity.as_bytes()).unwrap()
    }

    /// Levels in words: `price quantity`, separated by commas.
    fn book(bids: &str, asks: &str) -> WrittenBook {
        let levels = |text: &str| -> Vec<WrittenLevel> {
            let pairs = text.split(", ").filter(|it| !it.is_empty());
            pairs.map(|it| it.split_once(' ').unwrap()).map(|(p, q)| level(p, q)).collect()
        };
        let mut book = WrittenBook::new();
        levels(bids).into_iter().for_each(|level| book.set_bid(level));
        levels(asks).into_iter().for_each(|level| book.set_ask(level));
        book
    }

    /// The venue's own example.
    #[test]
    fn krakens_checksum_is_that_of_its_documentation() {
        let asks = "45285.2 0.00100000, 45286.4 1.54571953, 45286.6 1.54571109, \
            45289.6 1.54560911, 45290.2 0.15890660, 45291.8 1.54553491, 45294.7 0.04454749, \
            45296.1 0.35380000, 45297.5 0.09945542, 45299.5 0.18772827";
        let bids = "45283.5 0.10000000, 45283.4 1.54582015, 45282.1 0.10000000, \
            45281.0 0.10000000, 45280.3 1.54592586, 45279.0 0.07990000, 45277.6 0.03310103, \
            45277.5 0.30000000, 45277.3 1.54602737, 45276.6 0.15445238";
        assert_eq!(book(bids, asks).kraken_checksum(), 3_310_070_434);
        let deeper = format!("{bids}, 45276.5 1.00000000");
        assert_eq!(book(&deeper, asks).kraken_checksum(), 3_310_070_434, "only ten count");
    }

    #[test]
    fn a_zero_in_front_is_no_digit_of_krakens_text() {
        let book = book("0.0275 0.00010000", "0.2277 14.86598849, 0.09 0.00");
        assert_eq!(book.kraken_checksum(), crc32fast::hash(b"2277148659884927510000"));
    }

    #[test]
    fn okxs_text_joins_bids_and_asks_in_turn_and_goes_on_with_the_longer_side() {
        #[track_caller]
        fn check(bids: &str, asks: &str, text: &str) {
            let expected = crc32fast::hash(text.as_bytes()).cast_signed();
            assert_eq!(book(bids, asks).okx_checksum(), expected, "{text}");
        }
        // Both shapes are the documentation's own.
        check("3366.1 7, 3366 6", "3366.8 9, 3368 8", "3366.1:7:3366.8:9:3366:6:3368:8");
        check("3366.1 7", "3366.8 9, 3368 8, 3372 8", "3366.1:7:3366.8:9:3368:8:3372:8");
        check("0.50 10.0", "", "0.50:10.0");
        check("", "", "");
    }

    #[test]
    fn okxs_checksum_has_a_sign_and_counts_25_levels() {
        let side = |from: u32, count: u32| -> String {
            (from..from + count).map(|it| format!("{it} 1")).collect::<Vec<_>>().join(", ")
        };
        let (bids, asks) = (side(100, 25), side(200, 25));
        let checksum = book(&bids, &asks).okx_checksum();
        assert_eq!(
            book(&format!("99 1, {bids}"), &format!("{asks}, 225 1")).okx_checksum(),
            checksum
        );
        assert_ne!(book(&format!("125 1, {bids}"), &asks).okx_checksum(), checksum);
        assert_eq!(book("3366.1 7", "3366.8 9").okx_checksum(), -2_058_547_290);
    }

    proptest! {
        #[test]
        fn every_written_number_is_given_back(whole in 0..=u32::MAX, fraction in "[0-9]{0,9}") {
            let point = if fraction.is_empty() { "" } else { "." };
            let written = format!("{whole}{point}{fraction}");
            let number = Written::read(written.as_bytes()).unwrap();
            let mut text = Text::<64>::new();
            text.number(number);
            prop_assert_eq!(text.bytes(), written.as_bytes());
            let digits = written.replace('.', "");
            let mut text = Text::<64>::new();
            text.digits(number);
            prop_assert_eq!(text.bytes(), digits.trim_start_matches('0').as_bytes());
        }

        #[test]
        fn the_longest_numbers_fit_the_text(digits in "[1-9][0-9]{18}", at in 1..=19_usize) {
            let text = format!("{}.{}", &digits[..at], &digits[at..]);
            let number = Written::read(text.trim_end_matches('.').as_bytes()).unwrap();
            let level = |price| WrittenLevel {
                price: Price::from_mantissa(price),
                price_written: number,
                quantity_written: number,
            };
            let mut book = WrittenBook::new();
            (0..60).for_each(|price| book.set_bid(level(price)));
            (100..160).for_each(|price| book.set_ask(level(price)));
            let text = text.trim_end_matches('.');
            let kraken = crc32fast::hash(digits.repeat(40).as_bytes());
            let okx = crc32fast::hash(vec![text; 100].join(":").as_bytes());
            prop_assert_eq!(book.kraken_checksum(), kraken);
            prop_assert_eq!(book.okx_checksum(), okx.cast_signed());
        }
    }
}
