//! The binary from end to end: as a process, over loopback, on recorded sessions.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod backtest;
mod bench;
mod capture;
mod chained;
mod configuration;
mod damage;
mod demo;
mod doctor;
mod expected;
mod fetch;
mod imported;
mod inspect;
mod interrupts;
mod live;
mod memory;
mod played;
mod recorded;
mod report;
mod report_command;
mod secrets;
mod support;
mod venues_live;
mod venues_made;
