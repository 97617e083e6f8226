//! `cargo xtask bench-record`: runs every bench that has peers and lets each write its dated record.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::check::RECORDED_DATA;

/// A bench that writes a record.
struct Bench {
    /// Its name in `benches/Cargo.toml`.
    name: &'static str,
    /// What it is told, with [`DATA`] and [`RECORD`] for what only a run knows.
    arguments: &'static [&'static str],
    /// What it is told beside that when time is short.
    quick: &'static [&'static str],
}

/// In arguments: the folder of recorded sessions.
const DATA: &str = "{data}";

/// In arguments: the file to write, for benches that do not name it themselves.
const RECORD: &str = "{record}";

const BENCHES: &[Bench] = &[
    Bench { name: "ring", arguments: &["--record"], quick: &["--quick"] },
    Bench { name: "decode", arguments: &[DATA, "--record", RECORD], quick: &[] },
    Bench { name: "socket", arguments: &["--record", RECORD], quick: &[] },
];

/// Runs them one after the other, so that none measures another; those that `names` names, or all. One
/// that fails does not keep the others from running.
pub(crate) fn run(root: &Path, names: &[&str], is_quick: bool) -> Result<(), String> {
    let chosen = chosen(names, &manifest(root)?)?;
    let root = root.canonicalize().map_err(|error| format!("{}: {error}", root.display()))?;
    let data = root.join(RECORDED_DATA);
    let today = today()?;
    let mut failed = Vec::new();
    for bench in chosen {
        if bench.arguments.contains(&DATA) && !data.is_dir() {
            println!("xtask: bench {} left out: {RECORDED_DATA} is missing", bench.name);
            continue;
        }
        println!("xtask: bench {}", bench.name);
        let record = root.join(format!("benches/record/{}-{today}.md", bench.name));
        let done =
            Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
                .current_dir(&root)
                .args(arguments(bench, is_quick, [&data, &record]))
                .status()
                .map_err(|error| format!("cargo did not start: {error}"))?;
        if !done.success() {
            failed.push(bench.name);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

/// The day in UTC, from the system's own `date`.
fn today() -> Result<String, String> {
    let output = Command::new("date").args(["-u", "+%F"]).output();
    let output = output.map_err(|error| format!("`date` did not start: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Names of the benches in the package's manifest.
fn manifest(root: &Path) -> Result<Vec<String>, String> {
    let path = root.join("benches/Cargo.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{error}"))?;
    let manifest: toml::Table =
        text.parse().map_err(|error| format!("benches/Cargo.toml: {error}"))?;
    let benches = manifest.get("bench").and_then(toml::Value::as_array);
    let name = |bench: &toml::Value| bench.get("name")?.as_str().map(str::to_owned);
    Ok(benches.into_iter().flatten().filter_map(name).collect())
}

/// Which to run: those that are named, or all of the list that this checkout has.
fn chosen(names: &[&str], have: &[String]) -> Result<Vec<&'static Bench>, String> {
    let is_there = |bench: &&Bench| have.iter().any(|it| it == bench.name);
    let there: Vec<&Bench> = BENCHES.iter().filter(is_there).collect();
    if let Some(unknown) = names.iter().find(|&&name| there.iter().all(|it| it.name != name)) {
        let known: Vec<&str> = there.iter().map(|it| it.name).collect();
        return Err(format!("`{unknown}` is not one of {}", known.join(", ")));
    }
    let is_asked = |bench: &&Bench| names.is_empty() || names.contains(&bench.name);
    Ok(there.into_iter().filter(is_asked).collect())
}

fn arguments(bench: &Bench, is_quick: bool, [data, record]: [&Path; 2]) -> Vec<OsString> {
    let own = |&argument: &&str| match argument {
        DATA => data.into(),
        RECORD => record.into(),
        word => OsString::from(word),
    };
    let cargo = ["bench", "-p", "tickring-benches", "--bench", bench.name, "--"];
    let quick = if is_quick { bench.quick } else { &[] };
    cargo
        .map(OsString::from)
        .into_iter()
        .chain(bench.arguments.iter().chain(quick).map(own))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str], have: &[&str]) -> Result<Vec<&'static str>, String> {
        let have: Vec<String> = have.iter().map(|&name| name.to_owned()).collect();
        Ok(chosen(names, &have)?.into_iter().map(|bench| bench.name).collect())
    }

    #[test]
    fn all_that_are_there_run_unless_some_are_named() {
        let have = ["capture", "socket", "ring"];
        assert_eq!(names(&[], &have).unwrap(), ["ring", "socket"]);
        assert_eq!(names(&["socket"], &have).unwrap(), ["socket"]);
    }

    #[test]
    fn a_bench_that_keeps_no_record_is_refused_with_those_that_do() {
        for name in ["capture", "decode"] {
            let refused = names(&[name], &["capture", "ring", "socket"]).unwrap_err();
            assert_eq!(refused, format!("`{name}` is not one of ring, socket"));
        }
    }

    #[test]
    fn a_bench_is_told_where_things_lie_and_that_time_is_short() {
        let line = |name: &str, is_quick| {
            let bench = BENCHES.iter().find(|it| it.name == name).unwrap();
            let words = arguments(bench, is_quick, [Path::new("/data"), Path::new("/out.md")]);
            words.join(std::ffi::OsStr::new(" ")).into_string().unwrap()
        };
        let cargo = "bench -p tickring-benches --bench";
        assert_eq!(line("ring", true), format!("{cargo} ring -- --record --quick"));
        assert_eq!(line("ring", false), format!("{cargo} ring -- --record"));
        assert_eq!(line("decode", true), format!("{cargo} decode -- /data --record /out.md"));
    }
}
