//! Tags: what they say, and how they are chosen.

/// What a tag says. One of a bench is like `ring.rate=10000.consumers=1` or `ring.burst-100`, one of a
/// run like `queue.spread/1`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parts {
    /// The group that it belongs to: all but its step, or what comes before the first dot.
    pub(crate) group: String,
    /// Its name in that group.
    pub(crate) member: Member,
}

/// What tells a tag from the others of its group.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Member {
    /// A step of a ladder.
    Step(Ladder, f64),
    Name(String),
}

/// What rises from step to step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ladder {
    /// Messages sent a second.
    Rate,
    /// Messages sent at once.
    Burst,
}

impl Ladder {
    const ALL: [Self; 2] = [Self::Rate, Self::Burst];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Burst => "burst",
        }
    }
}

impl Parts {
    pub(crate) fn of(tag: &str) -> Self {
        if let Some(parts) = Ladder::ALL.into_iter().find_map(|it| split_step(tag, it)) {
            return parts;
        }
        let (group, name) = tag.split_once('.').unwrap_or((tag, tag));
        Self { group: group.to_owned(), member: Member::Name(name.to_owned()) }
    }
}

/// The step of a tag, and the tag without it: a part between dots that is the ladder's name, `=` or
/// `-`, and a number.
fn split_step(tag: &str, ladder: Ladder) -> Option<Parts> {
    let is_start = |at: &usize| *at == 0 || tag[..*at].ends_with('.');
    let start = tag.match_indices(ladder.name()).map(|(at, _)| at).find(is_start)?;
    let after = tag[start + ladder.name().len()..].strip_prefix(['=', '-'])?;
    // A dot belongs to the number only where a number stands behind it too.
    let ends = after.match_indices('.').map(|(at, _)| at).chain([after.len()]);
    let numbers = ends.take(2).filter_map(|end| Some((end, number(&after[..end])?)));
    let (end, value) = numbers.last()?;
    let (before, rest) = (tag[..start].trim_end_matches('.'), after[end..].trim_start_matches('.'));
    let group = [before, rest].into_iter().filter(|it| !it.is_empty());
    let group = group.collect::<Vec<_>>().join(".");
    let group = if group.is_empty() { "all".to_owned() } else { group };
    Some(Parts { group, member: Member::Step(ladder, value) })
}

/// A number in plain digits or as 10k, 1.5m.
fn number(text: &str) -> Option<f64> {
    let (digits, factor) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1e3),
        None => text.strip_suffix(['m', 'M']).map_or((text, 1.0), |digits| (digits, 1e6)),
    };
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let value = digits.parse::<f64>().ok().filter(|_| is_plain)? * factor;
    (STEP_MIN..=STEP_MAX).contains(&value).then_some(value)
}

/// Steps beyond these are no rates and no bursts, and fit on no axis.
const STEP_MIN: f64 = 1e-3;
const STEP_MAX: f64 = 1e15;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tag: &str, group: &str, member: Member) {
        assert_eq!(Parts::of(tag), Parts { group: group.to_owned(), member }, "{tag}");
    }

    #[test]
    fn a_step_is_told_from_the_rest() {
        let rate = |rate| Member::Step(Ladder::Rate, rate);
        check("ring.rate=10000.consumers=1", "ring.consumers=1", rate(10_000.0));
        check("ring.consumers=1.rate=10000", "ring.consumers=1", rate(10_000.0));
        check("total.ring.rate-10k.consumers-2", "total.ring.consumers-2", rate(10_000.0));
        check("rate=0.5", "all", rate(0.5));
        check("rate=0.5.consumers=2", "consumers=2", rate(0.5));
        check("rate-1.5m", "all", rate(1_500_000.0));
        check("e2e.rate=100", "e2e", rate(100.0));
        check("ring.burst-100", "ring", Member::Step(Ladder::Burst, 100.0));
    }

    #[test]
    fn what_has_no_step_is_named_behind_the_first_dot() {
        let name = |it: &str| Member::Name(it.to_owned());
        check("queue.spread/1", "queue", name("spread/1"));
        check("A", "A", name("A"));
        check("ring.rate=max.consumers=1", "ring", name("rate=max.consumers=1"));
        check("ring.rate=0", "ring", name("rate=0"));
        check("decode.prorate=5", "decode", name("prorate=5"));
        check("decode.rate", "decode", name("rate"));
        check("decode.rate-5x", "decode", name("rate-5x"));
        let long = "9".repeat(400);
        check(&format!("x.rate={long}"), "x", name(&format!("rate={long}")));
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
