//! Names of members, compared by whole words.

/// Bytes of a name that fits one word of eight with its quotes and the colon behind it.
const SHORT_NAME: usize = 5;

/// Bytes of a name that fits two words with them.
const LONG_NAME: usize = 13;

/// Whether a text begins with a name in quotes and a colon.
#[inline(always)]
pub(super) fn begins_with_name<const N: usize>(text: &[u8], name: &[u8; N]) -> bool {
    if N <= SHORT_NAME
        && let Some(word) = text.first_chunk()
    {
        return is_short_name(*word, name);
    }
    if N > SHORT_NAME
        && N <= LONG_NAME
        && let Some(words) = text.first_chunk()
    {
        return is_long_name(*words, name);
    }
    is_any_name(text, name)
}

#[inline(always)]
fn is_short_name<const N: usize>(text: [u8; 8], name: &[u8; N]) -> bool {
    let differs = u64::from_le_bytes(text) ^ u64::from_le_bytes(as_written(name));
    // What is behind the colon is shifted out.
    differs << (8 * SHORT_NAME.saturating_sub(N)) == 0
}

/// The first word alone tells most others apart.
#[inline(always)]
fn is_long_name<const N: usize>(text: [u8; 16], name: &[u8; N]) -> bool {
    let [first, second] = words(text);
    let [first_expected, second_expected] = words(as_written(name));
    let differs = second ^ second_expected;
    first == first_expected && differs << (8 * LONG_NAME.saturating_sub(N)) == 0
}

/// Byte for byte.
#[inline(always)]
fn is_any_name<const N: usize>(text: &[u8], name: &[u8; N]) -> bool {
    let Some((quote, rest)) = text.split_first_chunk::<1>() else { return false };
    let Some((own, rest)) = rest.split_first_chunk::<N>() else { return false };
    quote == b"\"" && own == name && rest.starts_with(b"\":")
}

/// A name that fits, with its quotes and the colon; zeros behind it.
#[inline(always)]
fn as_written<const N: usize, const SIZE: usize>(name: &[u8; N]) -> [u8; SIZE] {
    let mut written = [0; SIZE];
    written[0] = b'"';
    written[1..=N].copy_from_slice(name);
    written[N + 1] = b'"';
    written[N + 2] = b':';
    written
}

#[inline(always)]
fn words(text: [u8; 16]) -> [u64; 2] {
    let (first, second) = text.split_at(8);
    [first, second]
        .map(|it| u64::from_le_bytes(it.try_into().expect("half of sixteen bytes is eight")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<const N: usize>(name: &[u8; N]) {
        let written = [b"\"", &name[..], b"\":"].concat();
        for behind in [&b""[..], b"1", b"\"0123456789abcdef\""] {
            let text = [&written[..], behind].concat();
            assert!(begins_with_name(&text, name), "{}", text.escape_ascii());
            for at in 0..written.len() {
                let mut other = text.clone();
                other[at] ^= 1;
                assert!(!begins_with_name(&other, name), "{}", other.escape_ascii());
            }
        }
        for len in 0..written.len() {
            assert!(!begins_with_name(&written[..len], name), "{len} of {}", name.escape_ascii());
        }
    }

    #[test]
    fn a_name_of_any_length_is_told_from_every_other_and_from_its_parts() {
        check(b"");
        check(b"b");
        check(b"side");
        check(b"price");
        check(b"symbol");
        check(b"best_bi");
        check(b"volume_24h");
        check(b"best_bid_siz");
        check(b"best_bid_size");
        check(b"maker_order_id");
        check(b"price_percent_chg_24_h");
    }
}
