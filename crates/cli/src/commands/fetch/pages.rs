//! The folder in which pages are kept until the file that is made of them is whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure};

/// The file that says when the fetch began, in ms since 1970, and in its second line what was asked for.
const BEGAN: &str = "began_ms";

/// `FILE.pages`.
#[derive(Debug)]
pub(super) struct Pages {
    folder: PathBuf,
    began_ms: u64,
    is_resumed: bool,
}

impl Pages {
    /// Makes the folder of a file, or goes on with the one that is there if the same was `asked` for.
    pub(super) fn open(file: &Path, now_ms: u64, asked: &str) -> Result<Self, Failure> {
        let mut folder = file.as_os_str().to_owned();
        folder.push(".pages");
        let folder = PathBuf::from(folder);
        let failed = |path: &Path, error: io::Error| {
            Failure::new(Exit::InputOutput, format!("{}: {error}", path.display()))
        };
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
        let path = folder.join(BEGAN);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let began = text.split_once('\n').filter(|it| it.1 == asked);
        let began = began.and_then(|it| it.0.parse().ok());
        // One from the future would leave the present's bars for completed ones.
        if let Some(began_ms) = began.filter(|&it| it <= now_ms) {
            return Ok(Self { folder, began_ms, is_resumed: true });
        }
        fs::write(&path, format!("{now_ms}\n{asked}")).map_err(|error| failed(&path, error))?;
        Ok(Self { folder, began_ms: now_ms, is_resumed: false })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) const fn began_ms(&self) -> u64 {
        self.began_ms
    }

    pub(super) const fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// Removes the folder's own files, and the folder if nothing else is in it.
    pub(super) fn remove(self) {
        let is_ours = |path: &Path| {
            path.file_name().is_some_and(|it| it == BEGAN)
                || path.extension().is_some_and(|it| it == "bars" || it == "part")
        };
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if is_ours(&entry.path()) {
                // What cannot be removed is nobody's loss: the file is whole.
                drop(fs::remove_file(entry.path()));
            }
        }
        drop(fs::remove_dir(&self.folder));
    }
}
