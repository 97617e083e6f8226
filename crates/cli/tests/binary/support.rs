//! Runs the binary and reads what it says.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;
use tickring_simulator::{Feed, SimulatorConfig, record_session};

/// A key that no output may show, with characters that a query must encode.
pub(crate) const KEY: &str = "s3cr3t/k+y=%41&zz";

pub(crate) const SYMBOLS: &str = "AAPL.US,NVDA.US,700.HK,BTCUSDT";

/// Pairs of symbol and channel that `run` subscribes for [`SYMBOLS`].
const PAIRS: &str = "12";

/// Monitor lines without a frame after which a feed has ended.
const SILENT_LINES: u32 = 5;

/// The binary with nothing in its environment.
pub(crate) fn tickring(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickring"));
    command.env_clear().args(arguments).stdin(Stdio::null());
    command
}

/// `tickring run` on a simulated venue.
pub(crate) fn live(url: &str, arguments: &[&str]) -> Command {
    let mut command = tickring(&["run", "--symbols", SYMBOLS, "--format", "json"]);
    command.args(["--interval", "200ms"]).args(arguments);
    command.env("TICKDB_API_KEY", KEY).env("TICKDB_WS_URL", url);
    command
}

/// What a process that has ended left behind.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        Self { code: output.status.code().expect("it ended by itself"), out, err }
    }

    /// The same run, after a look at its exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.err);
        self
    }

    /// The report on standard output; checked for what holds in every run.
    #[track_caller]
    pub(crate) fn report(&self) -> Value {
        let report = serde_json::from_str(&self.out).unwrap();
        assert_identity(&report);
        report
    }
}

/// Each event ends as handled, conflated or skipped, once for each strategy and service.
#[track_caller]
fn assert_identity(report: &Value) {
    let published = count(&report["events"]["published"]);
    let kinds = ["trade", "top_of_book", "levels", "bar", "gap", "status"];
    assert_eq!(kinds.iter().map(|kind| count(&report["events"][kind])).sum::<u64>(), published);
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in list(&report["strategies"]).iter().chain(list(&report["services"])) {
        let ended = ["handled", "conflated", "skipped"].map(|it| count(&entry[it]));
        *sums.entry(entry["name"].as_str().unwrap()).or_default() += ended.iter().sum::<u64>();
        assert_eq!(entry["handled"], entry["latency_ns"]["queue"]["count"]);
    }
    assert!(!sums.is_empty());
    for (name, sum) in sums {
        assert_eq!(sum, published, "{name}");
    }
}

#[track_caller]
pub(crate) fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

#[track_caller]
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

/// A figure of the first strategy of that name.
#[track_caller]
pub(crate) fn figure(report: &Value, strategy: &str, name: &str) -> u64 {
    let entry = list(&report["strategies"]).iter().find(|it| it["name"] == strategy).unwrap();
    let figure = entry["figures"][name].as_f64().unwrap();
    format!("{figure}").parse().expect("figures that are counts are whole")
}

/// Sums of `messages` by kind.
pub(crate) fn messages(report: &Value) -> u64 {
    report["messages"].as_object().unwrap().values().map(count).sum()
}

