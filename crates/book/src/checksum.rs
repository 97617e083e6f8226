//! The checksums that venues send with their books.
//!
//! What a level adds to the text that a checksum is taken of is made once, when the level is read. A
//! checksum is then a copy of the best levels' texts and one pass of the hash.

use tickring_event::{NumberText, eight_bytes, plain_digits};

/// Levels of a side in Kraken's checksum, whatever the book's depth.
const KRAKEN_LEVELS: usize = 10;

/// Levels of a side in OKX's checksum.
const OKX_LEVELS: usize = 25;

/// Most decimals of a number that is kept as it was written.
const DECIMALS_MAX: usize = 18;

/// Bytes of a number as it was written: the digits of the largest 64-bit number, and a point.
const NUMBER_BYTES_MAX: usize = 21;

/// Bytes that the text of a level is copied by, whatever its length: two numbers with a colon behind
/// each, or their digits and an overhang, since those are written eight at a time.
const LEVEL_BYTES: usize = 47;

/// What is behind each number of OKX's text but the last.
const COLON: &[u8; 1] = b":";

/// Bytes of the longest text that a checksum is taken of.
const JOINED_BYTES: usize = 2 * OKX_LEVELS * LEVEL_BYTES;

const _: () = assert!(LEVEL_BYTES >= 2 * (NUMBER_BYTES_MAX + 1), "OKX's numbers and colons fit");
const _: () = assert!(LEVEL_BYTES >= 2 * (NUMBER_BYTES_MAX - 1) + 7, "Kraken's digits fit");

/// How a venue makes the checksum of a book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChecksumForm {
    /// CRC-32 over the ten best asks, then the ten best bids, price then quantity of each, without the
    /// point and without zeros in front.
    ///
    /// Source: <https://docs.kraken.com/api/docs/guides/spot-ws-book-v2>
    Kraken,
    /// CRC-32, which the venue sends as a signed number, over the 25 best levels, a bid and an ask in
    /// turn, price and size of each as written, all joined by colons.
    ///
    /// Source: OKX's page of the `books` channel, "Checksum", as it was until June 2026.
    Okx,
}

/// What one level adds to the text that a book's checksum is taken of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LevelText {
    bytes: [u8; LEVEL_BYTES],
    len: u8,
}

impl LevelText {
    /// Of a level that is in no checksum.
    pub const EMPTY: Self = Self { bytes: [0; LEVEL_BYTES], len: 0 };

    /// Becomes the text of a level whose numbers were written so. `None` where one is not written in the
    /// one plain way: digits with at most one point and 18 decimals, neither a sign nor an exponent nor an
    /// idle zero in front, and no more digits than 64 bits hold. Others could not be given back exactly,
    /// and this text then stays what it was.
    #[inline(always)]
    #[must_use]
    pub fn set<'text>(
        &mut self,
        form: ChecksumForm,
        price: impl Into<NumberText<'text>>,
        quantity: impl Into<NumberText<'text>>,
    ) -> Option<()> {
        let (price, quantity) = (price.into(), quantity.into());
        let (price_digits, quantity_digits) = (digits(price)?, digits(quantity)?);
        self.len = 0;
        match form {
            ChecksumForm::Kraken => {
                self.put_digits(price_digits);
                self.put_digits(quantity_digits);
            }
            ChecksumForm::Okx => {
                self.put_text(price.text());
                self.put_text(quantity.text());
            }
        }
        Some(())
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline(always)]
    fn put_text(&mut self, text: &[u8]) {
        let (at, len) = (usize::from(self.len), text.len());
        let target = &mut self.bytes[at..at + len];
        match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
            // Most numbers: two pieces that overlap.
            (Some(head), Some(tail)) if len <= 8 => {
                target[..4].copy_from_slice(head);
                target[len - 4..].copy_from_slice(tail);
            }
            (Some(_), Some(_)) => target.copy_from_slice(text),
            _ => target.iter_mut().zip(text).for_each(|(to, from)| *to = *from),
        }
        self.bytes[at + len] = COLON[0];
        self.grow(len + 1);
    }

    /// The digits without zeros in front; none of zero.
    fn put_digits(&mut self, number: u64) {
        let (high, low) = (number / EIGHT_DIGITS, low_eight(number));
        if high > 0 {
            self.put_digits(high);
            return self.put_eight(low, 8);
        }
        let zeros = (low.trailing_zeros() / 8) as usize;
        if low != 0 {
            self.put_eight(low >> (8 * zeros), 8 - zeros);
        }
    }

    /// The first `len` of eight digits, the first one lowest.
    fn put_eight(&mut self, digits: u64, len: usize) {
        let text = (digits | u64::from_le_bytes([b'0'; 8])).to_le_bytes();
        let at = usize::from(self.len);
        self.bytes[at..at + 8].copy_from_slice(&text);
        self.grow(len);
    }

    #[expect(clippy::cast_possible_truncation, reason = "the bytes end below 256")]
    const fn grow(&mut self, len: usize) {
        self.len += len as u8;
    }
}

