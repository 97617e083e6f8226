//! Rust source with nothing left but code.

/// `text` with every byte of comments and literals turned into a space. Line feeds stay, so lines
/// keep their numbers and columns.
///
/// Knows as much of the language as that needs: nested comments, escapes, raw strings, and
/// lifetimes beside characters.
pub(super) fn mask(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut masked = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let (size, is_code) = token(&bytes[index..]);
        let taken = &bytes[index..index + size];
        masked.extend(taken.iter().map(|&b| if is_code || b == b'\n' { b } else { b' ' }));
        index += size;
    }
    String::from_utf8(masked).expect("tokens end between characters and masks are ASCII")
}

/// Whether `byte` may be part of a name.
pub(super) const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// How long the token at the start of `rest` is, and whether it is code. `rest` is not empty.
fn token(rest: &[u8]) -> (usize, bool) {
    match rest {
        [b'/', b'/', ..] => (line_size(rest), false),
        [b'/', b'*', ..] => (comment_size(rest), false),
        [b'"', ..] => (quoted_size(rest, b'"'), false),
        [b'\'', b'\\', ..] => (quoted_size(rest, b'\''), false),
        [b'\'', ..] => character_size(rest).map_or((1, true), |size| (size, false)),
        [byte, ..] if is_name(*byte) => {
            let name = rest.iter().take_while(|&&byte| is_name(byte)).count();
            if !matches!(&rest[..name], b"r" | b"br" | b"cr") {
                return (name, true);
            }
            raw_size(&rest[name..]).map_or((name, true), |size| (name + size, false))
        }
        _ => (1, true),
    }
}

fn line_size(rest: &[u8]) -> usize {
    rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())
}

fn comment_size(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut index = 0;
    while index + 1 < rest.len() {
        match &rest[index..index + 2] {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                index += 1;
                continue;
            }
        }
        index += 2;
        if depth == 0 {
            return index;
        }
    }
    rest.len()
}

/// Size of a literal that ends at the next `quote` without a backslash before it.
fn quoted_size(rest: &[u8], quote: u8) -> usize {
    let mut index = 1;
    while index < rest.len() {
        match rest[index] {
            b'\\' => index += 2,
            byte if byte == quote => return index + 1,
            _ => index += 1,
        }
    }
    rest.len()
}

/// Size of a character literal without escape, or `None` for a lifetime.
fn character_size(rest: &[u8]) -> Option<usize> {
    // One character is at most four bytes; a continuation byte starts with the bits 10.
    let more = rest.iter().skip(2).take_while(|&&byte| byte & 0xc0 == 0x80).count();
    (rest.get(2 + more) == Some(&b'\'')).then_some(3 + more)
}

/// Size of what follows the `r` of a raw string, or `None` when none does.
fn raw_size(rest: &[u8]) -> Option<usize> {
    let hashes = rest.iter().take_while(|&&byte| byte == b'#').count();
    if rest.get(hashes) != Some(&b'"') {
        return None;
    }
    let mut end = vec![b'#'; hashes + 1];
    end[0] = b'"';
    let text = &rest[hashes + 1..];
    let size = text.windows(end.len()).position(|window| window == end);
    Some(size.map_or(rest.len(), |size| hashes + 1 + size + end.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `hidden` marks with `x` what must be masked.
    #[track_caller]
    fn check(text: &str, hidden: &str) {
        let expected: String = text
            .chars()
            .zip(hidden.chars())
            .map(|(kept, mark)| if mark == 'x' { ' ' } else { kept })
            .collect();
        assert_eq!(mask(text), expected);
    }

    #[test]
    fn comments_are_hidden() {
        check("a // b", "  xxxx");
        check("a /* b */ c", "  xxxxxxx  ");
        check("a /*/* b */ c */ d", "  xxxxxxxxxxxxxx  ");
        check("a / b", "     ");
        check("/* open", "xxxxxxx");
        check("/*/", "xxx");
    }

    #[test]
    fn strings_are_hidden() {
        check(r#"f("a // b") g"#, r#"  xxxxxxxx   "#);
        check(r#"f("\"") g"#, r#"  xxxx   "#);
        check(r#"f(b"a\\") g"#, r#"   xxxxx   "#);
        check(r#""open \"#, "xxxxxxx");
    }

    #[test]
    fn raw_strings_are_hidden_to_their_own_end() {
        check(r###"f(r"a\") g"###, r###"  xxxxx   "###);
        check(r###"f(br#"a"b"#) g"###, r###"  xxxxxxxxx   "###);
        check(r###"r#type + bar"a""###, r###"            xxx"###);
        check(r###"r#"open"###, "xxxxxxx");
    }

    #[test]
    fn characters_are_hidden_and_lifetimes_are_not() {
        check("f('\"') g", "  xxx   ");
        check(r"f('\'') g", "  xxxx   ");
        check("f(b'/') g", "   xxx   ");
        check("<'a, 'b>(x: &'a str)", "                    ");
        assert_eq!(mask("f('é', '€', '🦀') g"), "f(    ,      ,       ) g");
    }

    #[test]
    fn lines_keep_their_numbers() {
        assert_eq!(mask("a\n/*\n*/\n\"\n\"\nb"), "a\n  \n  \n \n \nb");
    }
}
