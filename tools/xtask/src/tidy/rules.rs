//! The rules as tables. A change here is a decision: say why in its commit.

/// The crates of `crates/` by folder, each with the crates it may depend on.
pub(super) const ARROWS: &[(&str, &[&str])] = &[
    ("event", &[]),
    ("ring", &[]),
    ("metrics", &[]),
    ("capture", &[]),
    ("book", &["event"]),
    ("ingest", &["event", "ring", "metrics", "capture", "book"]),
    ("strategy", &["event", "ring", "metrics", "book"]),
    ("simulator", &["event", "capture"]),
    ("export", &["event", "capture"]),
    ("harness", &["metrics"]),
    ("backtest", &["event", "strategy"]),
    (
        "cli",
        &[
            "event",
            "ring",
            "metrics",
            "capture",
            "book",
            "ingest",
            "strategy",
            "simulator",
            "export",
            "harness",
            "backtest",
        ],
    ),
];

/// Crates that tests, and tests alone, may reach beyond `ARROWS`.
pub(super) const DEV_ARROWS: &[(&str, &[&str])] = &[];

/// Packages that see everything: nothing depends on them.
pub(super) const FREE: &[&str] = &["tickring-benches", "xtask"];

/// Outside libraries and the packages that own them, by folder. One owner each, so that a library
/// can be replaced in one place; others see the owner's types.
pub(super) const OWNERS: &[(&str, &[&str])] = &[
    ("arrow-array", &["export"]),
    ("arrow-ipc", &["export"]),
    ("arrow-schema", &["export"]),
    ("clap", &["cli"]),
    ("humantime", &["cli"]),
    ("log", &["cli"]),
    ("core_affinity", &["cli"]),
    // Two owners: the checksums of a file's records and those of a venue's books, which share no types.
    ("crc32fast", &["capture", "book"]),
    ("crossbeam-utils", &["ring"]),
    ("dbn", &["capture"]),
    ("csv", &["export"]),
    ("disruptor", &["ring"]),
    // Two owners: whole files of a recording, and the histograms of an interval log one by one.
    ("flate2", &["capture", "metrics"]),
    ("foldhash", &["ingest"]),
    ("hdrhistogram", &["metrics"]),
    // Here and not in `export`: it writes to a terminal, and libraries do not.
    ("indicatif", &["cli"]),
    // Two owners of system calls that have no safe wrapper: the clock's state for `doctor`, the kernel's
    // receive times for the socket.
    ("libc", &["cli", "ingest"]),
    ("mcap", &["capture"]),
    ("memchr", &["capture"]),
    ("mimalloc", &["cli"]),
    ("plotters", &["cli"]),
    ("parquet", &["export"]),
    ("quanta", &["metrics"]),
    ("rtrb", &["capture"]),
    // Two owners: system calls of the socket and of the process's memory, which share no types.
    ("rustix", &["ingest", "cli"]),
    ("rustls", &["ingest"]),
    ("rustls-native-certs", &["ingest"]),
    ("signal-hook", &["cli"]),
    ("simd-json", &["ingest"]),
    ("terminal_size", &["cli"]),
    ("toml", &["xtask"]),
    ("twox-hash", &["event"]),
    // Two owners: the client's side and the server's side of one protocol, which share no types.
    ("tungstenite", &["ingest", "simulator"]),
    ("ureq", &["ingest"]),
    ("webpki-roots", &["ingest"]),
    ("zstd", &["capture"]),
];

/// Owned libraries that the tests of another crate, and its tests alone, may use.
pub(super) const DEV_OWNERS: &[(&str, &[&str])] = &[
    // How the ring's library fails on a thread that is pinned elsewhere can only be shown on one.
    ("core_affinity", &["ring"]),
    // The binary's interval log is read back by the format's own reader.
    ("hdrhistogram", &["cli"]),
    // A recording is compressed for the binary to read.
    ("zstd", &["cli"]),
];

/// Outside libraries that any crate may use: words and small tools, no engine of their own.
pub(super) const SHARED: &[&str] = &["fastrand", "serde", "serde_json", "thiserror"];

/// Outside libraries for tests alone: any crate, as a dev-dependency (or for `cfg(loom)`).
pub(super) const DEV_ONLY: &[&str] =
    &["criterion", "libtest-mimic", "loom", "proptest", "tempfile"];

/// What may lie at the top, beside names that start with a dot.
pub(super) const TOP: &[&str] = &[
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "crates",
    "docs",
    "rust-toolchain.toml",
    "tools",
];

/// What builds leave at the top; git ignores it.
pub(super) const TOP_BUILT: &[&str] = &["target"];

/// Folders with a `Cargo.toml` that are no members of the workspace.
pub(super) const OUTSIDE_WORKSPACE: &[&str] = &["tools/baselines/", "tools/fuzz/"];

/// Lines of a source file before its tests.
pub(super) const LINES_MAX: usize = 600;

/// Code that may stand nowhere, with what to write instead.
pub(super) const FORBIDDEN: &[(&str, &str)] = &[
    ("#[allow(", "use #[expect(.., reason = \"..\")]"),
    ("#![allow(", "use #![expect(.., reason = \"..\")]"),
    ("todo!", "write what is missing"),
    ("unimplemented!", "write what is missing, or make the case impossible"),
    ("dbg!", "remove it"),
];

/// Macros that print, for `PRINTERS` and tests only.
pub(super) const PRINT: &[&str] = &["print!", "println!", "eprint!", "eprintln!"];

/// Files, or folders with a slash at the end, that may print.
pub(super) const PRINTERS: &[&str] = &["crates/cli/src/output.rs", "tools/xtask/"];
