//! LMAX's disruptor in a Java process, where there is one: it is compiled, warmed up and asked for one
//! block after the other.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use super::run::{Bench, CHUNK, PERIOD_NS, Scenario, TRIPS};

/// Debian's package `libdisruptor-java`.
const JAR: &str = "/usr/share/java/disruptor.jar";

/// A Java process that waits for blocks to run.
#[derive(Debug)]
pub(crate) struct Java {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// The classes lie there as long as they may be loaded.
    _classes: TempDir,
}

impl Java {
    pub(crate) const NAME: &'static str = "LMAX disruptor (Java)";

    /// Compiles and warms up.
    ///
    /// # Errors
    /// In words, what is missing.
    pub(crate) fn start(bench: &Bench) -> Result<Self, String> {
        if !Path::new(JAR).is_file() {
            return Err(format!("{JAR} is missing (Debian's `libdisruptor-java`)"));
        }
        let classes = tempfile::tempdir().map_err(|error| error.to_string())?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("java/RingBench.java");
        let compiled = Command::new("javac")
            .args(["-cp", JAR, "-d"])
            .arg(classes.path())
            .arg(source)
            .status()
            .map_err(|error| format!("`javac` does not start: {error}"))?;
        if !compiled.success() {
            return Err(format!("`javac` ended with {compiled}"));
        }
        let mut process = Command::new("java")
            .arg("-cp")
            .arg(format!("{JAR}:{}", classes.path().display()))
            // Little memory and a collector that stays out of the way: blocks allocate little.
            .args(["-XX:+UseSerialGC", "-Xms512m", "-Xmx512m", "RingBench"])
            .arg(bench.capacity.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("`java` does not start: {error}"))?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let output = BufReader::new(output.ok_or("`java` has no output")?);
        let mut java = Self { process, input, output, _classes: classes };
        match java.line()?.as_str() {
            "warm" => {
                java.pin(bench);
                Ok(java)
            }
            other => Err(format!("`java` says `{other}`")),
        }
    }

    /// Gives each side's thread the core that the others' side has, by the threads' names.
    fn pin(&self, bench: &Bench) {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id()));
        for task in tasks.into_iter().flatten().flatten() {
            let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            let side = name.trim().strip_prefix("side-").and_then(|it| it.parse::<usize>().ok());
            let Some(core) = side.and_then(|side| bench.cores.get(side)) else { continue };
            let done = Command::new("taskset")
                .args(["-cp", &core.id.to_string()])
                .arg(task.file_name())
                .stdout(Stdio::null())
                .status();
            // Where there is no `taskset` the threads go where they are sent.
            drop(done);
        }
    }

    /// Runs one block.
    pub(crate) fn run(&mut self, bench: &Bench, scenario: Scenario) -> f64 {
        let size = bench.size;
        let line = match scenario {
            Scenario::HandOver => format!("hand_over {} {TRIPS}", size.samples),
            Scenario::Paced => format!("paced {} {PERIOD_NS}", size.paced),
            Scenario::Burst(events) => {
                format!("burst {events} {} {PERIOD_NS}", (size.burst_events / events).max(5))
            }
            Scenario::FlatOut { receivers } => {
                format!("flat_out {} {receivers} {CHUNK}", size.flat_out)
            }
        };
        let input = self.input.as_mut().expect("it is open until the end");
        writeln!(input, "{line}").expect("the process reads");
        let answer = self.line().expect("the process answers");
        answer.parse().expect("the answer is a number")
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|error| error.to_string())?;
        Ok(line.trim().to_owned())
    }
}

impl Drop for Java {
    fn drop(&mut self) {
        // Without more input it ends by itself.
        drop(self.input.take());
        drop(self.process.wait());
    }
}
