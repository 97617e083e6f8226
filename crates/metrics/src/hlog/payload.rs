//! One histogram of a log, from its base64 to its buckets.
//!
//! Read here and not by `hdrhistogram`, whose own reader believes the lengths it is told (up to
//! 4 GiB), makes room for the whole range and does not see a wrong checksum.

use std::io::Read as _;

use flate2::read::ZlibDecoder;
use thiserror::Error;

/// Values that a histogram does not tell apart, and how many of them there are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bucket {
    /// The greatest value of the bucket.
    pub value: u64,
    /// How many values fell into it; never 0.
    pub count: u64,
}

/// Why a histogram in a log cannot be read.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PayloadError {
    /// A character that base64 does not have, or a length that it cannot have.
    #[error("the histogram is not base64: it is cut or damaged")]
    Base64,
    /// Another format than V2, or no histogram.
    #[error("the histogram is not of the format V2 (its first bytes are {cookie:#010x})")]
    Cookie {
        /// The first four bytes.
        cookie: u32,
    },
    /// A histogram of fractions.
    #[error("the histogram counts fractions (a DoubleHistogram), and only whole values are read")]
    Fractions,
    /// Ends early, goes on after its end, or has a wrong checksum.
    #[error("the histogram is cut or damaged")]
    Damaged,
    /// Larger than [`PAYLOAD_BYTES_MAX`].
    #[error("the histogram is larger than {PAYLOAD_BYTES_MAX} bytes")]
    TooLarge,
    /// A header that no histogram has: digits, bounds, or values past 64 bits.
    #[error("the histogram's header or one of its values is out of range")]
    OutOfRange,
}

/// Decodes a histogram, compressed or not, and gives its buckets in rising order.
pub(super) fn decode(base64: &str) -> Result<Vec<Bucket>, PayloadError> {
    let bytes = decode_base64(base64)?;
    let (cookie, rest) = split_u32(&bytes)?;
    match cookie {
        COOKIE_V2 => buckets(rest),
        COOKIE_V2_COMPRESSED => {
            let (length, deflated) = split_u32(rest)?;
            if deflated.len() as u64 != u64::from(length) {
                return Err(PayloadError::Damaged);
            }
            let inflated = inflate(deflated)?;
            match split_u32(&inflated)? {
                (COOKIE_V2, rest) => buckets(rest),
                (cookie, _) => Err(PayloadError::Cookie { cookie }),
            }
        }
        COOKIE_DOUBLE | COOKIE_DOUBLE_COMPRESSED => Err(PayloadError::Fractions),
        cookie => Err(PayloadError::Cookie { cookie }),
    }
}

/// Inflates to the end of the stream, so that its checksum is compared.
fn inflate(deflated: &[u8]) -> Result<Vec<u8>, PayloadError> {
    let mut decoder = ZlibDecoder::new(deflated);
    let mut inflated = Vec::new();
    let limit = PAYLOAD_BYTES_MAX as u64 + 1;
    decoder.by_ref().take(limit).read_to_end(&mut inflated).map_err(|_| PayloadError::Damaged)?;
    if inflated.len() > PAYLOAD_BYTES_MAX {
        return Err(PayloadError::TooLarge);
    }
    let is_whole = decoder.total_in() == deflated.len() as u64;
    if is_whole { Ok(inflated) } else { Err(PayloadError::Damaged) }
}

/// The header behind the cookie, then counts and runs of zeros.
fn buckets(bytes: &[u8]) -> Result<Vec<Bucket>, PayloadError> {
    let (length, bytes) = split_u32(bytes)?;
    let (offset, bytes) = split_u32(bytes)?;
    let (digits, bytes) = split_u32(bytes)?;
    let (lowest, bytes) = split_u64(bytes)?;
    let (_highest, bytes) = split_u64(bytes)?;
    let (ratio, counts) = split_u64(bytes)?;
    if counts.len() as u64 != u64::from(length) {
        return Err(PayloadError::Damaged);
    }
    // Only a histogram whose values were shifted as a whole has an offset, only one of fractions
    // a ratio other than 1.
    if offset != 0 || f64::from_bits(ratio).to_bits() != 1.0_f64.to_bits() {
        return Err(PayloadError::Fractions);
    }
    let layout = Layout::new(digits, lowest)?;
    let (mut buckets, mut index, mut rest) = (Vec::new(), 0_u64, counts);
    while !rest.is_empty() {
        let (number, after) = split_zigzag(rest)?;
        rest = after;
        let step = match u64::try_from(number) {
            Ok(0) => 1,
            Ok(count) => {
                buckets.push(Bucket { value: layout.value(index)?, count });
                1
            }
            Err(_) => number.unsigned_abs(),
        };
        index = index.checked_add(step).ok_or(PayloadError::OutOfRange)?;
    }
    Ok(buckets)
}

