//! The seam to JSON: a scanner for what venues write, and a general parser for the rest. Both write one
//! reused tape; nothing is allocated once its memory has grown.
//!
//! Of duplicate keys the first one counts. Nothing but this module names `simd_json`.

mod scan;

use simd_json::{Buffers, INPUT_PADDING, Node, StaticNode, Tape};

use crate::venue::DecodeError;

/// Frame bytes the buffers have room for before they grow.
const SCRATCH_BYTES: usize = 64 * 1024;

/// Nodes the tape has room for before it grows: a depth message of some thousand levels.
const NODES_CAPACITY: usize = 4096;

/// A venue's JSON reader with its reused memory.
pub struct Json {
    scratch: Vec<u8>,
    buffers: Buffers,
    tape: Tape<'static>,
    parsers: Parsers,
    tally: Tally,
}

/// What reads a frame.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Parsers {
    /// The scanner, and what it declines the general parser.
    #[default]
    ScanFirst,
    /// The general parser alone: slower, to check or to time the other against.
    General,
}

/// How often which parser read a frame.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Readings of the scanner.
    pub scanned: u64,
    /// Readings of the general parser: what the scanner had declined.
    pub general: u64,
}

/// What becomes of bare numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Numbers {
    /// They are numbers; the digits of fractions are lost.
    Typed,
    /// They are read as if they stood in quotes: every digit stays.
    Quoted,
}

impl Json {
    pub(crate) fn new() -> Self {
        Self {
            scratch: Vec::with_capacity(SCRATCH_BYTES),
            buffers: Buffers::new(SCRATCH_BYTES),
            tape: Tape(Vec::with_capacity(NODES_CAPACITY)),
            parsers: Parsers::default(),
            tally: Tally::default(),
        }
    }

    /// Chooses what reads from now on. What is read is the same either way.
    pub const fn set_parsers(&mut self, parsers: Parsers) {
        self.parsers = parsers;
    }

