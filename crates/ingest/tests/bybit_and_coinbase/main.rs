//! Bybit and Coinbase: message shapes, continuity, and recorded sessions.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod bybit_continuity;
mod bybit_frames;
mod bybit_recorded;
mod coinbase_advanced_continuity;
mod coinbase_advanced_frames;
mod coinbase_advanced_recorded;
mod coinbase_exchange_continuity;
mod coinbase_exchange_frames;
mod coinbase_exchange_recorded;
mod noise;
mod recorded;
mod words;
