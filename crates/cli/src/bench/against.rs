//! Results of another day: saved, read back, compared.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tickring_harness::{
    BLOCKS_MIN, Comparison, Figures, HostFingerprint, Threshold, Verdict, compare,
};

use super::input::InputFacts;
use super::report::{BenchReport, SCHEMA_VERSION};
use crate::args::{BenchArgs, CompareArgs};
use crate::exit::{Exit, Failure};

/// A result that was saved.
#[derive(Debug)]
pub(crate) struct Baseline {
    path: PathBuf,
    saved: Saved,
}

/// Of a saved result, what is compared.
#[derive(Debug, Deserialize)]
struct Saved {
    schema_version: u32,
    command: String,
    host: HostFingerprint,
    input: InputFacts,
    scenarios: Vec<SavedScenario>,
}

#[derive(Debug, Deserialize)]
struct SavedScenario {
    name: String,
    rounds: Vec<Figures>,
}

/// How a result compares with its baseline.
#[derive(Debug, Serialize)]
pub(crate) struct ComparisonReport {
    pub(crate) against: String,
    pub(crate) has_failed: bool,
    /// What differs between the machines or builds, in words.
    pub(crate) host_differences: Vec<String>,
    pub(crate) scenarios: Vec<Compared>,
    /// Scenarios that only one of the two has.
    pub(crate) unmatched: Vec<String>,
}

/// One threshold of one scenario.
#[derive(Debug, Serialize)]
pub(crate) struct Compared {
    pub(crate) name: String,
    pub(crate) threshold: String,
    /// Only told; not what `--fail-on` asked for.
    pub(crate) is_informative: bool,
    #[serde(flatten)]
    pub(crate) comparison: Comparison,
}

/// The baseline that was asked for, and whether a result can be saved at all.
///
/// # Errors
/// It cannot be read, or is no result of a bench.
pub(super) fn load(args: &CompareArgs) -> Result<Option<Baseline>, Failure> {
    if let Some(path) = &args.save {
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) || path.is_dir() {
            let words = format!("--save {}: there is no such folder", path.display());
            return Err(Failure::new(Exit::InputOutput, words));
        }
    }
    args.against.as_deref().map(Baseline::read).transpose()
}

/// Writes a result to compare with later.
///
/// # Errors
/// The file cannot be written.
pub(super) fn save(path: &Path, report: &BenchReport) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(report).expect("a result has only string keys");
    fs::write(path, text + "\n").map_err(|error| {
        Failure::new(Exit::InputOutput, format!("--save {}: {error}", path.display()))
    })
}

impl Baseline {
    fn read(path: &Path) -> Result<Self, Failure> {
        let failure = |words: String| {
            Failure::new(Exit::InputOutput, format!("--against {}: {words}", path.display()))
        };
        let text = fs::read_to_string(path).map_err(|error| failure(error.to_string()))?;
        let saved: Saved = serde_json::from_str(&text)
            .map_err(|error| failure(format!("not a result that `bench --save` wrote: {error}")))?;
        if saved.schema_version != SCHEMA_VERSION || saved.command != "bench" {
            let (version, command) = (saved.schema_version, &saved.command);
            return Err(failure(format!(
                "a result of `{command}` with schema {version}; this program compares results of \
                 `bench` with schema {SCHEMA_VERSION}: save a new one"
            )));
        }
        if let Some(short) = saved.scenarios.iter().find(|it| it.rounds.len() < BLOCKS_MIN) {
            let words = format!(
                "{} has {} rounds; {BLOCKS_MIN} are needed to know the noise",
                short.name,
                short.rounds.len()
            );
            return Err(failure(words));
        }
        Ok(Self { path: path.to_owned(), saved })
    }

    /// Whether the baseline was taken on this input.
    ///
    /// # Errors
    /// It was not.
    pub(crate) fn check_input(&self, input: &InputFacts) -> Result<(), Failure> {
        let saved = &self.saved.input;
        // The same bytes under another name are the same input.
        let facts = |it: &InputFacts| (it.frames, it.bytes, it.hash.clone());
        if facts(saved) == facts(input) {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "--against {}: taken on another input ({}, {} frames); give it the same FILE, --frames \
             and --seed",
            self.path.display(),
            saved.name,
            saved.frames
        )))
    }

    /// Compares every scenario that both have.
    ///
    /// # Errors
    /// They have none in common.
    pub(crate) fn compare(
        &self,
        report: &BenchReport,
        args: &BenchArgs,
    ) -> Result<ComparisonReport, Failure> {
        let is_informative = args.compare.fail_on.is_empty();
        let shown: Vec<Threshold> =
            SHOWN.iter().map(|it| it.parse().expect("a threshold")).collect();
        let thresholds = if is_informative { &shown } else { &args.compare.fail_on };
        let mut scenarios = Vec::new();
        let mut unmatched = Vec::new();
        for new in &report.scenarios {
            let Some(base) = self.saved.scenarios.iter().find(|it| it.name == new.name) else {
                unmatched.push(new.name.clone());
                continue;
            };
            // A value of a whole block is finer than the clock's step.
            let step_ns = if new.since == "block" { 0.0 } else { report.clock.step_ns };
            for threshold in thresholds {
                let comparison = compare(&base.rounds, &new.rounds, *threshold, step_ns);
                let (name, threshold) = (new.name.clone(), threshold.to_string());
                scenarios.push(Compared { name, threshold, is_informative, comparison });
            }
        }
        if scenarios.is_empty() {
            let words = format!(
                "--against {}: it has none of these scenarios; give the same --stage and loads",
                self.path.display()
            );
            return Err(Failure::usage(words));
        }
        let is_new = |it: &&SavedScenario| report.scenarios.iter().all(|new| new.name != it.name);
        unmatched.extend(self.saved.scenarios.iter().filter(is_new).map(|it| it.name.clone()));
        let has_failed =
            !is_informative && scenarios.iter().any(|it| it.comparison.verdict == Verdict::Fail);
        Ok(ComparisonReport {
            against: self.path.display().to_string(),
            has_failed,
            host_differences: report.host.differences(&self.saved.host),
            scenarios,
            unmatched,
        })
    }
}

/// What is shown where no limit was given.
const SHOWN: [&str; 2] = ["p50:+10%", "p99:+10%"];
