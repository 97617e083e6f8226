//! Names of members.

/// Bytes of a name that fits one word of eight with its quotes and the colon behind it.
const SHORT_NAME: usize = 5;

/// Whether a text begins with a name in quotes and a colon.
#[inline(always)]
pub(super) fn begins_with_name<const N: usize>(text: &[u8], name: &[u8; N]) -> bool {
    match text.first_chunk() {
        Some(word) if N <= SHORT_NAME => is_short_name(*word, name),
        _ => is_any_name(text, name),
    }
}

#[inline(always)]
fn is_short_name<const N: usize>(text: [u8; 8], name: &[u8; N]) -> bool {
    let mut expected = [0; 8];
    expected[0] = b'"';
    expected[1..=N].copy_from_slice(name);
    expected[N + 1] = b'"';
    expected[N + 2] = b':';
    let differs = u64::from_le_bytes(text) ^ u64::from_le_bytes(expected);
    // What is behind the colon is shifted out.
    differs << (8 * SHORT_NAME.saturating_sub(N)) == 0
}

/// Byte for byte.
#[inline(always)]
fn is_any_name<const N: usize>(text: &[u8], name: &[u8; N]) -> bool {
    let Some((quote, rest)) = text.split_first_chunk::<1>() else { return false };
    let Some((own, rest)) = rest.split_first_chunk::<N>() else { return false };
    quote == b"\"" && own == name && rest.starts_with(b"\":")
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
        check(b"best_bid");
        check(b"volume_24h");
        check(b"best_bid_siz");
        check(b"best_bid_size");
        check(b"maker_order_id");
        check(b"price_percent_chg_24_h");
    }
}