/// The text that a checksum is taken of, in memory that is reused.
#[derive(Clone, Debug)]
pub(crate) struct Joined {
    /// As long as any checksum's text, once there was one.
    bytes: Vec<u8>,
    len: usize,
}

impl Joined {
    pub(crate) const fn new() -> Self {
        Self { bytes: Vec::new(), len: 0 }
    }

    /// The checksum of a book whose sides have these texts, the best level first.
    pub(crate) fn checksum<'a>(
        &mut self,
        form: ChecksumForm,
        bids: impl Iterator<Item = &'a LevelText>,
        asks: impl Iterator<Item = &'a LevelText>,
    ) -> u32 {
        self.bytes.resize(JOINED_BYTES, 0);
        self.len = 0;
        match form {
            ChecksumForm::Kraken => {
                asks.take(KRAKEN_LEVELS).for_each(|level| self.push(level));
                bids.take(KRAKEN_LEVELS).for_each(|level| self.push(level));
            }
            ChecksumForm::Okx => {
                self.push_in_turn(bids.take(OKX_LEVELS), asks.take(OKX_LEVELS));
                self.len = self.len.saturating_sub(COLON.len());
            }
        }
        crc32fast::hash(&self.bytes[..self.len])
    }

    fn push_in_turn<'a>(
        &mut self,
        mut bids: impl Iterator<Item = &'a LevelText>,
        mut asks: impl Iterator<Item = &'a LevelText>,
    ) {
        loop {
            let (bid, ask) = (bids.next(), asks.next());
            if bid.is_none() && ask.is_none() {
                break;
            }
            [bid, ask].into_iter().flatten().for_each(|level| self.push(level));
        }
    }

    /// Copies all bytes of a level's text: the next one overwrites those behind its end.
    #[inline(always)]
    fn push(&mut self, level: &LevelText) {
        self.bytes[self.len..self.len + LEVEL_BYTES].copy_from_slice(&level.bytes);
        self.len += usize::from(level.len);
    }
}

/// All digits of a number that is written in the one plain way, as one number.
#[inline(always)]
fn digits(number: NumberText<'_>) -> Option<u64> {
    let text = number.text();
    let plain = match number.short() {
        Some(short) => Some(short.digits()),
        None => plain_digits(text).map(|(digits, _)| digits),
    };
    match plain {
        // A zero in front is idle unless it is the only digit there.
        Some(digits) if !matches!(text, [b'0', b'0'..=b'9', ..]) => Some(digits),
        _ => any_digits(text),
    }
}

