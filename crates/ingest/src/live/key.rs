//! The API key, and what keeps it out of every text that people see.

use std::fmt;

/// Shorter secrets are placeholders: blanking each of their letters would only make texts
/// unreadable, and show by the holes what the secret is.
const SECRET_BYTES_MIN: usize = 4;

/// Longest text of the outside world that is handed on to people, in characters.
const TEXT_CHARS_MAX: usize = 240;

/// What stands where the key stood.
const BLANK: &str = "[redacted]";

/// A venue's API key. Nothing that prints it shows it: `Debug` and `Display` give `[redacted]`.
#[derive(Clone, Eq, PartialEq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Wraps a key as the venue gave it, not percent-encoded.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key itself, for the request alone.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(BLANK)
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(BLANK)
    }
}

/// Blanks secrets in texts, however much of them is percent-encoded.
#[derive(Clone, Default)]
pub(crate) struct Redactor(Vec<ApiKey>);

impl Redactor {
    /// Adds a secret. One that is too short to be real is let through.
    pub(crate) fn hide(&mut self, secret: &ApiKey) {
        if secret.0.len() >= SECRET_BYTES_MIN && !self.0.contains(secret) {
            self.0.push(secret.clone());
            // A secret that holds another one goes first, or its rest would stay.
            self.0.sort_by_key(|secret| std::cmp::Reverse(secret.0.len()));
        }
    }

    /// Adds the secrets of `other`.
    pub(crate) fn hide_all(&mut self, other: &Self) {
        other.0.iter().for_each(|secret| self.hide(secret));
    }

    /// `text` without the secrets.
    pub(crate) fn redact(&self, text: &str) -> String {
        if self.0.is_empty() {
            return text.to_owned();
        }
        let mut rest = text.as_bytes();
        let mut target = Vec::with_capacity(rest.len());
        while let Some((&first, after)) = rest.split_first() {
            let len = self.0.iter().find_map(|secret| encoded_len(secret.0.as_bytes(), rest));
            if let Some(len) = len {
                target.extend_from_slice(BLANK.as_bytes());
                rest = &rest[len..];
            } else {
                target.push(first);
                rest = after;
            }
        }
        String::from_utf8_lossy(&target).into_owned()
    }

    /// Overwrites the secrets in `text` with asterisks.
    pub(crate) fn blank(&self, text: &mut [u8]) {
        let mut at = 0;
        while at < text.len() {
            let found = |secret: &ApiKey| encoded_len(secret.0.as_bytes(), &text[at..]);
            let len = self.0.iter().find_map(found);
            text[at..at + len.unwrap_or(0)].fill(b'*');
            at += len.unwrap_or(1);
        }
    }

    /// `text` without the secrets, in one line, and cut to a length that can be printed.
    pub(crate) fn clean(&self, text: &str) -> String {
        // Blanked before it is cut, so that no half of a secret is left at the end.
        let redacted = self.redact(text);
        let mut shown: String = redacted
            .chars()
            .take(TEXT_CHARS_MAX)
            .map(|char| if char.is_control() { ' ' } else { char })
            .collect();
        if redacted.chars().nth(TEXT_CHARS_MAX).is_some() {
            shown.push('…');
        }
        shown
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Redactor").field("secrets", &self.0.len()).finish()
    }
}

/// How many bytes `secret` takes at the start of `text`, each of its bytes plain or as `%XX`.
fn encoded_len(secret: &[u8], text: &[u8]) -> Option<usize> {
    let Some((&wanted, secret_rest)) = secret.split_first() else { return Some(0) };
    let plain = text.split_first().filter(|&(&byte, _)| byte == wanted).map(|(_, rest)| (1, rest));
    let encoded = percent_byte(text).filter(|&(byte, _)| byte == wanted).map(|(_, rest)| (3, rest));
    [plain, encoded]
        .into_iter()
        .flatten()
        .find_map(|(len, rest)| Some(len + encoded_len(secret_rest, rest)?))
}

/// The byte that `%XX` at the start of `text` stands for, and what follows.
fn percent_byte(text: &[u8]) -> Option<(u8, &[u8])> {
    let (&[percent, high, low], rest) = text.split_first_chunk()?;
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    (percent == b'%').then_some(())?;
    Some((digit(high)? * 16 + digit(low)?, rest))
}

/// `text` for one part of a query: all but the unreserved characters of RFC 3986 as `%XX`.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut target = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            target.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            target.push('%');
            target.push(char::from(DIGITS[usize::from(byte >> 4)]));
            target.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    target
}

/// The inverse of [`percent_encode`]; what is not `%XX` stays as it is.
pub(crate) fn percent_decode(text: &str) -> String {
    let mut rest = text.as_bytes();
    let mut target = Vec::with_capacity(rest.len());
    while let Some((&first, after)) = rest.split_first() {
        let (byte, after) = percent_byte(rest).unwrap_or((first, after));
        target.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&target).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let mut redactor = Redactor::default();
        secrets.iter().for_each(|secret| redactor.hide(&ApiKey::new(*secret)));
        redactor
    }

    #[track_caller]
    fn check(secret: &str, text: &str, expected: &str) {
        assert_eq!(redactor(&[secret]).redact(text), expected);
    }

    #[test]
    fn a_key_prints_as_redacted() {
        let key = ApiKey::new("s3cret");
        assert_eq!(format!("{key} {key:?}"), "[redacted] [redacted]");
    }

    #[test]
    fn a_secret_is_blanked_plain_and_percent_encoded() {
        check("a/b=c", "x a/b=c y", "x [redacted] y");
        check("a/b=c", "q=a%2Fb%3Dc&z", "q=[redacted]&z");
        check("a/b=c", "a%2fb=c", "[redacted]");
        check("a/b=c", "a%2Fb%3D", "a%2Fb%3D");
        check("50%41", "50%41 50%2541", "[redacted] [redacted]");
        check("schlüssel", "ein schl%C3%BCssel, schlüssel", "ein [redacted], [redacted]");
    }

    #[test]
    fn a_secret_is_overwritten_in_place() {
        let mut text = *b"{\"key\":\"a/b=c\",\"url\":\"?k=a%2Fb%3Dc\"}";
        redactor(&["a/b=c"]).blank(&mut text);
        assert_eq!(&text, b"{\"key\":\"*****\",\"url\":\"?k=*********\"}");
    }

    #[test]
    fn the_longest_secret_goes_first_and_placeholders_stay() {
        assert_eq!(redactor(&["abcd", "abcdef"]).redact("abcdef abcd"), "[redacted] [redacted]");
        assert_eq!(redactor(&["x"]).redact("expired"), "expired");
    }

    #[test]
    fn a_text_is_cut_after_it_was_blanked() {
        let text = format!("{}s3cret\n", "a".repeat(TEXT_CHARS_MAX - 3));
        let clean = redactor(&["s3cret"]).clean(&text);
        assert!(clean.ends_with("a[re…"), "{clean}");
        assert_eq!(redactor(&[]).clean("a\tb"), "a b");
    }

    proptest! {
        #[test]
        fn an_encoded_key_decodes_to_itself_and_is_blanked(key in ".{4,24}", before in "[a-z ]{0,3}") {
            prop_assume!(!before.contains(&key));
            let encoded = percent_encode(&key);
            prop_assert_eq!(&percent_decode(&encoded), &key);
            prop_assert!(encoded.is_ascii());
            let text = format!("{before}{encoded}");
            prop_assert!(!redactor(&[&key]).redact(&text).contains(&encoded));
        }
    }
}
