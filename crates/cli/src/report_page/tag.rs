//! Tags: what they say, and how they are chosen.

/// What a tag says. One of a bench is like `ring.rate=10000.consumers=1`, one of a run like
/// `queue.spread/1`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parts {
    /// The group that it belongs to: all but the rate, or what comes before the first dot.
    pub(crate) group: String,
    /// Its name in that group.
    pub(crate) member: Member,
}

/// What tells a tag from the others of its group.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Member {
    /// Messages a second that were sent.
    Rate(f64),
    Name(String),
}

impl Parts {
    pub(crate) fn of(tag: &str) -> Self {
        if let Some((group, rate)) = split_rate(tag) {
            return Self { group, member: Member::Rate(rate) };
        }
        let (group, name) = tag.split_once('.').unwrap_or((tag, tag));
        Self { group: group.to_owned(), member: Member::Name(name.to_owned()) }
    }
}

/// The rate of a tag, and the tag without it.
fn split_rate(tag: &str) -> Option<(String, f64)> {
    let start = if tag.starts_with(RATE) { 0 } else { tag.find(DOT_RATE)? + 1 };
    let (before, after) = (&tag[..start], &tag[start + RATE.len()..]);
    // A dot is part of the number only where a digit follows, and no name.
    let numbers = (1..=2).rev().filter_map(|count| {
        let end = after.match_indices('.').nth(count - 1).map_or(after.len(), |(at, _)| at);
        let text = &after[..end];
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let rate = text.parse::<f64>().ok().filter(|it| is_number && *it > 0.0)?;
        Some((end, rate))
    });
    let (end, rate) = numbers.into_iter().next()?;
    let rest = after[end..].trim_start_matches('.');
    let group = [before.trim_end_matches('.'), rest].into_iter().filter(|it| !it.is_empty());
    let group = group.collect::<Vec<_>>().join(".");
    Some((if group.is_empty() { "all".to_owned() } else { group }, rate))
}

/// Whether all of `text` is like `glob`: `*` stands for any characters, `?` for one.
pub(crate) fn is_like(text: &str, glob: &str) -> bool {
    let (text, glob): (Vec<char>, Vec<char>) = (text.chars().collect(), glob.chars().collect());
    // Row by row of whether the first characters of the text are like the first of the glob.
    let mut is_like = vec![false; text.len() + 1];
    is_like[0] = true;
    for letter in glob {
        if letter == '*' {
            let first = is_like.iter().position(|it| *it).unwrap_or(is_like.len());
            is_like[first..].fill(true);
        } else {
            for index in (1..is_like.len()).rev() {
                let fits = letter == '?' || letter == text[index - 1];
                is_like[index] = fits && is_like[index - 1];
            }
            is_like[0] = false;
        }
    }
    is_like[text.len()]
}

const RATE: &str = "rate=";
const DOT_RATE: &str = ".rate=";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tag: &str, group: &str, member: Member) {
        assert_eq!(Parts::of(tag), Parts { group: group.to_owned(), member }, "{tag}");
    }

    #[test]
    fn a_rate_is_told_from_the_rest() {
        check("ring.rate=10000.consumers=1", "ring.consumers=1", Member::Rate(10_000.0));
        check("ring.consumers=1.rate=10000", "ring.consumers=1", Member::Rate(10_000.0));
        check("rate=0.5", "all", Member::Rate(0.5));
        check("rate=0.5.consumers=2", "consumers=2", Member::Rate(0.5));
        check("e2e.rate=100", "e2e", Member::Rate(100.0));
    }

    #[test]
    fn what_has_no_rate_is_named_behind_the_first_dot() {
        let name = |it: &str| Member::Name(it.to_owned());
        check("queue.spread/1", "queue", name("spread/1"));
        check("A", "A", name("A"));
        check("ring.rate=max.consumers=1", "ring", name("rate=max.consumers=1"));
        check("ring.rate=0", "ring", name("rate=0"));
        check("decode.prorate=5", "decode", name("prorate=5"));
        check("", "", name(""));
    }

    #[test]
    fn a_glob_is_like_the_whole_tag() {
        for (text, glob, is) in [
            ("queue.spread", "queue.*", true),
            ("queue.spread", "*", true),
            ("queue.spread", "queue", false),
            ("queue.spread", "*.spread", true),
            ("queue.spread", "q*e*d", true),
            ("queue.spread", "queue?spread", true),
            ("queue.spread", "?", false),
            ("", "*", true),
            ("", "", true),
            ("", "?", false),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "*a*a*a*a*a*a*a*a*b", false),
        ] {
            assert_eq!(is_like(text, glob), is, "{text} {glob}");
        }
    }
}
