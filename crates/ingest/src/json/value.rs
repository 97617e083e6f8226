//! A value of a parsed frame, and what can be asked of it.

use simd_json::{Node, StaticNode};

use crate::venue::DecodeError;

/// A value of a parsed frame: the part of the tape that begins with it.
#[derive(Clone, Copy)]
pub(crate) struct Value<'tape, 'text>(&'tape [Node<'text>]);

impl<'tape, 'text> Value<'tape, 'text> {
    pub(super) const fn root(nodes: &'tape [Node<'text>]) -> Self {
        Self(nodes)
    }

    // Inlined so that `key` is a constant: a comparison is then one of two words.
    /// The first member called `key`, if this is an object that has one. `null` counts as absent.
    #[inline(always)]
    pub(crate) fn get(self, key: &str) -> Option<Self> {
        let inside = self.inside()?;
        let (at, _) = find(inside, key)?;
        Some(Self(inside.get(at..)?)).filter(|it| !it.is_null())
    }

    /// As [`Value::get`], or an error that names the field.
    #[inline(always)]
    pub(crate) fn need(self, field: &'static str) -> Result<Self, DecodeError> {
        self.get(field).ok_or(DecodeError::MissingField { field })
    }

    /// The string, if this is one.
    #[inline]
    pub(crate) fn text(self) -> Option<&'text str> {
        match self.0.first() {
            Some(Node::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The items, if this is an array.
    #[inline]
    pub(crate) fn items(self) -> Option<Items<'tape, 'text>> {
        match self.0.first() {
            Some(Node::Array { len, .. }) => Some(Items { left: *len, rest: &self.0[1..] }),
            _ => None,
        }
    }

    /// The first two items of an array that begins with two strings: a level's price and quantity.
    #[inline(always)]
    pub(crate) const fn two_texts(self) -> Option<(&'text [u8], &'text [u8])> {
        match self.0 {
            [Node::Array { len: 2.., .. }, Node::String(first), Node::String(second), ..] => {
                Some((first.as_bytes(), second.as_bytes()))
            }
            _ => None,
        }
    }

    /// The first two items of an array that begins with two decimals.
    ///
    /// # Errors
    /// [`DecodeError::WrongType`] for anything else, and [`Value::decimal`]'s.
    #[inline(always)]
    pub(crate) fn pair(
        self,
        field: &'static str,
    ) -> Result<(&'text [u8], &'text [u8]), DecodeError> {
        if let Some(texts) = self.two_texts() {
            return Ok(texts);
        }
        let wrong = DecodeError::WrongType { field };
        let mut items = self.items().ok_or(wrong)?;
        let (Some(first), Some(second)) = (items.next(), items.next()) else { return Err(wrong) };
        Ok((first.decimal(field)?, second.decimal(field)?))
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
    #[inline]
    pub(crate) fn is_object(self) -> bool {
        matches!(self.0.first(), Some(Node::Object { .. }))
    }

    /// A string that must be one.
    #[inline(always)]
    pub(crate) fn need_text(self, field: &'static str) -> Result<&'text str, DecodeError> {
        self.need(field)?.text().ok_or(DecodeError::WrongType { field })
    }

    /// A whole number that is not negative, written bare or as a string of digits.
    #[inline]
    pub(crate) fn whole(self) -> Option<u64> {
        match self.0.first()? {
            Node::Static(StaticNode::U64(number)) => Some(*number),
            Node::Static(StaticNode::I64(number)) => u64::try_from(*number).ok(),
            Node::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// As [`Value::whole`] of a member that must be there.
    #[inline(always)]
    pub(crate) fn need_whole(self, field: &'static str) -> Result<u64, DecodeError> {
        self.need(field)?.whole().ok_or(DecodeError::WrongType { field })
    }

    /// A whole number of either sign.
    #[inline]
    pub(crate) fn integer(self) -> Option<i64> {
        match self.0.first()? {
            Node::Static(StaticNode::U64(number)) => i64::try_from(*number).ok(),
            Node::Static(StaticNode::I64(number)) => Some(*number),
            Node::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// `true` or `false`, if this is one.
    #[inline]
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
    #[inline]
    pub(crate) fn decimal(self, field: &'static str) -> Result<&'text [u8], DecodeError> {
        match self.0.first() {
            Some(Node::String(text)) => Ok(text.as_bytes()),
            Some(Node::Static(StaticNode::F64(_) | StaticNode::I64(_) | StaticNode::U64(_))) => {
                Err(DecodeError::BareNumber)
            }
            _ => Err(DecodeError::WrongType { field }),
        }
    }

    pub(super) fn is_null(self) -> bool {
        matches!(self.0.first(), Some(Node::Static(StaticNode::Null)))
    }

    /// The names and values of an object.
    #[inline(always)]
    fn inside(self) -> Option<&'tape [Node<'text>]> {
        match self.0 {
            [Node::Object { count, .. }, inside @ ..] => inside.get(..*count),
            _ => None,
        }
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

    #[inline]
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

/// The first member called `key`: the place of its value among `nodes`, and how many that one spans.
#[inline(always)]
fn find(nodes: &[Node<'_>], key: &str) -> Option<(usize, usize)> {
    let mut at = 0;
    while let Some([Node::String(name), value]) = nodes.get(at..at + 2) {
        let span = nodes_of(value);
        if name.len() == key.len() && name.as_bytes() == key.as_bytes() {
            return Some((at + 1, span));
        }
        at += 1 + span;
    }
    None
}
