//! Venues whose books come with checksums: Kraken, v2 and v1, and OKX.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod kraken_continuity;
mod kraken_frames;
mod kraken_recorded;
mod mutations;
mod okx_continuity;
mod okx_frames;
mod okx_recorded;
mod oracle;
mod support;
