//! Where the quotes of a text are, sixteen bytes at a time, and whether its bytes are plain.

/// Bytes that are looked at together: a mask has a bit for each.
const BLOCK: usize = 64;

/// Which quotes of a text are still to come, as long as its bytes are plain: printable ASCII and no
/// backslash. Every method is to be given that same text.
#[derive(Clone, Copy, Default)]
pub(super) struct Quotes {
    /// Those of the block in hand that were not handed out, its first byte lowest.
    mask: u64,
    /// Where the next block begins.
    next_at: usize,
}

impl Quotes {
    /// The place of the next quote; `None` behind the last one, and where a byte is not plain.
    #[inline(always)]
    pub(super) fn next(&mut self, text: &[u8]) -> Option<usize> {
        while self.mask == 0 {
            self.next_block(text)?;
        }
        let at = self.next_at - BLOCK + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(at)
    }

    /// Whether no quote is left and the rest of the text is plain too.
    pub(super) fn is_at_end(mut self, text: &[u8]) -> bool {
        while self.mask == 0 {
            if self.next_at >= text.len() {
                return true;
            }
            if self.next_block(text).is_none() {
                return false;
            }
        }
        false
    }

    #[inline(always)]
    fn next_block(&mut self, text: &[u8]) -> Option<()> {
        let rest = text.get(self.next_at..)?;
        self.mask = match rest.first_chunk() {
            Some(block) if is_plain(block) => quotes_in(block),
            Some(_) => return None,
            None => last_quotes(rest)?,
        };
        self.next_at += BLOCK;
        Some(())
    }
}

/// As of any block, of one that is not full.
#[inline(never)]
fn last_quotes(rest: &[u8]) -> Option<u64> {
    let mut block = [b' '; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    (!rest.is_empty() && is_plain(&block)).then(|| quotes_in(&block))
}

/// Whether each byte is printable ASCII and no backslash. As signed numbers, bytes outside ASCII lie
/// below the controls.
#[inline]
fn is_plain(block: &[u8; BLOCK]) -> bool {
    block
        .iter()
        .fold(true, |is_plain, &byte| is_plain & (byte.cast_signed() >= 0x20) & (byte != b'\\'))
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[expect(unsafe_code, reason = "compilers do not find the one instruction that this is about")]
fn quotes_in(block: &[u8; BLOCK]) -> u64 {
    // SAFETY: every x86-64 processor has SSE2.
    unsafe { quotes_by_sse2(block) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
fn quotes_by_sse2(block: &[u8; BLOCK]) -> u64 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};

    let mut mask = 0;
    for (at, part) in block.as_chunks::<16>().0.iter().enumerate() {
        let (low, high) = (part.first_chunk::<8>(), part.last_chunk::<8>());
        let [low, high] = [low, high].map(|it| it.map_or(0, |it| i64::from_le_bytes(*it)));
        let equal = _mm_cmpeq_epi8(_mm_set_epi64x(high, low), _mm_set1_epi8(b'"'.cast_signed()));
        mask |= u64::from(_mm_movemask_epi8(equal).cast_unsigned()) << (16 * at);
    }
    mask
}

#[cfg(not(target_arch = "x86_64"))]
fn quotes_in(block: &[u8; BLOCK]) -> u64 {
    quotes_by_word(block)
}

/// As [`quotes_in`], eight bytes at a time.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn quotes_by_word(block: &[u8; BLOCK]) -> u64 {
    const LOW: u64 = u64::from_le_bytes([0x7f; 8]);
    let mut mask = 0;
    for (at, part) in block.as_chunks::<8>().0.iter().enumerate() {
        let other = u64::from_le_bytes(*part) ^ u64::from_le_bytes([b'"'; 8]);
        // The top bit of each byte that is zero, then those eight bits side by side.
        let zeros = !(((other & LOW) + LOW) | other | LOW);
        mask |= ((zeros >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * at);
    }
    mask
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quotes_of(text: &[u8]) -> (Vec<usize>, bool) {
        let mut quotes = Quotes::default();
        let all = std::iter::from_fn(|| quotes.next(text)).collect();
        (all, quotes.is_at_end(text))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn every_quote_of_a_plain_text_is_told(text in "[\"a-c ]{0,200}") {
            let expected: Vec<_> = text.match_indices('"').map(|(at, _)| at).collect();
            prop_assert_eq!(quotes_of(text.as_bytes()), (expected, true));
        }

        #[test]
        fn a_byte_that_is_not_plain_ends_it(len in 1..200_usize, at: prop::sample::Index, byte: u8) {
            let mut text = vec![b'"'; len];
            text[at.index(len)] = byte;
            let is_plain = (0x20..0x80).contains(&byte) && byte != b'\\';
            let (quotes, is_at_end) = quotes_of(&text);
            prop_assert_eq!(is_at_end, is_plain);
            let until = if is_plain { len } else { at.index(len) / BLOCK * BLOCK };
            let expected: Vec<_> = (0..until).filter(|&it| text[it] == b'"').collect();
            prop_assert_eq!(quotes, expected);
        }

        #[test]
        fn word_by_word_they_are_the_same(bytes in prop::collection::vec(any::<u8>(), BLOCK)) {
            let mut block = *bytes.first_chunk::<BLOCK>().expect("the strategy's length");
            prop_assert_eq!(quotes_in(&block), quotes_by_word(&block));
            block.iter_mut().for_each(|it| *it = if *it & 1 == 0 { b'"' } else { *it });
            prop_assert_eq!(quotes_in(&block), quotes_by_word(&block));
        }
    }
}
