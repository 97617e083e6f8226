//! What could be known of a damaged stream: a book of texts and the venue's rule, written a second
//! time, in the plainest way.

use std::collections::BTreeMap;

/// One depth message as its texts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    pub(crate) is_snapshot: bool,
    /// Price and quantity, in the venue's order.
    pub(crate) bids: Vec<[String; 2]>,
    pub(crate) asks: Vec<[String; 2]>,
    pub(crate) checksum: Option<i64>,
    /// The number of the message before, and its own.
    pub(crate) link: Option<[i64; 2]>,
    /// A number that only grows.
    pub(crate) number: Option<i64>,
}

/// How a venue's checksum is made, and to how many levels its books are cut.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    Kraken {
        depth: usize,
    },
    Okx,
    /// The same, and numbers that grow.
    Bitget,
    /// Each message names the one before; there is no checksum.
    Links,
}

/// The index of the first message at which it can be known that something is wrong: a change
/// without a book, or a checksum that is not the book's.
pub(crate) fn first_detectable<'a>(
    rule: Rule,
    messages: impl Iterator<Item = &'a Message>,
) -> Option<usize> {
    let mut last = None;
    let mut book: Option<[Side<'_>; 2]> = None;
    for (index, message) in messages.enumerate() {
        if message.is_snapshot {
            book = Some(<[Side<'_>; 2]>::default());
        }
        let Some([bids, asks]) = &mut book else { return Some(index) };
        if let Some([previous, own]) = message.link {
            if !message.is_snapshot && last != Some(previous) {
                return Some(index);
            }
            last = Some(own);
            continue;
        }
        if let Some(number) = message.number {
            let is_empty = message.bids.is_empty() && message.asks.is_empty();
            let grows = last.is_none_or(|last| number > last || is_empty && number == last);
            if !message.is_snapshot && !grows {
                return Some(index);
            }
            last = Some(number);
        }
        for (side, levels) in [(&mut *bids, &message.bids), (&mut *asks, &message.asks)] {
            for [price, quantity] in levels {
                side.remove(&key(price));
                if key(quantity) != 0 {
                    side.insert(key(price), [price, quantity]);
                }
            }
        }
        let ours = match rule {
            Rule::Kraken { depth } => {
                while bids.len() > depth {
                    bids.pop_first();
                }
                while asks.len() > depth {
                    asks.pop_last();
                }
                kraken(bids, asks)
            }
            Rule::Okx | Rule::Bitget => okx(bids, asks),
            Rule::Links => continue,
        };
        if message.checksum.is_some_and(|venue| venue != ours) {
            return Some(index);
        }
    }
    None
}

/// Levels by price, each with both texts as they last came.
pub(crate) type Side<'a> = BTreeMap<i128, [&'a str; 2]>;

fn kraken(bids: &Side<'_>, asks: &Side<'_>) -> i64 {
    let best = asks.values().take(10).chain(bids.values().rev().take(10));
    let mut text = Vec::new();
    for number in best.flatten() {
        let digits = number.bytes().filter(|it| *it != b'.');
        text.extend(digits.skip_while(|it| *it == b'0'));
    }
    i64::from(crc32(&text))
}

/// The checksum of Bitget as well.
pub(crate) fn okx(bids: &Side<'_>, asks: &Side<'_>) -> i64 {
    let bids: Vec<_> = bids.values().rev().take(25).collect();
    let asks: Vec<_> = asks.values().take(25).collect();
    let mut texts = Vec::new();
    for at in 0..25 {
        texts.extend(bids.get(at).copied().into_iter().flatten().copied());
        texts.extend(asks.get(at).copied().into_iter().flatten().copied());
    }
    i64::from(crc32(texts.join(":").as_bytes()).cast_signed())
}

/// A number at 18 decimals.
pub(crate) fn key(text: &str) -> i128 {
    let decimals = text.find('.').map_or(0, |point| text.len() - point - 1);
    let digits = text.bytes().filter(u8::is_ascii_digit);
    let number = digits.fold(0, |number, digit| number * 10 + i128::from(digit - b'0'));
    number * 10_i128.pow(18 - u32::try_from(decimals).unwrap())
}

/// CRC-32 of IEEE 802.3.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for &byte in bytes {
        crc = (crc >> 8) ^ CRC_OF_BYTE[usize::from(crc.to_le_bytes()[0] ^ byte)];
    }
    !crc
}

const CRC_OF_BYTE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u32;
    while byte < 256 {
        let (mut crc, mut bit) = (byte, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
};

#[test]
fn the_oracles_crc_is_the_usual_one() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
}
