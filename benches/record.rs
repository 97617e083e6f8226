//! Dated records of benches: what was measured, where and how, for a later run to be held against.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tickring_harness::HostFingerprint;
use tickring_metrics::Clock;

/// Version of a record's form.
pub const SCHEMA_VERSION: u32 = 1;

/// One bench's record: its own figures below what every record says.
#[derive(Clone, Debug, Serialize)]
pub struct Record<'a, F> {
    /// Version of the form.
    pub schema_version: u32,
    /// The bench, by the name that `cargo bench --bench` takes.
    pub bench: &'a str,
    /// The day, in UTC.
    pub date: String,
    /// The command that takes the same figures.
    pub command: String,
    /// The machine and the build.
    pub host: HostFingerprint,
    /// What was measured.
    #[serde(flatten)]
    pub figures: F,
}

impl<'a, F: Serialize> Record<'a, F> {
    /// A record of today, as `clock` has it, on this machine.
    #[must_use]
    pub fn new(bench: &'a str, clock: &Clock, figures: F) -> Self {
        let arguments: Vec<String> =
            std::env::args().skip(1).filter(|it| it != "--bench").collect();
        let command =
            format!("cargo bench -p tickring-benches --bench {bench} -- {}", arguments.join(" "));
        let date = day(clock.wall_ns(clock.ticks()) / 86_400_000_000_000);
        let host = HostFingerprint::read(Path::new("/"), env!("CARGO_PKG_VERSION"));
        Self { schema_version: SCHEMA_VERSION, bench, date, command, host, figures }
    }

    /// Writes `benches/record/BENCH-DATE.json`, and `table` beside it as `.md`; gives both paths. A
    /// record of the same day is written over.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn write(&self, table: &str) -> io::Result<[PathBuf; 2]> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("record");
        fs::create_dir_all(&folder)?;
        let path = |ending| folder.join(format!("{}-{}.{ending}", self.bench, self.date));
        let [json, text] = [path("json"), path("md")];
        fs::write(&json, serde_json::to_string_pretty(self)? + "\n")?;
        let HostFingerprint { cpu_model, cores_usable, is_virtual, kernel, rustc, .. } = &self.host;
        let kind = if *is_virtual { "virtual machine" } else { "machine" };
        let head = format!(
            "# {} on {}\n\n`{}`\n\n{kind}, {cpu_model}, {cores_usable} cores, Linux {kernel}, {rustc}, \
             {}\n\n",
            self.bench,
            self.date,
            self.command.trim_end_matches([' ', '-']),
            self.host.profile
        );
        fs::write(&text, head + table.trim_end() + "\n")?;
        Ok([json, text])
    }
}

/// The day so many days after 1970 began, as `2026-01-31`.
fn day(days: u64) -> String {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let (mut year, mut left) = (1970, days);
    while left >= 365 + u64::from(is_leap(year)) {
        left -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(58), "1970-02-28");
        assert_eq!(day(59), "1970-03-01");
        assert_eq!(day(364), "1970-12-31");
        assert_eq!(day(365), "1971-01-01");
        assert_eq!(day(11_016), "2000-02-29");
        assert_eq!(day(11_017), "2000-03-01");
        assert_eq!(day(20_783), "2026-11-26");
    }
}
