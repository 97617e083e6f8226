//! Pages of bars on disk: one file a request, checked when it is read.
//!
//! A file is text: what it is, the request, a line a bar, and a digest of all that. It gets its name
//! when it is whole. No key is in it, and none goes into its name.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tickring_event::Digest;

use super::{Exact, RestBar, RestError};

/// First line of a file.
const TITLE: &str = "tickring bars 1";

/// Characters of a symbol that a file's name takes.
const SYMBOL_CHARS_MAX: usize = 32;

/// Largest file that is read: a thousand bars take a tenth of it.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// A folder of pages.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

/// What is known of a request.
#[derive(Debug)]
pub(super) enum Found {
    Bars(Vec<RestBar>),
    Nothing,
    /// It was there once; the file, and in words what is wrong with it.
    Damaged(PathBuf, String),
}

/// Which page: the symbol and interval for the file's name, and all that the request said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a> {
    pub(super) symbol: &'a str,
    pub(super) interval: &'a str,
    pub(super) request: &'a str,
}

impl Store {
    /// Makes the folder where it is missing.
    pub(super) fn open(folder: &Path) -> Result<Self, RestError> {
        let failed = |source| RestError::Cache { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// What the cache holds for a request.
    pub(super) fn find(&self, key: Key<'_>) -> Found {
        let path = self.path(key);
        let read = fs::metadata(&path).and_then(|it| {
            let is_small = it.len() <= FILE_BYTES_MAX;
            if is_small {
                fs::read_to_string(&path)
            } else {
                Err(io::ErrorKind::InvalidData.into())
            }
        });
        match read {
            Ok(text) => match parse(&text, key.request) {
                Ok(bars) => Found::Bars(bars),
                Err(reason) => Found::Damaged(path, reason.to_owned()),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Found::Nothing,
            Err(error) => Found::Damaged(path, error.to_string()),
        }
    }

    /// Keeps the page of a request.
    pub(super) fn keep(&self, key: Key<'_>, bars: &[RestBar]) -> Result<(), RestError> {
        let path = self.path(key);
        let mut part = path.clone().into_os_string();
        // Two processes may write one page; each its own part.
        part.push(format!(".{}.part", std::process::id()));
        let written = fs::write(&part, render(key.request, bars));
        written.and_then(|()| fs::rename(&part, &path)).map_err(|source| {
            // What cannot be removed says by its name what it is.
            drop(fs::remove_file(&part));
            RestError::Cache { path: path.clone(), source }
        })
    }

    fn path(&self, key: Key<'_>) -> PathBuf {
        let plain = |it: char| if it.is_ascii_alphanumeric() || it == '.' { it } else { '_' };
        let symbol: String = key.symbol.chars().take(SYMBOL_CHARS_MAX).map(plain).collect();
        // `1m` and `1M` are one name where letters of either case are the same.
        let interval = key.interval.replace('M', "month");
        let name = format!("{symbol}-{interval}-{}.bars", digest(key.request));
        self.folder.join(name)
    }
}

fn digest(text: &str) -> Digest {
    let mut digest = Digest::new();
    digest.add_text(text);
    digest
}

fn render(request: &str, bars: &[RestBar]) -> String {
    let mut text = format!("{TITLE}\n{request}\n");
    for bar in bars {
        let RestBar { time_ms, open, high, low, close, volume, quote_volume, open_interest } = bar;
        let [quote_volume, open_interest] =
            [quote_volume, open_interest].map(|it| it.as_ref().map_or("", Exact::as_str));
        let line = writeln!(
            text,
            "{time_ms},{open},{high},{low},{close},{volume},{quote_volume},{open_interest}"
        );
        line.expect("memory can be written");
    }
    let digest = digest(&text);
    text.push_str(&format!("checksum {digest}\n"));
    text
}

fn parse(text: &str, request: &str) -> Result<Vec<RestBar>, &'static str> {
    const CUT: &str = "the cached file is cut off";
    let at = text.trim_end_matches('\n').rfind('\n').ok_or(CUT)? + 1;
    let (content, checksum) = text.split_at(at);
    let checksum = checksum.strip_prefix("checksum ").and_then(|it| it.strip_suffix('\n'));
    if checksum.ok_or(CUT)? != digest(content).to_string() {
        return Err("the cached file is damaged: its checksum does not fit");
    }
    let mut lines = content.lines();
    if lines.next() != Some(TITLE) || lines.next() != Some(request) {
        return Err("the cached file is of another request");
    }
    lines.map(|line| bar(line).ok_or("the cached file has a line that is no bar")).collect()
}

fn bar(line: &str) -> Option<RestBar> {
    let mut cells = line.split(',');
    let time_ms = cells.next()?.parse().ok()?;
    let mut next = || Exact::parse(cells.next()?);
    let [open, high, low, close, volume] = [next()?, next()?, next()?, next()?, next()?];
    let mut next = || match cells.next()? {
        "" => Some(None),
        text => Exact::parse(text).map(Some),
    };
    let [quote_volume, open_interest] = [next()?, next()?];
    Some(RestBar { time_ms, open, high, low, close, volume, quote_volume, open_interest })
}

#[cfg(test)]
mod tests;
