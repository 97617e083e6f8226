//! `tickring doctor`: reads this machine and made-up ones, and changes nothing.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Ran, count, list, tickring};

fn doctor(arguments: &[&str]) -> Command {
    let mut command = tickring(&["doctor", "--log", "error"]);
    command.args(arguments);
    command
}

/// The findings of this machine, or of the one below a root.
fn examine(arguments: &[&str]) -> Value {
    let ran = Ran::of(doctor(&["--format", "json"]).args(arguments)).exits(0);
    serde_json::from_str(&ran.out).unwrap()
}

/// A machine whose clock is slow, which is bad, and of which nothing else is known.
fn slow_clock() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("sys/devices/system/clocksource/clocksource0");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("current_clocksource"), "hpet\n").unwrap();
    fs::write(folder.join("available_clocksource"), "tsc hpet\n").unwrap();
    root
}

fn path(root: &tempfile::TempDir) -> &str {
    root.path().to_str().unwrap()
}

/// Ids of checks that the page on hosts tells of.
fn documented() -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/HOST.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned())).collect()
}

#[test]
fn this_machine_is_examined_and_every_id_stands_there_once_and_in_the_docs() {
    let found = examine(&["--jitter", "20ms"]);
    assert_eq!(found["schema_version"], 1);
    assert_eq!(found["command"], "doctor");
    let findings = list(&found["findings"]);
    let ids: BTreeSet<String> =
        findings.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), findings.len());
    assert_eq!(ids, documented());
    for finding in findings {
        for name in ["title", "read", "from", "good", "why"] {
            assert!(!finding[name].as_str().unwrap().is_empty(), "{name} of {finding}");
        }
        let is_wrong = matches!(finding["state"].as_str(), Some("warn" | "bad"));
        assert_eq!(!list(&finding["mend"]).is_empty(), is_wrong, "{finding}");
    }
    let verdict = &found["verdict"];
    let counts = ["ok", "warn", "bad", "absent"].map(|name| count(&verdict[name]));
    assert_eq!(counts.iter().sum::<u64>(), findings.len() as u64);
    assert_eq!(list(&verdict["worst"]).len() as u64, counts[1] + counts[2]);
}

#[test]
fn every_judged_core_is_measured_for_as_long_as_was_asked() {
    for arguments in [&["--jitter", "30ms"][..], &["--jitter", "30ms", "--together"]] {
        let found = examine(arguments);
        let jitter = &found["jitter"];
        assert_eq!(jitter["together"], arguments.len() == 3);
        let (measured, refused) = (list(&jitter["cores"]), list(&jitter["refused"]));
        assert!(!measured.is_empty() || !refused.is_empty());
        for core in measured {
            assert!(count(&core["measured_ns"]) >= 30_000_000, "{core}");
            assert!(count(&core["readings"]) > 0, "{core}");
            assert!(count(&core["lost_ns"]) <= count(&core["measured_ns"]), "{core}");
        }
    }
    assert_eq!(examine(&["--jitter", "0s"])["jitter"], Value::Null);
}

#[test]
fn people_are_told_the_same_without_colours_in_a_pipe() {
    let ran = Ran::of(&mut doctor(&["--jitter", "0s"])).exits(0);
    assert!(ran.out.starts_with("doctor: "), "{}", ran.out);
    for words in ["\ncores\n", "\nclock\n", "\nnetwork\n", "  cores.usable ", "  jitter.gaps "] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    assert!(!ran.out.contains('\u{1b}'), "{}", ran.out);
    assert_eq!(ran.err, "");
}

#[test]
fn only_strict_makes_something_bad_a_failure() {
    let root = slow_clock();
    Ran::of(&mut doctor(&["--root", path(&root)])).exits(0);
    let ran = Ran::of(&mut doctor(&["--root", path(&root), "--strict"])).exits(1);
    assert!(ran.out.starts_with("doctor: poor (1 bad, "), "{}", ran.out);
    let empty = tempfile::tempdir().unwrap();
    let mut command = doctor(&["--strict"]);
    let ran = Ran::of(command.env("TICKRING_ROOT", empty.path())).exits(0);
    assert!(ran.out.starts_with("doctor: unknown (0 bad, 0 warn, 0 ok, "), "{}", ran.out);
}

#[test]
fn the_script_is_one_that_a_shell_can_read_and_is_only_printed() {
    let root = slow_clock();
    for arguments in [&["--fix-script"][..], &["--fix-script", "--root", path(&root)]] {
        let ran = Ran::of(&mut doctor(arguments)).exits(0);
        assert!(ran.out.starts_with("#!/bin/sh\n"), "{}", ran.out);
        for shell in ["sh", "bash"] {
            let mut child =
                Command::new(shell).arg("-n").stdin(Stdio::piped()).spawn().expect("a shell");
            child.stdin.take().unwrap().write_all(ran.out.as_bytes()).unwrap();
            assert!(child.wait().unwrap().success(), "{shell}: {}", ran.out);
        }
    }
    let ran = Ran::of(&mut doctor(&["--fix-script", "--root", path(&root)])).exits(0);
    let clock = "sys/devices/system/clocksource/clocksource0/current_clocksource";
    assert!(ran.out.contains(&format!("\nput tsc /{clock}\n")), "{}", ran.out);
    assert_eq!(fs::read_to_string(root.path().join(clock)).unwrap(), "hpet\n");
}

#[test]
fn what_cannot_work_is_refused_with_what_to_do() {
    let root = slow_clock();
    let absent = root.path().join("absent");
    for (arguments, words) in [
        (&["--cores", "8191"][..], "--cores: 8191 not online; this machine has "),
        (&["--cores", "x"], "write cores as `2,3`"),
        (&["--jitter", "x"], "write it as `10s`"),
        (&["--fix-script", "--format", "json"], "leave out --fix-script"),
        (&["--root", absent.to_str().unwrap()], "not a folder"),
        (&["--root", path(&root), "--jitter", "1s"], "--jitter: it is this machine"),
    ] {
        let ran = Ran::of(&mut doctor(arguments)).exits(2);
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
        assert_eq!(ran.out, "");
    }
}
