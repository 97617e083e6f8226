//! Two hand-overs from one publisher to gated readers, as little as each can be.
//!
//! [`bare`] tells readers with a cursor of its own line, as the ring below `tickring-ring` does: what
//! one publish moves is the cursor's line and the slot's. [`one_line`] writes the sequence into the
//! slot, so that no cursor moves. Both are here to be measured and are no part of the engine: they
//! cannot be closed, watched or left.

pub mod bare;
pub mod one_line;

mod shared;

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(all(test, not(loom)))]
mod tests;
