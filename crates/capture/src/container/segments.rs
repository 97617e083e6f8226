//! The files of a capture: one, or as many as a long session needs.
//!
//! A capture `session.mcap` goes on in `session.0001.mcap`, `session.0002.mcap` and so on. A folder
//! holds `0000.mcap`, `0001.mcap`, …, of one session or of several that followed one another, and an
//! index of those that are whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::CaptureError;

/// Name of the index in a folder of segments: one JSON object a line, one line a whole segment.
pub const INDEX_NAME: &str = "index.ndjson";

/// Most files of one capture: a year of segments of one hour.
pub const SEGMENTS_MAX: u32 = 9_999;

/// Extension of a capture.
const EXTENSION: &str = "mcap";

/// How soon what is written must survive a loss of power.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SyncPolicy {
    /// When the system pleases.
    None,
    /// Each second, and at a gap, at a connection's end, at a segment's end.
    #[default]
    Second,
    /// Each chunk.
    Chunk,
}

impl FromStr for SyncPolicy {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "none" => Ok(Self::None),
            "1s" => Ok(Self::Second),
            "chunk" => Ok(Self::Chunk),
            _ => Err(format!("`{word}` is not one of none, 1s, chunk")),
        }
    }
}

/// What a segment can be written to.
pub trait Store: Write + Send {
    /// Returns when all that was written survives a loss of power.
    ///
    /// # Errors
    /// It may not.
    fn sync(&mut self) -> io::Result<()>;

    /// Forgets all from `offset` on, so that writing goes on there.
    ///
    /// # Errors
    /// It cannot; what was there may be gone all the same.
    fn cut(&mut self, offset: u64) -> io::Result<()>;
}

impl Store for File {
    fn cut(&mut self, offset: u64) -> io::Result<()> {
        self.set_len(offset)?;
        self.seek(SeekFrom::Start(offset)).map(drop)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Where segments come from, one after the other.
pub trait Segments: Send {
    /// What each is written to.
    type Store: Store;

    /// Makes the next one, which is new and empty.
    ///
    /// # Errors
    /// It cannot be made.
    fn create(&mut self) -> io::Result<Self::Store>;

    /// Takes back the one made last: nothing could be written to it.
    fn discard(&mut self);

    /// The one made last is whole.
    ///
    /// # Errors
    /// It cannot be noted.
    fn finished(&mut self, segment: &SegmentTally) -> io::Result<()>;
}

/// What one whole segment holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SegmentTally {
    /// Time of its first entry, ns since the epoch; 0 when it has none.
    pub first_ns: u64,
    /// Time of its last entry.
    pub last_ns: u64,
    /// Entries of every kind.
    pub entries: u64,
    /// Frames among them.
    pub frames: u64,
    /// Size of the file.
    pub bytes: u64,
}

/// Segments in files that their owner alone can read.
#[derive(Debug)]
pub struct SegmentFiles {
    path: PathBuf,
    is_folder: bool,
    /// Number of the next one.
    next: u32,
    /// The first one, made already.
    first: Option<File>,
}

impl SegmentFiles {
    /// Makes the first file. `path` ends in `.mcap` for a file; anything else is a folder, which is
    /// made, and whose segments go on after those that are there. A file that exists is overwritten
    /// only with `force`, and then the segments that followed it are removed.
    ///
    /// # Errors
    /// It exists already, or cannot be made.
    pub fn create(path: &Path, force: bool) -> io::Result<Self> {
        let is_folder = is_folder(path);
        let mut next = 0;
        if is_folder {
            fs::create_dir_all(path)?;
            next = in_folder(path)?.last().map_or(0, |(number, _)| number + 1);
        } else if force {
            for later in followers(path) {
                fs::remove_file(later)?;
            }
        } else if let Some(later) = followers(path).first() {
            let words = format!("{} of an earlier session exists", later.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, words));
        }
        let mut files = Self { path: path.to_owned(), is_folder, next, first: None };
        let first = files.make(force && !is_folder)?;
        files.first = Some(first);
        Ok(files)
    }

    /// The file with this number.
    fn name(&self, number: u32) -> PathBuf {
        match (self.is_folder, number) {
            (true, _) => self.path.join(format!("{number:04}.{EXTENSION}")),
            (false, 0) => self.path.clone(),
            (false, _) => self.path.with_extension(format!("{number:04}.{EXTENSION}")),
        }
    }

    fn make(&mut self, overwrite: bool) -> io::Result<File> {
        if self.next > SEGMENTS_MAX {
            let words = format!("{} has {SEGMENTS_MAX} segments and no room", self.path.display());
            return Err(io::Error::other(words));
        }
        let mut options = OpenOptions::new();
        options.write(true);
        if overwrite {
            options.create(true).truncate(true);
        } else {
            options.create_new(true);
        }
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let path = self.name(self.next);
        let file = options.open(&path)?;
        sync_folder(&path)?;
        self.next += 1;
        Ok(file)
    }
}

impl Segments for SegmentFiles {
    type Store = File;

    fn create(&mut self) -> io::Result<File> {
        match self.first.take() {
            Some(file) => Ok(file),
            None => self.make(false),
        }
    }

    fn discard(&mut self) {
        self.next -= 1;
        // One that cannot be removed has no head, and readers pass it over.
        drop(fs::remove_file(self.name(self.next)));
    }

    fn finished(&mut self, segment: &SegmentTally) -> io::Result<()> {
        if !self.is_folder {
            return Ok(());
        }
        let SegmentTally { first_ns, last_ns, entries, frames, bytes } = segment;
        let number = self.next - 1;
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let line = format!(
            "{{\"file\":\"{number:04}.{EXTENSION}\",\"first_ns\":{first_ns},\"last_ns\":{last_ns},\
             \"entries\":{entries},\"frames\":{frames},\"bytes\":{bytes}}}\n"
        );
        options.open(self.path.join(INDEX_NAME))?.write_all(line.as_bytes())
    }
}

/// Every file of a capture, in order: those of a folder, or a file and what follows it.
///
/// # Errors
/// A folder cannot be read, or holds no capture.
pub fn segments(path: &Path) -> Result<Vec<PathBuf>, CaptureError> {
    if !path.is_dir() {
        let mut files = vec![path.to_owned()];
        files.extend(followers(path));
        return Ok(files);
    }
    let open = |source| CaptureError::Open { path: path.to_owned(), source };
    let files: Vec<PathBuf> =
        in_folder(path).map_err(open)?.into_iter().map(|(_, file)| file).collect();
    if files.is_empty() {
        let words = "the folder holds no segment such as 0000.mcap";
        return Err(open(io::Error::new(io::ErrorKind::NotFound, words)));
    }
    Ok(files)
}

/// Whether a capture of this name is a folder of segments.
fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.extension().is_none_or(|it| it != EXTENSION)
}

/// The segments of a folder by their number.
fn in_folder(folder: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let number = path.file_name().and_then(|it| it.to_str()).and_then(|name| {
            let digits = name.strip_suffix(".mcap")?;
            (digits.len() == 4).then(|| digits.parse().ok()).flatten()
        });
        files.extend(number.map(|it| (it, path)));
    }
    files.sort();
    Ok(files)
}

/// Has a new file's name survive a loss of power.
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|it| !it.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

/// The files that follow a file.
fn followers(path: &Path) -> Vec<PathBuf> {
    (1..=SEGMENTS_MAX)
        .map(|number| path.with_extension(format!("{number:04}.{EXTENSION}")))
        .take_while(|it| path.extension().is_some_and(|it| it == EXTENSION) && it.is_file())
        .collect()
}