    /// How often which parser read.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// Parses `text` and hands its root to `read`; `read` runs a second time, over strings only,
    /// when it meets a bare number where exact text is needed ([`DecodeError::BareNumber`]).
    pub(crate) fn read<T>(
        &mut self,
        text: &[u8],
        mut read: impl FnMut(Value<'_, '_>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        match self.parse(text, Numbers::Typed, &mut read) {
            Err(DecodeError::BareNumber) => self.parse(text, Numbers::Quoted, &mut read),
            other => other,
        }
    }

    /// As [`Json::read`] for venues that write bare numbers whose digits matter: `read` runs once,
    /// over strings only, and no number is parsed before its text is asked for.
    pub(crate) fn read_quoted<T>(
        &mut self,
        text: &[u8],
        mut read: impl FnMut(Value<'_, '_>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        self.parse(text, Numbers::Quoted, &mut read)
    }

    fn parse<T>(
        &mut self,
        text: &[u8],
        numbers: Numbers,
        read: &mut impl FnMut(Value<'_, '_>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        if self.parsers == Parsers::ScanFirst
            && let Ok(text) = std::str::from_utf8(text)
        {
            let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
            let scanned = scan::scan(text, numbers, &mut tape.0);
            let result = scanned.map(|()| read(Value(&tape.0)));
            self.tape = tape.reset();
            if let Some(result) = result {
                self.tally.scanned += 1;
                return result;
            }
        }
        self.tally.general += 1;
        self.parse_general(text, numbers, read)
    }

    #[cold]
    fn parse_general<T>(
        &mut self,
        text: &[u8],
        numbers: Numbers,
        read: &mut impl FnMut(Value<'_, '_>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        self.scratch.clear();
        match numbers {
            Numbers::Typed => self.scratch.extend_from_slice(text),
            Numbers::Quoted => quote_numbers(text, &mut self.scratch),
        }
        let len = self.scratch.len();
        self.scratch.resize(len + INPUT_PADDING, 0);
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let parsed =
            simd_json::fill_tape_padded(&mut self.scratch, len, &mut self.buffers, &mut tape);
        let result = match parsed {
            Ok(()) => read(Value(&tape.0)),
            Err(_) => Err(DecodeError::Malformed),
        };
        self.tape = tape.reset();
        result
    }
}

impl std::fmt::Debug for Json {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Json").field("scratch_bytes", &self.scratch.capacity()).finish()
    }
}

/// A value of a parsed frame: the part of the tape that begins with it.
#[derive(Clone, Copy)]
pub(crate) struct Value<'tape, 'text>(&'tape [Node<'text>]);

impl<'tape, 'text> Value<'tape, 'text> {
    // Inlined so that `key` is a constant: a comparison is then one of two words.
    /// The member called `key`, if this is an object that has one. `null` counts as absent.
    #[inline(always)]
    pub(crate) fn get(self, key: &str) -> Option<Self> {
        let Some(Node::Object { count, .. }) = self.0.first() else { return None };
        let mut rest = self.0.get(1..=*count)?;
        while let [Node::String(name), value, ..] = rest {
            if name.len() == key.len() && name.as_bytes() == key.as_bytes() {
                return Some(Self(&rest[1..])).filter(|it| !it.is_null());
            }
            rest = rest.get(1 + nodes_of(value)..)?;
        }
        None
    }

    /// As [`Value::get`], or an error that names the field.
    pub(crate) fn need(self, field: &'static str) -> Result<Self, DecodeError> {
        self.get(field).ok_or(DecodeError::MissingField { field })
    }

    /// The string, if this is one.
    pub(crate) fn text(self) -> Option<&'text str> {
        match self.0.first() {
            Some(Node::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The items, if this is an array.
    pub(crate) fn items(self) -> Option<Items<'tape, 'text>> {
        match self.0.first() {
            Some(Node::Array { len, .. }) => Some(Items { left: *len, rest: &self.0[1..] }),
            _ => None,
        }
    }

    /// The names and values, if this is an object.
    pub(crate) fn members(
        self,
    ) -> Option<impl Iterator<Item = (&'text str, Self)> + use<'tape, 'text>> {
        let Some(Node::Object { len, .. }) = self.0.first() else { return None };
        let mut nodes = Items { left: 2 * len, rest: &self.0[1..] };
        Some(std::iter::from_fn(move || {
            let name = nodes.next()?.text()?;
            Some((name, nodes.next()?))
        }))
    }

    /// Whether this is an object.
    pub(crate) fn is_object(self) -> bool {
        matches!(self.0.first(), Some(Node::Object { .. }))
    }

    /// A string that must be one.
    pub(crate) fn need_text(self, field: &'static str) -> Result<&'text str, DecodeError> {
        self.need(field)?.text().ok_or(DecodeError::WrongType { field })
    }

    /// A whole number that is not negative, written bare or as a string of digits.
    pub(crate) fn whole(self) -> Option<u64> {
        match self.0.first()? {
            Node::Static(StaticNode::U64(number)) => Some(*number),
            Node::Static(StaticNode::I64(number)) => u64::try_from(*number).ok(),
            Node::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// As [`Value::whole`] of a member that must be there.
    pub(crate) fn need_whole(self, field: &'static str) -> Result<u64, DecodeError> {
        self.need(field)?.whole().ok_or(DecodeError::WrongType { field })
    }

    /// A whole number of either sign.
    pub(crate) fn integer(self) -> Option<i64> {
        match self.0.first()? {
            Node::Static(StaticNode::U64(number)) => i64::try_from(*number).ok(),
            Node::Static(StaticNode::I64(number)) => Some(*number),
            Node::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// `true` or `false`, if this is one.
    pub(crate) fn truth(self) -> Option<bool> {
        match self.0.first()? {
            Node::Static(StaticNode::Bool(truth)) => Some(*truth),
            _ => None,
        }
    }

    /// The exact text of a price or quantity.
    ///
    /// # Errors
    /// [`DecodeError::BareNumber`] for a number that is not a string: its text is not on the tape,
    /// and [`Json::read`] then reads the frame again with every number quoted.
    pub(crate) fn decimal(self, field: &'static str) -> Result<&'text [u8], DecodeError> {
        match self.0.first() {
            Some(Node::String(text)) => Ok(text.as_bytes()),
            Some(Node::Static(StaticNode::F64(_) | StaticNode::I64(_) | StaticNode::U64(_))) => {
                Err(DecodeError::BareNumber)
            }
            _ => Err(DecodeError::WrongType { field }),
        }
    }

    fn is_null(self) -> bool {
        matches!(self.0.first(), Some(Node::Static(StaticNode::Null)))
    }
}

/// The values one after another on a tape.
pub(crate) struct Items<'tape, 'text> {
    left: usize,
    rest: &'tape [Node<'text>],
}

impl Items<'_, '_> {
    /// How many values are left.
    pub(crate) const fn count_left(&self) -> usize {
        self.left
    }
}

impl<'tape, 'text> Iterator for Items<'tape, 'text> {
    type Item = Value<'tape, 'text>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let nodes = nodes_of(self.rest.first()?);
        let (value, rest) = self.rest.split_at_checked(nodes)?;
        self.rest = rest;
        Some(Value(value))
    }
}

/// How many nodes the value takes that begins with `node`.
#[inline]
const fn nodes_of(node: &Node<'_>) -> usize {
    match node {
        Node::Object { count, .. } | Node::Array { count, .. } => *count + 1,
        Node::String(_) | Node::Static(_) => 1,
    }
}

/// Copies `text` and puts every bare number between quotes, so that its digits survive parsing.
fn quote_numbers(text: &[u8], target: &mut Vec<u8>) {
    let mut in_string = false;
    let mut in_number = false;
    let mut escaped = false;
    for &byte in text {
        let numeric = matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        if in_number && !numeric {
            target.push(b'"');
            in_number = false;
        } else if !in_string && !in_number && matches!(byte, b'0'..=b'9' | b'-') {
            target.push(b'"');
            in_number = true;
        }
        if byte == b'"' && !escaped {
            in_string = !in_string;
        }
        escaped = in_string && byte == b'\\' && !escaped;
        target.push(byte);
    }
    if in_number {
        target.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_root<T>(text: &str, read: impl Fn(Value<'_, '_>) -> T) -> Result<T, DecodeError> {
        Json::new().read(text.as_bytes(), |root| Ok(read(root)))
    }

    #[test]
    fn members_are_found_in_any_order_and_null_is_absent() {
        let text = r#"{"a":{"x":[1,{"y":2}]},"b":"t","n":null,"b":"second","t":true,"i":-3}"#;
        read_root(text, |root| {
            assert_eq!(root.need_text("b"), Ok("t"), "of duplicate keys the first one counts");
            assert!(root.get("n").is_none());
            assert_eq!(root.get("t").and_then(Value::truth), Some(true));
            assert_eq!(root.get("i").and_then(Value::integer), Some(-3));
            assert_eq!(root.get("i").and_then(Value::whole), None);
            let items: Vec<_> = root.get("a").unwrap().get("x").unwrap().items().unwrap().collect();
            assert_eq!(items[0].whole(), Some(1));
            assert_eq!(items[1].need_whole("y"), Ok(2));
            assert_eq!(root.need_text("q"), Err(DecodeError::MissingField { field: "q" }));
            assert_eq!(root.need_text("i"), Err(DecodeError::WrongType { field: "i" }));
        })
        .unwrap();
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        let deep = "[".repeat(100_000);
        for text in ["", "{", "{\"a\":}", "nul", "[1,]", "\u{0}", &deep] {
            assert_eq!(read_root(text, |_| ()), Err(DecodeError::Malformed), "{text:.20}");
        }
    }

    #[test]
    fn a_bare_number_keeps_its_text_in_the_second_reading() {
        let text = br#"{"p":0.1000000000000000055,"s":"a\\\"-1","l":[[1e-7,2],[-3]]}"#;
        let texts = Json::new()
            .read(text, |root| {
                let mut texts = vec![root.need("p")?.decimal("p")?.to_vec()];
                for pair in root.need("l")?.items().expect("an array") {
                    for item in pair.items().expect("an array") {
                        texts.push(item.decimal("l")?.to_vec());
                    }
                }
                assert_eq!(root.need_text("s"), Ok("a\\\"-1"));
                Ok(texts)
            })
            .unwrap();
        assert_eq!(texts, [&b"0.1000000000000000055"[..], b"1e-7", b"2", b"-3"]);
    }

    #[test]
    fn quoted_numbers_are_read_once_with_their_digits() {
        let mut runs = 0;
        let text = br#"{"p":0.50930100,"n":18446744073709551615,"t":true,"i":-3,"s":"1e5"}"#;
        Json::new()
            .read_quoted(text, |root| {
                runs += 1;
                assert_eq!(root.need("p")?.decimal("p")?, b"0.50930100");
                assert_eq!(root.need_whole("n"), Ok(u64::MAX));
                assert_eq!(root.get("t").and_then(Value::truth), Some(true));
                assert_eq!(root.get("i").and_then(Value::integer), Some(-3));
                assert_eq!(root.need_text("s"), Ok("1e5"));
                Ok(())
            })
            .unwrap();
        assert_eq!(runs, 1);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut json = Json::new();
            let read = json.read(&text, |root| {
                root.get("a");
                Err::<(), _>(DecodeError::BareNumber)
            });
            prop_assert!(read.is_err());
        }

        #[test]
        fn quoting_numbers_changes_nothing_else(numbers in proptest::collection::vec(any::<i32>(), 0..9)) {
            let text = format!("{{\"k\":{numbers:?},\"t\":\"1,-2\"}}");
            let read = Json::new().read(text.as_bytes(), |root| {
                root.need("k")?.items().expect("an array").map(|it| it.decimal("k").map(<[u8]>::to_vec)).collect::<Result<Vec<_>, _>>()
            }).unwrap();
            let expected: Vec<_> = numbers.iter().map(|it| it.to_string().into_bytes()).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
