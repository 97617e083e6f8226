//! Memory that stays in place and lies in huge pages, as far as the system allows either.

use crate::support::{Ran, simulated_session, tickring};

/// Replays with `flag`: it does what it says, or the run does not start and says what would help.
#[track_caller]
fn check(flag: &str, done: &str, remedy: &str) {
    let folder = tempfile::tempdir().unwrap();
    let session = folder.path().join("session");
    simulated_session(&session, 2_000);
    let mut command = tickring(&["replay", "--speed", "max", "--venue", "tickdb", flag]);
    let ran = Ran::of(command.args(["--format", "json"]).arg(session));
    match ran.code {
        0 => {
            assert!(ran.err.contains(done), "{}", ran.err);
            ran.report();
        }
        2 => assert!(ran.err.contains(flag) && ran.err.contains(remedy), "{}", ran.err),
        code => panic!("ended with {code}:\n{}", ran.err),
    }
}

#[test]
fn locked_memory_is_said_or_the_limit_is_named() {
    check("--lock-memory", "memory locked", "ulimit -l unlimited");
}

#[test]
fn huge_pages_are_counted_or_the_setting_is_named() {
    check("--huge-pages", "huge pages: ", "/sys/kernel/mm/transparent_hugepage/enabled");
}
