//! The report of an export.

use std::fmt::Write;

use indicatif::HumanCount;
use serde_json::{Value, json};
use tickring_export::Written;
use tickring_ingest::{DecodeFailure, WalkTally};
use tickring_metrics::Counter;

/// What an export read and wrote.
pub(super) struct ExportReport {
    pub(super) format: &'static str,
    pub(super) wall_ns: u64,
    pub(super) entries: u64,
    pub(super) frames: u64,
    /// Bytes of the frames.
    pub(super) bytes: u64,
    /// `None` where nothing was decoded.
    pub(super) decoded: Option<Decoded>,
    pub(super) tables: Vec<Written>,
}

/// What decoding counted.
pub(super) struct Decoded {
    gaps: u64,
    missing: u64,
    errors: Vec<DecodeFailure>,
}

/// Version of the report as JSON.
const SCHEMA_VERSION: u32 = 1;

impl Decoded {
    /// The frames of a walk, their bytes, and the rest of what it counted.
    pub(super) fn of(tally: WalkTally) -> (u64, u64, Self) {
        let WalkTally { counters, decode_errors: errors, .. } = tally;
        let (gaps, missing) = (counters.get(Counter::Gaps), counters.get(Counter::Missing));
        let decoded = Self { gaps, missing, errors };
        (counters.get(Counter::Frames), counters.get(Counter::Bytes), decoded)
    }

    fn errors_total(&self) -> u64 {
        self.errors.iter().map(|it| it.count).sum()
    }
}

impl ExportReport {
    /// One object.
    pub(super) fn to_json(&self) -> String {
        let Self { format, wall_ns, entries, frames, bytes, decoded, tables } = self;
        let table = |it: &Written| {
            json!({
                "table": it.table.name(),
                "path": it.path.as_ref().map(|path| path.display().to_string()),
                "rows": it.rows,
                "bytes": it.bytes,
            })
        };
        json!({
            "schema_version": SCHEMA_VERSION,
            "command": "export",
            "format": format,
            "wall_ns": wall_ns,
            "entries": entries,
            "frames": frames,
            "bytes": bytes,
            "decode_errors": decoded.as_ref().map(|it| json!({
                "total": it.errors_total(),
                "by_reason": by_reason(it, |failure| failure.count.into()),
                "examples": by_reason(it, |failure| failure.first.to_string().into()),
            })),
            "loss": decoded.as_ref().map(|it| json!({ "gaps": it.gaps, "missing": it.missing })),
            "tables": tables.iter().map(table).collect::<Vec<_>>(),
        })
        .to_string()
    }

    /// Some lines.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        self.write_text(&mut text).expect("a string can be written");
        text
    }

    fn write_text(&self, text: &mut String) -> std::fmt::Result {
        let Self { format, wall_ns, entries, frames, bytes, decoded, tables } = self;
        let wall_ms = wall_ns / 1_000_000;
        let (seconds, milliseconds) = (wall_ms / 1_000, wall_ms % 1_000);
        writeln!(
            text,
            "export: {} entries, {} frames, {} bytes, to {format} in {seconds}.{milliseconds:03} s",
            HumanCount(*entries),
            HumanCount(*frames),
            HumanCount(*bytes),
        )?;
        if let Some(it) = decoded {
            write_decoded(text, it)?;
        }
        writeln!(text, "\n{:<12} {:>12} {:>14}  file", "table", "rows", "bytes")?;
        for Written { table, path, rows, bytes } in tables {
            let rows = HumanCount(*rows).to_string();
            let bytes = HumanCount(*bytes).to_string();
            let path = path.as_ref().map_or_else(|| "-".to_owned(), |it| it.display().to_string());
            writeln!(text, "{:<12} {rows:>12} {bytes:>14}  {path}", table.name())?;
        }
        Ok(())
    }
}

fn write_decoded(text: &mut String, decoded: &Decoded) -> std::fmt::Result {
    let Decoded { gaps, missing, errors } = decoded;
    match errors.as_slice() {
        [] if *gaps == 0 => return writeln!(text, "loss: nothing lost"),
        [] => {}
        errors => {
            write!(text, "decode errors: {}", HumanCount(decoded.errors_total()))?;
            for DecodeFailure { reason, count, first } in errors {
                write!(text, "; {reason} {} (first: {first})", HumanCount(*count))?;
            }
            writeln!(text)?;
        }
    }
    writeln!(text, "loss: {} gaps, {} missing", HumanCount(*gaps), HumanCount(*missing))
}

fn by_reason(decoded: &Decoded, value: impl Fn(&DecodeFailure) -> Value) -> Value {
    decoded.errors.iter().map(|it| (it.reason.to_owned(), value(it))).collect()
}
