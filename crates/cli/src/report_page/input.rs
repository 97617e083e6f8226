//! Reads files and puts those of one run together.

mod hlog;
mod results;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use super::{Run, Series, harmless, tag};
use crate::exit::{Exit, Failure};

/// What is to be read.
pub(crate) struct Request<'a> {
    pub(crate) files: &'a [PathBuf],
    /// Globs of tags; none for all.
    pub(crate) tags: &'a [String],
    /// Nanoseconds of a value in an interval log.
    pub(crate) hlog_unit_ns: u64,
}

/// What one file tells of its run.
#[derive(Debug, Default)]
struct Part {
    run: Run,
    /// Whether it is an interval log, which knows more than the figures made from it.
    is_log: bool,
}

/// Reads all files; runs come in the order of their first files.
///
/// # Errors
/// A file cannot be read or is no log and no result; one is given twice; no tag is like any glob.
pub(crate) fn load(request: &Request<'_>) -> Result<Vec<Run>, Failure> {
    let mut runs: Vec<(PathBuf, Vec<Part>)> = Vec::new();
    for (index, path) in request.files.iter().enumerate() {
        if request.files[..index].contains(path) {
            return Err(Failure::usage(format!("{} is given twice", path.display())));
        }
        let part = read(path, request.hlog_unit_ns)?;
        let stem = path.with_extension("");
        match runs.iter_mut().find(|(it, _)| *it == stem) {
            Some((_, parts)) => parts.push(part),
            None => runs.push((stem, vec![part])),
        }
    }
    let names = names(runs.iter().map(|(stem, _)| stem.as_path()));
    let merged = names.into_iter().zip(runs).map(|(name, (_, parts))| merge(name, parts));
    let mut runs: Vec<Run> = merged.collect();
    choose(&mut runs, request.tags)?;
    Ok(runs)
}

/// Reads a file of either kind; a JSON object begins with a brace, and no line of a log does.
fn read(path: &Path, hlog_unit_ns: u64) -> Result<Part, Failure> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let mut reader = BufReader::new(file);
    let start = reader.fill_buf().map_err(|error| unreadable(path, &error))?;
    let is_json = start.iter().find(|it| !it.is_ascii_whitespace()) == Some(&b'{');
    let mut part = if is_json {
        Part { run: results::read(path, reader)?, is_log: false }
    } else {
        Part { run: hlog::read(path, reader, hlog_unit_ns)?, is_log: true }
    };
    part.run.files = vec![harmless(&path.display().to_string())];
    Ok(part)
}

fn unreadable(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::new(Exit::InputOutput, format!("{}: {error}", path.display()))
}

/// The last parts of the paths, or the paths where two of those are alike.
fn names<'a>(stems: impl Iterator<Item = &'a Path>) -> Vec<String> {
    let stems: Vec<_> = stems.collect();
    let short = |it: &Path| it.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = |stem: &&Path| {
        let own = short(stem);
        let is_alone = stems.iter().filter(|it| short(it) == own).count() == 1;
        let name = own.filter(|_| is_alone).unwrap_or_else(|| stem.display().to_string());
        harmless(&name)
    };
    stems.iter().map(name).collect()
}

/// One run of all that its files tell: what a log knows comes before what was made from it.
fn merge(name: String, mut parts: Vec<Part>) -> Run {
    parts.sort_by_key(|it| !it.is_log);
    let files = parts.iter().flat_map(|it| it.run.files.clone()).collect();
    let mut run = Run { name, files, ..Run::default() };
    // The report of a run knows its beginning; a log may begin a little earlier.
    let reported = parts.iter().find(|it| !it.run.timeline.is_empty());
    let told = reported.and_then(|it| it.run.start_time_ns);
    run.start_time_ns = told.or_else(|| parts.iter().find_map(|it| it.run.start_time_ns));
    for part in parts {
        let shift = shift_ns(part.run.start_time_ns, run.start_time_ns);
        for mut series in part.run.series {
            for point in &mut series.intervals {
                let at_ns = i128::from(point.at_ns) + shift;
                point.at_ns = u64::try_from(at_ns.max(0)).unwrap_or(u64::MAX);
            }
            if run.series(&series.tag).is_none() {
                run.series.push(series);
            }
        }
        if run.timeline.is_empty() {
            run.timeline = part.run.timeline;
        }
    }
    run
}

/// By how much what counts from `from_ns` is later than what counts from `to_ns`.
fn shift_ns(from_ns: Option<u64>, to_ns: Option<u64>) -> i128 {
    match (from_ns, to_ns) {
        (Some(from_ns), Some(to_ns)) => i128::from(from_ns) - i128::from(to_ns),
        _ => 0,
    }
}

/// Leaves only series whose tags are like one of the globs.
fn choose(runs: &mut [Run], globs: &[String]) -> Result<(), Failure> {
    if globs.is_empty() {
        return Ok(());
    }
    let is_chosen = |it: &Series| globs.iter().any(|glob| tag::is_like(&it.tag, glob));
    let mut known: Vec<String> = Vec::new();
    for run in runs.iter_mut() {
        known.extend(run.series.iter().map(|it| it.tag.clone()));
        run.series.retain(is_chosen);
    }
    if runs.iter().any(|it| !it.series.is_empty()) {
        return Ok(());
    }
    known.sort();
    known.dedup();
    let more = known.len().saturating_sub(TAGS_LISTED_MAX);
    known.truncate(TAGS_LISTED_MAX);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let (globs, known) = (globs.join(", "), known.join(", "));
    Err(Failure::usage(format!("--tag: nothing is like {globs}; there are {known}{rest}")))
}

/// How many tags are told where none is like what was asked for.
const TAGS_LISTED_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use tickring_metrics::TimelineEntry;

    use super::super::IntervalPoint;
    use super::*;

    #[test]
    fn runs_are_named_by_their_files_and_by_their_paths_where_those_are_alike() {
        let stems = ["a/run", "b/run", "c/x", "/"].map(Path::new);
        assert_eq!(names(stems.into_iter()), ["a/run", "b/run", "x", "/"]);
        assert_eq!(names([Path::new("a\u{1b}[2J")].into_iter()), ["a\u{fffd}[2J"]);
    }

    #[test]
    fn a_log_and_a_report_of_one_run_have_one_beginning_and_one_series_of_a_tag() {
        let series = |at_ns: &[u64]| Series {
            tag: "queue.a".to_owned(),
            intervals: at_ns
                .iter()
                .map(|&at_ns| IntervalPoint { at_ns, ..IntervalPoint::default() })
                .collect(),
            ..Series::default()
        };
        let log =
            Run { start_time_ns: Some(1_000), series: vec![series(&[0, 500])], ..Run::default() };
        let timeline = vec![TimelineEntry::default()];
        let series = vec![series(&[]), Series::default()];
        let report = Run { start_time_ns: Some(1_200), series, timeline, ..Run::default() };
        let parts = vec![Part { run: report, is_log: false }, Part { run: log, is_log: true }];
        let run = merge("x".to_owned(), parts);
        assert_eq!((run.start_time_ns, run.series.len(), run.timeline.len()), (Some(1_200), 2, 1));
        let at_ns: Vec<_> = run.series[0].intervals.iter().map(|it| it.at_ns).collect();
        assert_eq!(at_ns, [0, 300]);
    }
}
