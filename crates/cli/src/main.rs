//! The tickring command with the built-in strategies. All of it is in the library, so that a program
//! with strategies of its own is as short as this one.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use tickring_cli::{CountingAllocator, Strategies};

#[global_allocator]
static ALLOCATOR: CountingAllocator<MiMalloc> = CountingAllocator(MiMalloc);

fn main() -> ExitCode {
    tickring_cli::main(&Strategies::builtin())
}
