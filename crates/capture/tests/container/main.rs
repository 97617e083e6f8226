//! Captures: what is recorded is what is read, whatever happens to the file in between.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod crash;
mod failing;
mod oracle;
mod round_trip;
mod segmented;
mod support;