/// A process that is still running; ended when it is dropped.
pub(crate) struct Process {
    child: Child,
    err: BufReader<ChildStderr>,
    /// What standard error has said so far.
    said: String,
    /// Standard output: a file takes any amount while nobody reads.
    out: File,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let out = tempfile::tempfile().unwrap();
        let mut child =
            command.stdout(out.try_clone().unwrap()).stderr(Stdio::piped()).spawn().unwrap();
        let err = BufReader::new(child.stderr.take().unwrap());
        Self { child, err, said: String::new(), out }
    }

    /// The next line on standard error.
    #[track_caller]
    pub(crate) fn line(&mut self) -> &str {
        let start = self.said.len();
        let size = self.err.read_line(&mut self.said).unwrap();
        assert!(size > 0, "it ended early:\n{}", self.said);
        &self.said[start..]
    }

    /// Reads standard error up to a line with these words.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, words: &str) -> &str {
        while !self.line().contains(words) {}
        self.said.lines().last().unwrap()
    }

    /// Reads monitor lines until the feed has ended.
    #[track_caller]
    pub(crate) fn wait_for_silence(&mut self) {
        let mut silent = 0;
        while silent < SILENT_LINES {
            let line = self.line();
            if line.contains(" frames/s, ") {
                let is_silent = line.starts_with("0 frames/s, 0 events/s,");
                silent = if is_silent { silent + 1 } else { 0 };
            }
        }
    }

    /// Sends `INT` or `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        // The shell's own `kill`: the program of that name is not on every machine.
        let script = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
    }

    /// Ends it at once, as a crash or the kernel would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Ran {
        self.err.read_to_string(&mut self.said).unwrap();
        let status = self.child.wait().unwrap();
        let mut out = String::new();
        self.out.rewind().unwrap();
        self.out.read_to_string(&mut out).unwrap();
        let code = status.code().expect("it ended by itself");
        Ran { code, out, err: std::mem::take(&mut self.said) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Refused for a process that has ended, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `tickring simulate` as a process.
pub(crate) struct Venue {
    process: Process,
    pub(crate) url: String,
}

impl Venue {
    /// Starts one that sends once every pair of [`SYMBOLS`] and channel is subscribed.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::listening(tickring(&["simulate", "--start-after", PAIRS]), arguments)
    }

    /// Starts one that plays a recording.
    pub(crate) fn play(arguments: &[&str]) -> Self {
        Self::listening(tickring(&["simulate"]), arguments)
    }

    /// Starts one that serves a recording as its venue would; `url` is its host and port.
    pub(crate) fn serve(arguments: &[&str]) -> Self {
        let mut command = tickring(&["simulate", "--format", "json", "--log", "trace"]);
        let mut process = Process::start(command.args(arguments));
        let line = process.wait_for("--url ws://").trim().to_owned();
        let address = line.split("ws://").nth(1).unwrap();
        let url = address.split([' ', '`']).next().unwrap().to_owned();
        Self { process, url }
    }

    fn listening(mut command: Command, arguments: &[&str]) -> Self {
        command.args(["--format", "json"]);
        let mut process = Process::start(command.args(["--log", "trace"]).args(arguments));
        let line = process.wait_for("TICKDB_WS_URL=");
        let url = line.split_once('=').unwrap().1.trim().to_owned();
        Self { process, url }
    }

    /// Ends it; what it said on the way, its report on standard output.
    pub(crate) fn end(self) -> Ran {
        self.process.signal("INT");
        self.process.finish().exits(130)
    }

    /// Ends it; what it did.
    pub(crate) fn report(self) -> Value {
        serde_json::from_str(&self.end().out).unwrap()
    }
}

/// Folder of the recorded sessions, or `None` with a word on why the test does nothing.
///
/// # Panics
/// When the folder is missing and `CI` is `true`: there it must be checked.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
pub(crate) fn recorded_data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!ci, "recorded sessions are missing: {}", folder.display());
    eprintln!("SKIPPED: recorded sessions are missing: {}", folder.display());
    None
}

/// A session file of the simulator's messages of [`SYMBOLS`].
pub(crate) fn simulated_session(path: &Path, frames: u64) {
    let symbols = SYMBOLS.split(',').map(str::to_owned).collect();
    let profile = "steady:10000".parse().unwrap();
    let feed = Feed::Generated { symbols, profile, seed: 1 };
    let config = SimulatorConfig { frames_max: Some(frames), ..SimulatorConfig::new(feed) };
    let written = record_session(&config, File::create(path).unwrap()).unwrap();
    assert_eq!(written, frames);
}

/// A made-up USD-M session: a book, one diff missing, one frame that is no JSON, one without a price.
pub(crate) const DAMAGED_SESSION: &str = r#"
1000000000 {"stream":"x@bookTicker","data":{"e":"bookTicker","u":5,"s":"BTCUSDT","b":"100.1","B":"2","a":"100.2","A":"1.5","T":1,"E":1}}
1000000100 {"lastUpdateId":7,"E":1,"T":1,"bids":[["100.1","2"],["100.0","1.5"]],"asks":[["100.2","1.5"]]}
1000000200 {"stream":"x@depth","data":{"e":"depthUpdate","E":2,"T":2,"s":"BTCUSDT","U":6,"u":9,"pu":5,"b":[["100.1","3"]],"a":[["100.3","4"]]}}
1000000300 {"stream":"x@trade","data":{"e":"trade","E":3,"T":3,"s":"BTCUSDT","t":1,"p":"100.2","q":"0.5","X":"MARKET","m":false}}
1000000400 {"stream":"x@depth","data":{"e":"depthUpdate","E":4,"T":4,"s":"BTCUSDT","U":10,"u":12,"pu":9,"b":[],"a":[["100.2","1"]]}}
1000000500 {"stream":"x@depth","data":{"e":"depthUpdate","E":5,"T":5,"s":"BTCUSDT","U":16,"u":18,"pu":15,"b":[],"a":[["100.2","2"]]}}
1000000600 {"stream":"x@trade","data":{"e":"trade",
1000000700 {"stream":"x@trade","data":{"e":"trade","E":6,"T":6,"s":"BTCUSDT","t":2,"q":"0.5","X":"MARKET","m":false}}
"#;

/// Writes a session file.
pub(crate) fn session(path: &Path, lines: &str) {
    fs::write(path, lines.trim_start()).unwrap();
}