#[inline(never)]
fn any_digits(text: &[u8]) -> Option<u64> {
    let mut digits: u64 = 0;
    let mut point = None;
    for (index, &byte) in text.iter().enumerate() {
        if byte == b'.' && point.is_none() {
            point = Some(index);
            continue;
        }
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        digits = digits.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    let whole = point.unwrap_or(text.len());
    let decimals = point.map_or(0, |point| text.len() - point - 1);
    let has_idle_zero = whole > 1 && text[0] == b'0';
    let has_idle_point = point.is_some() && decimals == 0;
    if whole == 0 || has_idle_zero || has_idle_point || decimals > DECIMALS_MAX {
        return None;
    }
    Some(digits)
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
    use tickring_event::{Decimal, Level, Price, Quantity, Scale};

    use super::*;
    use crate::written::WrittenBook;

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(digits(text.as_bytes().into()), expected, "{text}");
    }

    #[test]
    fn a_number_keeps_its_digits() {
        check("0.50930100", Some(50_930_100));
        check("62807.0", Some(628_070));
        check("10", Some(10));
        check("0", Some(0));
        check("0.00000000", Some(0));
        check("9.999999999999999999", Some(9_999_999_999_999_999_999));
    }

    #[test]
    fn what_could_not_be_given_back_exactly_is_refused() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e-8", "01", "00.1", "1.2.3", " 1", "1,0"] {
            check(text, None);
        }
        check("18446744073709551615", Some(u64::MAX));
        check("18446744073709551616", None);
        check("0.000000000000000000", Some(0));
        check("0.0000000000000000000", None);
    }

    fn level_text(form: ChecksumForm, price: &str, quantity: &str) -> Option<LevelText> {
        let mut text = LevelText::EMPTY;
        text.set(form, price.as_bytes(), quantity.as_bytes()).map(|()| text)
    }

    fn mantissa(text: &str) -> i64 {
        Decimal::parse(text.as_bytes(), Scale::new(8).unwrap()).unwrap().mantissa
    }

    /// Levels in words: `price quantity`, separated by commas.
    fn book(form: ChecksumForm, bids: &str, asks: &str) -> WrittenBook {
        let levels = |text: &str| -> Vec<(Level, LevelText)> {
            let pairs = text.split(", ").filter(|it| !it.is_empty());
            let level = |(price, quantity): (&str, &str)| {
                let text = level_text(form, price, quantity).unwrap();
                let price = Price::from_mantissa(mantissa(price));
                (Level { price, quantity: Quantity::from_mantissa(mantissa(quantity)) }, text)
            };
            pairs.map(|it| it.split_once(' ').unwrap()).map(level).collect()
        };
        let mut book = WrittenBook::new(form);
        levels(bids).iter().for_each(|(level, text)| book.set_bid(*level, text));
        levels(asks).iter().for_each(|(level, text)| book.set_ask(*level, text));
        book
    }

    fn kraken_checksum(bids: &str, asks: &str) -> u32 {
        book(ChecksumForm::Kraken, bids, asks).checksum()
    }

    fn okx_checksum(bids: &str, asks: &str) -> u32 {
        book(ChecksumForm::Okx, bids, asks).checksum()
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
        assert_eq!(kraken_checksum(bids, asks), 3_310_070_434);
        let deeper = format!("{bids}, 45276.5 1.00000000");
        assert_eq!(kraken_checksum(&deeper, asks), 3_310_070_434, "only ten count");
    }

    #[test]
    fn a_zero_in_front_is_no_digit_of_krakens_text() {
        let checksum = kraken_checksum("0.0275 0.00010000", "0.2277 14.86598849, 0.09 0.00");
        assert_eq!(checksum, crc32fast::hash(b"2277148659884927510000"));
    }

    #[test]
    fn okxs_text_joins_bids_and_asks_in_turn_and_goes_on_with_the_longer_side() {
        #[track_caller]
        fn check(bids: &str, asks: &str, text: &str) {
            assert_eq!(okx_checksum(bids, asks), crc32fast::hash(text.as_bytes()), "{text}");
        }
        // Both shapes are the documentation's own.
        check("3366.1 7, 3366 6", "3366.8 9, 3368 8", "3366.1:7:3366.8:9:3366:6:3368:8");
        check("3366.1 7", "3366.8 9, 3368 8, 3372 8", "3366.1:7:3366.8:9:3368:8:3372:8");
        check("0.50 10.0", "", "0.50:10.0");
        check("", "", "");
    }

    #[test]
    fn okxs_checksum_counts_25_levels() {
        let side = |from: u32, count: u32| -> String {
            (from..from + count).map(|it| format!("{it} 1")).collect::<Vec<_>>().join(", ")
        };
        let (bids, asks) = (side(100, 25), side(200, 25));
        let checksum = okx_checksum(&bids, &asks);
        assert_eq!(okx_checksum(&format!("99 1, {bids}"), &format!("{asks}, 225 1")), checksum);
        assert_ne!(okx_checksum(&format!("125 1, {bids}"), &asks), checksum);
        // The documentation's, whose sign is the highest bit.
        assert_eq!(okx_checksum("3366.1 7", "3366.8 9").cast_signed(), -2_058_547_290);
    }

    proptest! {
        #[test]
        fn every_plain_number_is_given_back(
            whole in 0..=u32::MAX,
            fraction in "[0-9]{0,9}",
            quantity in 0..=u64::MAX,
        ) {
            let point = if fraction.is_empty() { "" } else { "." };
            let price = format!("{whole}{point}{fraction}");
            let quantity = quantity.to_string();
            let read = |form| {
                let level = level_text(form, &price, &quantity).unwrap();
                String::from_utf8(level.bytes[..usize::from(level.len)].to_vec()).unwrap()
            };
            prop_assert_eq!(read(ChecksumForm::Okx), format!("{price}:{quantity}:"));
            let digits = price.replace('.', "");
            let digits = digits.trim_start_matches('0');
            let quantity = quantity.trim_start_matches('0');
            prop_assert_eq!(read(ChecksumForm::Kraken), format!("{digits}{quantity}"));
        }

        #[test]
        fn the_longest_numbers_fit_the_text(digits in "1[0-7][0-9]{18}", at in 2..=20_usize) {
            let text = format!("{}.{}", &digits[..at], &digits[at..]);
            let text = text.trim_end_matches('.');
            let check = |form, expected: u32| {
                let level = level_text(form, text, text).unwrap();
                let mut book = WrittenBook::new(form);
                let at = |price| Level {
                    price: Price::from_mantissa(price),
                    quantity: Quantity::from_mantissa(1),
                };
                (0..60).for_each(|price| book.set_bid(at(price), &level));
                (100..160).for_each(|price| book.set_ask(at(price), &level));
                assert_eq!(book.checksum(), expected, "{text}");
            };
            check(ChecksumForm::Kraken, crc32fast::hash(digits.repeat(40).as_bytes()));
            check(ChecksumForm::Okx, crc32fast::hash(vec![text; 100].join(":").as_bytes()));
        }

        #[test]
        fn no_text_panics(text in proptest::collection::vec(any::<u8>(), 0..30)) {
            let is_read = LevelText::EMPTY.clone().set(ChecksumForm::Okx, &text[..], b"1").is_some();
            prop_assert!(!is_read || text.iter().all(|it| it.is_ascii_digit() || *it == b'.'));
        }
    }
}