/// How a histogram maps places to values.
struct Layout {
    unit_magnitude: u32,
    half_magnitude: u32,
}

impl Layout {
    fn new(digits: u32, lowest: u64) -> Result<Self, PayloadError> {
        if digits > DIGITS_MAX || lowest == 0 {
            return Err(PayloadError::OutOfRange);
        }
        // As many places as hold twice ten to the digits, rounded up to a power of two.
        let places = (2 * 10_u64.pow(digits)).next_power_of_two();
        Ok(Self { unit_magnitude: lowest.ilog2(), half_magnitude: places.ilog2() - 1 })
    }

    /// The greatest value that the place at `index` stands for.
    fn value(&self, index: u64) -> Result<u64, PayloadError> {
        let half = 1_u64 << self.half_magnitude;
        let (bucket, place) = match (index >> self.half_magnitude).checked_sub(1) {
            Some(bucket) => (bucket, (index & (half - 1)) + half),
            None => (0, index),
        };
        let shift = u64::from(self.unit_magnitude).checked_add(bucket);
        let shift = shift.filter(|it| *it < 64).ok_or(PayloadError::OutOfRange)?;
        let end = (u128::from(place) + 1) << shift;
        u64::try_from(end - 1).map_err(|_| PayloadError::OutOfRange)
    }
}

/// A number of one to nine bytes, seven bits each but the ninth, which has eight; its sign is in
/// the lowest bit.
fn split_zigzag(bytes: &[u8]) -> Result<(i64, &[u8]), PayloadError> {
    let mut encoded = 0_u64;
    for (index, &byte) in (0..9).zip(bytes) {
        let is_last = index == 8 || byte < 0x80;
        let bits = if index == 8 { byte } else { byte & 0x7f };
        encoded |= u64::from(bits) << (7 * index);
        if is_last {
            let number = (encoded >> 1).cast_signed() ^ -((encoded & 1).cast_signed());
            return Ok((number, &bytes[index + 1..]));
        }
    }
    Err(PayloadError::Damaged)
}

fn split_u32(bytes: &[u8]) -> Result<(u32, &[u8]), PayloadError> {
    let (head, rest) = bytes.split_first_chunk().ok_or(PayloadError::Damaged)?;
    Ok((u32::from_be_bytes(*head), rest))
}

fn split_u64(bytes: &[u8]) -> Result<(u64, &[u8]), PayloadError> {
    let (head, rest) = bytes.split_first_chunk().ok_or(PayloadError::Damaged)?;
    Ok((u64::from_be_bytes(*head), rest))
}

/// Standard base64, with its padding or without.
fn decode_base64(text: &str) -> Result<Vec<u8>, PayloadError> {
    let digits = text.trim_end_matches('=');
    // A lone digit holds less than a byte, and padding fills up to four characters.
    if digits.len() % 4 == 1 || text.len() - digits.len() > 2 {
        return Err(PayloadError::Base64);
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let (mut bits, mut count) = (0_u32, 0);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Err(PayloadError::Base64),
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).expect("eight bits are a byte"));
        }
    }
    Ok(bytes)
}

/// The most bytes of a histogram before compression. One with five digits over the whole range has
/// three million places, but an interval of it is mostly runs of zeros.
pub const PAYLOAD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most significant digits that the format has.
const DIGITS_MAX: u32 = 5;

// The first bytes, as HdrHistogram's `AbstractHistogram` and `DoubleHistogram` write them.
const COOKIE_V2: u32 = 0x1c84_9313;
const COOKIE_V2_COMPRESSED: u32 = 0x1c84_9314;
const COOKIE_DOUBLE: u32 = 0x0c72_124e;
const COOKIE_DOUBLE_COMPRESSED: u32 = 0x0c72_124f;
