//! Where tables go: files that get their name when they are whole, or one stream.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::ExportError;

/// Where an export goes.
pub enum Target {
    /// A file for each table in this folder, which is made where it is missing.
    Folder {
        /// The folder.
        path: PathBuf,
        /// What happens when a file is there already.
        on_existing: OnExisting,
    },
    /// One table, written as it comes.
    Stream(Box<dyn Write + Send>),
}

/// What happens when a file is there already.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnExisting {
    /// Nothing is exported.
    #[default]
    Refuse,
    /// It is replaced, when the new one is whole.
    Replace,
}

/// What a table is written to. Counts its bytes.
pub(crate) struct Sink {
    out: BufWriter<Box<dyn Write + Send>>,
    bytes: u64,
    part: Option<Part>,
}

/// A file under a name of its own until it is whole. Dropped before that, it is removed.
#[derive(Debug)]
pub(crate) struct Part {
    file: File,
    path: PathBuf,
    whole: PathBuf,
    is_whole: bool,
}

impl Sink {
    pub(crate) fn stream(stream: Box<dyn Write + Send>) -> Self {
        Self { out: BufWriter::with_capacity(BUFFER_BYTES, stream), bytes: 0, part: None }
    }

    /// A sink whose file will be called `whole`.
    pub(crate) fn file(whole: &Path, on_existing: OnExisting) -> Result<Self, ExportError> {
        let (part, file) = Part::create(whole, on_existing)?;
        Ok(Self { part: Some(part), ..Self::stream(Box::new(file)) })
    }

    /// Writes out what is buffered; the file is on the disk afterwards, under its `.part` name.
    pub(crate) fn close(mut self) -> io::Result<(u64, Option<Part>)> {
        self.out.flush()?;
        if let Some(part) = &self.part {
            part.file.sync_all()?;
        }
        Ok((self.bytes, self.part))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Part {
    fn create(whole: &Path, on_existing: OnExisting) -> Result<(Self, File), ExportError> {
        let mut path = whole.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        let mut options = OpenOptions::new();
        options.write(true);
        match on_existing {
            OnExisting::Refuse if whole.exists() => {
                return Err(ExportError::Exists { path: whole.to_owned() });
            }
            // Whoever writes a part holds its name.
            OnExisting::Refuse => options.create_new(true),
            OnExisting::Replace => options.create(true).truncate(true),
        };
        let create = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => ExportError::Exists { path: path.clone() },
            _ => ExportError::Create { path: path.clone(), source },
        };
        let file = options.open(&path).map_err(create)?;
        let writer = file.try_clone().map_err(create)?;
        Ok((Self { file, path, whole: whole.to_owned(), is_whole: false }, writer))
    }

    /// Gives the file its name.
    pub(crate) fn keep(mut self) -> Result<PathBuf, ExportError> {
        let write = |source| ExportError::Write {
            name: self.whole.display().to_string(),
            source: Box::new(source),
        };
        fs::rename(&self.path, &self.whole).map_err(write)?;
        self.is_whole = true;
        Ok(self.whole.clone())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_whole {
            // What cannot be removed stays with its `.part`, which says what it is.
            drop(fs::remove_file(&self.path));
        }
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder { path, on_existing } => out
                .debug_struct("Folder")
                .field("path", path)
                .field("on_existing", on_existing)
                .finish(),
            Self::Stream(_) => out.write_str("Stream"),
        }
    }
}

/// Bytes gathered before the system is called.
const BUFFER_BYTES: usize = 128 * 1024;
