//! What both versions of Kraken's interface have in common: the rule of the book's checksum.

use super::Kraken;
use crate::batch::EventBatch;
use crate::json::Value;
use crate::venue::DecodeError;
use crate::venue::chain::Resync;
use crate::venue::checked::{CheckedBook, DepthMessage, Sides};

/// Takes a message into its book and compares the checksum it came with, if it has one.
pub(in crate::venue) fn take(
    book: &mut CheckedBook,
    message: &DepthMessage,
    sides: &Sides,
    venue: Option<u32>,
    batch: &mut EventBatch,
) -> Resync {
    let from = batch.len();
    book.take(message, sides, batch);
    if !message.is_snapshot && book.chain.last().is_none() {
        return book.chain.skip(from, batch);
    }
    // Kraken numbers nothing.
    if message.is_snapshot {
        book.chain.seed(0);
    }
    let Some(venue) = venue else { return Resync::No };
    book.compare(venue, from, &message.origin, batch)
}

/// The checksum of a message, if it has one.
pub(in crate::venue) fn checksum(
    data: Value<'_, '_>,
    field: &'static str,
) -> Result<Option<u32>, DecodeError> {
    let Some(value) = data.get(field) else { return Ok(None) };
    let checksum = value.whole().and_then(|it| u32::try_from(it).ok());
    checksum.map(Some).ok_or(DecodeError::WrongType { field })
}

/// The least depth on offer that has room for a snapshot.
pub(in crate::venue) fn depth_of(
    bids: Option<Value<'_, '_>>,
    asks: Option<Value<'_, '_>>,
) -> usize {
    let count =
        |side: Option<Value<'_, '_>>| side.and_then(Value::items).map_or(0, Iterator::count);
    let levels = count(bids).max(count(asks));
    let offered = Kraken::OFFER.depths.iter().filter_map(|&it| usize::try_from(it).ok());
    offered.into_iter().find(|&depth| depth >= levels).unwrap_or(levels)
}
