//! `tickring verify`: whether recordings are whole, and whole copies of those that are not.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tickring_capture::{
    CaptureError, Condition, Damage, OpenOptions, SegmentTally, Verdict, is_capture_path,
    open_session, repair, segments, verify,
};

use crate::args::{Format, LogLevel, VerifyArgs};
use crate::exit::Exit;
use crate::output::{self, Talk};

/// Runs the command: exit 0 when all is whole, 1 when something is not, 2 when something cannot be
/// read at all.
pub(crate) fn run(args: &VerifyArgs) -> Exit {
    let talk = Talk::new(args.talk.log);
    let mut checked = Vec::new();
    let mut exit = Exit::Done;
    for path in &args.files {
        match check(path, args) {
            Ok(files) => checked.extend(files),
            Err(error) => {
                talk.say(LogLevel::Error, error.to_string());
                exit = Exit::Usage;
            }
        }
    }
    if exit == Exit::Done && checked.iter().any(|it| it.verdict.condition != Condition::Clean) {
        exit = Exit::Fault;
    }
    let text = match args.talk.format {
        Format::Text => checked.iter().map(Checked::text).collect::<Vec<_>>().join("\n"),
        Format::Json => json!({
            "schema_version": 1,
            "command": "verify",
            "files": checked.iter().map(Checked::json).collect::<Vec<_>>(),
        })
        .to_string(),
    };
    match output::print(&text) {
        Ok(()) => exit,
        Err(error) => {
            talk.say(LogLevel::Error, format!("standard output: {error}"));
            Exit::InputOutput
        }
    }
}

/// One file and what was found.
struct Checked {
    path: PathBuf,
    verdict: Verdict,
    repaired: Option<(PathBuf, SegmentTally)>,
}

/// Checks a recording: every file of a capture, or the one file of another format.
fn check(path: &Path, args: &VerifyArgs) -> Result<Vec<Checked>, CaptureError> {
    if !is_capture_path(path)? {
        let verdict = read(path)?;
        return Ok(vec![Checked { path: path.to_owned(), verdict, repaired: None }]);
    }
    let mut checked = Vec::new();
    for file in segments(path)? {
        let verdict = verify(&file)?;
        let repaired = if args.repair && verdict.condition != Condition::Clean {
            let target = file.with_extension("repaired.mcap");
            let tally = repair(&file, &target, args.force)?;
            Some((target, tally))
        } else {
            None
        };
        checked.push(Checked { path: file, verdict, repaired });
    }
    Ok(checked)
}

/// Reads a recording that has no checksums of its own, but for those of its compression.
fn read(path: &Path) -> Result<Verdict, CaptureError> {
    let mut session = open_session(path, OpenOptions::default())?.session;
    let mut verdict = Verdict::empty(path)?;
    loop {
        match session.advance() {
            Ok(true) => verdict.add(&session.entry()),
            Ok(false) => return Ok(verdict),
            Err(error) => {
                verdict.condition = Condition::Damaged;
                let what = error.to_string();
                verdict.damages.push(Damage { offset: 0, bytes: 0, what });
                return Ok(verdict);
            }
        }
    }
}

impl Checked {
    fn text(&self) -> String {
        let Self { path, verdict, repaired } = self;
        let mut text = format!(
            "{}: {}, {} frames in {} entries",
            path.display(),
            word(verdict.condition),
            verdict.frames,
            verdict.entries
        );
        if let Some(offset) = verdict.offset {
            text.push_str(&format!("; from byte {offset} on, {} bytes cut", verdict.bytes_cut));
        }
        if let Some(entries) = verdict.entries_cut.filter(|it| *it > 0) {
            text.push_str(&format!(", {entries} entries lost with them"));
        }
        if verdict.holes > 0 {
            let (holes, missing) = (verdict.holes, verdict.entries_missing);
            text.push_str(&format!("; {holes} holes were recorded, {missing} entries missing"));
        }
        for Damage { offset, what, .. } in &verdict.damages {
            text.push_str(&format!("\n  byte {offset}: {what}"));
        }
        if let Some((target, tally)) = repaired {
            let target = target.display();
            text.push_str(&format!("\n  written: {target} with {} entries", tally.entries));
        }
        text
    }

    fn json(&self) -> Value {
        let Verdict {
            condition,
            file_bytes,
            offset,
            bytes_cut,
            entries,
            frames,
            frame_bytes,
            entries_cut,
            first_ns,
            last_ns,
            holes,
            entries_missing,
            damages,
        } = &self.verdict;
        let damage = |it: &Damage| json!({"offset": it.offset, "bytes": it.bytes, "what": it.what});
        json!({
            "path": self.path.display().to_string(),
            "condition": word(*condition),
            "file_bytes": file_bytes,
            "offset": offset,
            "kept": {"entries": entries, "frames": frames, "frame_bytes": frame_bytes},
            "cut": {"entries": entries_cut, "bytes": bytes_cut},
            "first_ns": first_ns,
            "last_ns": last_ns,
            "holes": holes,
            "entries_missing": entries_missing,
            "damages": damages.iter().map(damage).collect::<Vec<_>>(),
            "repaired": self.repaired.as_ref().map(|(target, tally)| json!({
                "path": target.display().to_string(),
                "entries": tally.entries,
                "frames": tally.frames,
                "bytes": tally.bytes,
            })),
        })
    }
}

const fn word(condition: Condition) -> &'static str {
    match condition {
        Condition::Clean => "clean",
        Condition::Unclean => "unclean",
        Condition::Damaged => "damaged",
    }
}
