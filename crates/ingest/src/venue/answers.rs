//! Which commands the venue has not answered yet, where it answers each channel of each symbol.
//!
//! Nothing depends on an answer ever coming: data is decoded before, after and without it.

use super::{Action, Inbound, Refusal};

/// Longest words of a refusal that are kept.
const WORDS_CHARS_MAX: usize = 200;

/// Wait before the next connection where something was refused, but only for now.
const DELAY_MS: u64 = 60_000;

/// Wait before the next connection where a book that was to start over was refused.
pub(super) const RESYNC_REFUSED_MS: u64 = 5_000;

/// What was asked for since the handshake.
#[derive(Debug, Default)]
pub(super) struct Answers {
    waiting: Vec<Asked>,
    /// Whether something was asked for, and whether something of it was accepted.
    is_used: bool,
    is_accepted: bool,
    /// The last request's number.
    last_id: u64,
    /// Requests from this one on start a book over.
    resync_id_min: Option<u64>,
}

/// One channel of one symbol in a request that was not answered yet.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) id: u64,
    /// The venue's word.
    pub(super) channel: &'static str,
    pub(super) symbol: Box<str>,
}

/// What a refusal means for trying again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outlook {
    /// The same would be refused again.
    Hopeless,
    /// Too much at once: later it may be accepted.
    Later,
}

impl Answers {
    /// A new connection: nothing was asked for yet.
    pub(super) fn start_over(&mut self) {
        *self = Self::default();
    }

    /// A request's number, from 1.
    pub(super) const fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// As [`Answers::next_id`], for requests that start a book over. Their answers count for nothing.
    pub(super) fn next_resync_id(&mut self) -> u64 {
        let id = self.next_id();
        self.resync_id_min.get_or_insert(id);
        id
    }

    /// Something was asked for in the request `id`.
    pub(super) fn ask(&mut self, id: u64, channel: &'static str, symbol: &str) {
        self.is_used = true;
        self.waiting.push(Asked { id, channel, symbol: symbol.into() });
    }

    /// Whether a request started a book over.
    pub(super) fn is_resync(&self, id: Option<u64>) -> bool {
        self.resync_id_min.is_some_and(|min| id.is_some_and(|id| id >= min))
    }

    /// A subscription was accepted.
    pub(super) fn accept(&mut self, id: Option<u64>, channel: &str, symbol: &str) -> Inbound {
        if self.is_resync(id) {
            return Inbound::Ack { complete: false };
        }
        self.is_accepted = true;
        self.waiting.retain(|it| it.channel != channel || *it.symbol != *symbol);
        Inbound::Ack { complete: self.waiting.is_empty() }
    }

    /// Whether anything that waits for its answer is so.
    pub(super) fn waits(&self, is_so: impl Fn(&Asked) -> bool) -> bool {
        self.waiting.iter().any(is_so)
    }

    /// A refusal in the venue's own words, of the request `id`, or else of the first that waits: of the
    /// symbol it names in a member or in its words, else of the whole request.
    pub(super) fn refuse(
        &mut self,
        (code, words): (i64, &str),
        outlook: Outlook,
        id: Option<u64>,
        named: Option<&str>,
    ) -> Refusal {
        let first = self.waiting.first().map(|it| it.id);
        let id = id.or(first).unwrap_or_default();
        let names = |it: &Asked| {
            it.id == id && named.map_or_else(|| says(words, &it.symbol), |name| *it.symbol == *name)
        };
        let names_channel = |it: &Asked| names(it) && says(words, it.channel);
        let (has_name, has_channel) =
            (self.waiting.iter().any(names), self.waiting.iter().any(names_channel));
        self.refuse_all((code, words), outlook, |it| match (has_name, has_channel) {
            (_, true) => names_channel(it),
            (true, false) => names(it),
            (false, false) => it.id == id,
        })
    }

