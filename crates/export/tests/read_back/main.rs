//! Exports read back by the formats' own readers.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod arrow;
mod files;
mod parquet_files;
mod sheets;
mod support;
mod texts;
