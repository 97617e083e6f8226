//! The tickring command with the built-in strategies. All of it is in the library, so that a program
//! with strategies of its own is as short as this one.

use std::process::ExitCode;

use tickring_cli::Strategies;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tickring_cli::main(&Strategies::builtin())
}
