//! Checks that keep the workspace honest: `cargo xtask check` before every commit.

#![expect(clippy::print_stdout, reason = "a development tool: its findings are its output")]
#![expect(clippy::print_stderr, reason = "a development tool: it says what failed")]

mod bench_record;
mod check;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  check   formatting, tidy, clippy, tests, documentation; stops at the first failure
  tidy    the rules of tools/xtask/src/tidy/rules.rs: crate arrows, owners of libraries, files
  bench-record [--quick] [NAME...]
          every bench that has peers, each with a dated record under benches/record";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["check"] => check::run(&root()),
        ["tidy"] => tidy::run(&root()),
        ["bench-record", ref rest @ ..] => {
            let names: Vec<&str> = rest.iter().copied().filter(|it| *it != "--quick").collect();
            bench_record::run(&root(), &names, names.len() < rest.len())
        }
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace. Cargo says at run time where this package lies; what it said at
/// build time may be another checkout that shares the target folder.
fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.join("../..")
}
