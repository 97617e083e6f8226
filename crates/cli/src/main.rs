//! The tickring command: parses, plans cores, wires the crates together, reports.

mod args;
mod commands;
mod engine;
mod exit;
mod interrupt;
mod machine;
mod monitor;
mod options;
mod output;
mod plan;
mod report;
mod settings;
mod workers;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let exit = match Cli::parse().command {
        Command::Demo(args) => commands::demo::run(&args),
        Command::Run(args) => commands::run::run(&args),
        Command::Replay(args) => commands::replay::run(&args),
        Command::Simulate(args) => commands::simulate::run(&args),
    };
    exit.into()
}
