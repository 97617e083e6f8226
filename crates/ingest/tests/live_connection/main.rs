//! A live source against real WebSocket servers on loopback.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod fetching;
mod frames;
mod kernel_time;
mod key;
mod life;
mod limits;
mod relay;
mod support;
mod tls;