    /// As [`Answers::refuse`], of what `is_refused` picks.
    pub(super) fn refuse_all(
        &mut self,
        (code, words): (i64, &str),
        outlook: Outlook,
        is_refused: impl Fn(&Asked) -> bool,
    ) -> Refusal {
        let mut message = kept_words(words);
        for asked in self.waiting.extract_if(.., |it| is_refused(it)) {
            message.push_str("; ");
            message.push_str(asked.channel);
            message.push(' ');
            message.push_str(&asked.symbol);
        }
        let is_complete = self.waiting.is_empty();
        let action = match outlook {
            _ if !self.is_used => Action::Continue,
            // What was refused for now is asked for again with the next connection.
            Outlook::Later => Action::Reconnect { delay_ms_min: DELAY_MS },
            Outlook::Hopeless if self.is_accepted || !is_complete => Action::Continue,
            Outlook::Hopeless => Action::Stop,
        };
        let complete = is_complete && action == Action::Continue;
        Refusal { code, message, action, complete }
    }

    /// The answer to something of which nothing depends on: a book that starts over, an end.
    pub(super) fn note(&self, id: Option<u64>) -> Inbound {
        Inbound::Ack { complete: self.waiting.is_empty() && !self.is_resync(id) }
    }
}

/// The venue's words, cut and without control characters.
pub(super) fn kept_words(words: &str) -> String {
    words.chars().filter(|it| !it.is_control()).take(WORDS_CHARS_MAX).collect()
}

/// Whether `words` say `name`, and not as a part of a longer name.
pub(super) fn says(words: &str, name: &str) -> bool {
    let is_part = |it: char| it.is_ascii_alphanumeric() || "-_/".contains(it);
    words.match_indices(name).any(|(at, _)| {
        !words[..at].ends_with(is_part) && !words[at + name.len()..].starts_with(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_part_of_a_longer_one() {
        assert!(says("channel:books,instId:BTC-USDT doesn't exist", "BTC-USDT"));
        assert!(says("BTC-USDT", "BTC-USDT"));
        assert!(!says("instId:BTC-USDT-SWAP", "BTC-USDT") && !says("XBTC-USDT", "BTC-USDT"));
    }

    fn asked() -> Answers {
        let mut answers = Answers::default();
        let id = answers.next_id();
        answers.ask(id, "book", "A");
        answers.ask(id, "book", "B");
        answers
    }

    #[test]
    fn complete_is_when_all_that_was_asked_for_is_answered() {
        let mut answers = asked();
        assert_eq!(answers.accept(Some(1), "book", "A"), Inbound::Ack { complete: false });
        assert_eq!(answers.accept(Some(1), "book", "A"), Inbound::Ack { complete: false });
        let resync = answers.next_resync_id();
        assert_eq!(answers.accept(Some(resync), "book", "B"), Inbound::Ack { complete: false });
        assert_eq!(answers.accept(None, "book", "B"), Inbound::Ack { complete: true });
        assert_eq!(Answers::default().accept(None, "x", "y"), Inbound::Ack { complete: true });
    }

    #[test]
    fn a_refusal_names_what_it_refuses_and_stops_where_nothing_is_left() {
        let mut answers = asked();
        let refusal = answers.refuse((7, "no\n"), Outlook::Hopeless, None, Some("A"));
        assert_eq!(refusal.message, "no; book A");
        assert_eq!((refusal.code, refusal.action, refusal.complete), (7, Action::Continue, false));
        let refusal = answers.refuse((7, "no"), Outlook::Hopeless, None, None);
        assert_eq!((refusal.action, refusal.complete), (Action::Stop, false));

        let mut answers = asked();
        let refusal = answers.refuse((7, "slow"), Outlook::Later, Some(1), None);
        assert_eq!(refusal.action, Action::Reconnect { delay_ms_min: DELAY_MS });
        assert_eq!(refusal.message, "slow; book A; book B");

        let mut answers = asked();
        answers.accept(None, "book", "A");
        let refusal = answers.refuse((7, "no"), Outlook::Hopeless, None, None);
        assert_eq!((refusal.action, refusal.complete), (Action::Continue, true));
    }
}
