//! What nearly every level of a book is: two short numbers in quotes.

use tickring_event::ShortNumber;

/// An array of two short numbers in quotes.
pub(super) struct ShortPair {
    pub(super) price: ShortNumber,
    pub(super) quantity: ShortNumber,
    /// How many bytes it takes.
    pub(super) size: usize,
}

impl ShortPair {
    /// Bytes in which one is looked for.
    const BYTES: usize = 2 + ShortNumber::BYTES + 3 + ShortNumber::BYTES + 2;

    /// The one that `text` begins with.
    #[inline(always)]
    pub(super) fn leading(text: &[u8; Self::BYTES]) -> Option<Self> {
        let rest = text.strip_prefix(b"[\"")?;
        let price = ShortNumber::leading(rest.first_chunk()?)?;
        let rest = rest.get(price.size()..)?.strip_prefix(b"\",\"")?;
        let quantity = ShortNumber::leading(rest.first_chunk()?)?;
        rest.get(quantity.size()..)?.starts_with(b"\"]").then_some(())?;
        Some(Self { price, quantity, size: 2 + price.size() + 3 + quantity.size() + 2 })
    }
}
