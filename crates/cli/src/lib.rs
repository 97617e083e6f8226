//! The tickring command as a library: parses, plans cores, wires the crates together, reports.
//!
//! A program with a strategy of its own calls [`main`] with that strategy registered and gets every
//! command, flag, report and exit code of `tickring`:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use tickring_cli::Strategies;
//! use tickring_event::MarketEvent;
//! use tickring_strategy::{Context, Strategy, StrategyError};
//!
//! struct Mine;
//!
//! impl Strategy for Mine {
//!     fn name(&self) -> &str {
//!         "mine"
//!     }
//!
//!     fn on_event(&mut self, _: &MarketEvent, _: &mut Context<'_>) -> Result<(), StrategyError> {
//!         Ok(())
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     tickring_cli::main(&Strategies::builtin().with("mine", || Mine))
//! }
//! ```

mod allocations;
mod args;
mod backtest;
mod bench;
mod commands;
mod doctor;
mod engine;
mod exit;
mod inspect;
mod interrupt;
mod machine;
mod memory;
mod monitor;
mod options;
mod output;
mod plan;
mod progress;
mod report;
mod report_page;
mod rest;
mod sessions;
mod settings;
mod strategies;
mod venues;
mod workers;

use std::process::ExitCode;

use clap::Parser;

pub use crate::allocations::CountingAllocator;
use crate::args::{Cli, Command};
pub use crate::strategies::Strategies;

/// Does what the process's command line says; `strategies` are those that `--strategy` can name.
///
/// It reads the arguments and the environment, writes to standard output and error, starts and pins
/// threads and listens for SIGINT and SIGTERM: call it from `main` and return what it returns. Where
/// the arguments cannot be parsed, or help is asked for, it ends the process.
///
/// The allocator is the program's own choice: `tickring` has mimalloc in a [`CountingAllocator`].
#[must_use]
pub fn main(strategies: &Strategies) -> ExitCode {
    let exit = match Cli::parse().command {
        Command::Demo(args) => commands::demo::run(&args, strategies),
        Command::Run(args) => commands::run::run(&args, strategies),
        Command::Record(args) => commands::record::run(&args, strategies),
        Command::Replay(args) => commands::replay::run(&args, strategies),
        Command::Backtest(args) => commands::backtest::run(&args, strategies),
        Command::Verify(args) => commands::verify::run(&args),
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Report(args) => commands::report::run(&args),
        Command::Simulate(args) => commands::simulate::run(&args),
        Command::Fetch(args) => commands::fetch::run(&args),
        Command::Bench(args) => commands::bench::run(&args),
        Command::Doctor(args) => commands::doctor::run(&args),
        #[cfg(feature = "export")]
        Command::Export(args) => commands::export::run(&args),
        #[cfg(not(feature = "export"))]
        Command::Export { .. } => commands::absent("export"),
    };
    exit.into()
}
