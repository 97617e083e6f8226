//! Where a plain string ends, sixteen bytes at a time, and its text.

/// Bytes that are looked at together.
pub(super) const BLOCK: usize = 16;

/// Which bytes may not stand inside a plain string, a bit for each, the first byte lowest: quotes,
/// backslashes, controls, and all outside ASCII.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[expect(unsafe_code, reason = "compilers do not find the one instruction that this is about")]
pub(super) fn ends_in(block: &[u8; BLOCK]) -> u32 {
    // SAFETY: every x86-64 processor has SSE2.
    unsafe { ends_by_sse2(block) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn ends_by_sse2(block: &[u8; BLOCK]) -> u32 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x,
        _mm_set1_epi8,
    };

    let (low, high) = (block.first_chunk::<8>(), block.last_chunk::<8>());
    let [low, high] = [low, high].map(|it| it.map_or(0, |it| i64::from_le_bytes(*it)));
    let bytes = _mm_set_epi64x(high, low);
    let each = |byte: u8| _mm_set1_epi8(byte.cast_signed());
    let quotes = _mm_cmpeq_epi8(bytes, each(b'"'));
    let backslashes = _mm_cmpeq_epi8(bytes, each(b'\\'));
    // As signed numbers, bytes outside ASCII lie below the controls.
    let others = _mm_cmplt_epi8(bytes, each(b' '));
    _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), others)).cast_unsigned()
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn ends_in(block: &[u8; BLOCK]) -> u32 {
    ends_by_word(block)
}

/// As [`ends_in`], eight bytes at a time. Of the bits above the lowest one, some may be false.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn ends_by_word(block: &[u8; BLOCK]) -> u32 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let mut ends = 0_u64;
    for (at, part) in block.as_chunks::<8>().0.iter().enumerate() {
        let word = u64::from_le_bytes(*part);
        let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
        let quotes = zeros(word ^ (ONES * u64::from(b'"')));
        let backslashes = zeros(word ^ (ONES * u64::from(b'\\')));
        let controls = word.wrapping_sub(ONES * u64::from(b' ')) & !word;
        // The top bit of each byte, then those eight bits side by side.
        let marks = (quotes | backslashes | controls | word) & (ONES << 7);
        let bits = (marks >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        ends |= bits << (8 * at);
    }
    u32::try_from(ends).unwrap_or(u32::MAX)
}

/// The text of bytes that were each found to be ASCII: between two quotes that [`ends_in`] or the tape's
/// quotes told, or digits, signs and points.
#[inline(always)]
#[expect(unsafe_code, reason = "to look at every byte again would cost a tenth of a frame's scan")]
pub(super) fn ascii(bytes: &[u8]) -> &str {
    debug_assert!(bytes.is_ascii(), "the scanners look at each byte before");
    // SAFETY: ASCII is UTF-8. `Scanner::string` passes no byte that `ends_in` marks. The tape's `string`
    // passes what lies between two quotes, and `Quotes` gives a quote only after it has found every byte up
    // to it plain; its numbers are digits, signs and points.
    unsafe { std::str::from_utf8_unchecked(bytes) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By each byte, as both say.
    #[track_caller]
    fn check(block: [u8; BLOCK]) {
        let is_end = |byte: u8| byte == b'"' || byte == b'\\' || !(b' '..0x80).contains(&byte);
        let expected = (0..BLOCK).fold(0, |ends, at| ends | (u32::from(is_end(block[at])) << at));
        assert_eq!(ends_in(&block), expected, "{block:?}");
        assert_eq!(ends_by_word(&block).trailing_zeros(), expected.trailing_zeros(), "{block:?}");
    }

    #[test]
    fn every_byte_at_every_place_is_told() {
        for byte in 0..=u8::MAX {
            for at in 0..BLOCK {
                let mut block = [b'0'; BLOCK];
                block[at] = byte;
                check(block);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn any_bytes_are_told(block: [u8; BLOCK]) {
            check(block);
        }
    }
}
