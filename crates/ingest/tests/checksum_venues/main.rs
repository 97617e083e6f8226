//! Venues whose books come with checksums: Kraken, v2 and v1, OKX, and Bitget.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod bitget_continuity;
mod bitget_frames;
mod bitget_made;
mod kraken_continuity;
mod kraken_frames;
mod kraken_recorded;
mod mutations;
mod okx_continuity;
mod okx_frames;
mod okx_recorded;
mod oracle;
mod support;
