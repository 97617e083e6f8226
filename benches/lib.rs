//! What the benches beside this file share: the hand-overs that rings are measured against, and the
//! dated records.

pub mod handover;
pub mod record;
