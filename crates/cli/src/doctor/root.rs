//! Reading what the kernel tells, below a root that tests choose.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::cpus::CpuSet;
use super::finding::Absent;

/// The folder that `/proc` and `/sys` are in.
#[derive(Clone, Debug)]
pub(crate) struct Root(PathBuf);

impl Root {
    /// This machine's.
    pub(crate) fn here() -> Self {
        Self::at(Path::new("/"))
    }

    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(crate) fn is_here(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// The text of a file named by its path from `/`, without blanks at its ends.
    pub(crate) fn read(&self, path: &str) -> Result<String, Absent> {
        let bytes = self.bytes(path)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// The first bytes of a file, up to [`FILE_BYTES_MAX`].
    pub(crate) fn bytes(&self, path: &str) -> Result<Vec<u8>, Absent> {
        let mut bytes = Vec::new();
        File::open(self.path(path))
            .and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes))
            .map_err(|error| Absent::new(reason(&error), path))?;
        Ok(bytes)
    }

    /// A file that holds one number.
    pub(crate) fn number(&self, path: &str) -> Result<u64, Absent> {
        self.read(path)?.parse().map_err(|_| Absent::strange(path))
    }

    /// A file that holds a list of cores, such as `0-3,8`; `(null)` and nothing are none.
    pub(crate) fn cpus(&self, path: &str) -> Result<CpuSet, Absent> {
        let text = self.read(path)?;
        if text.is_empty() || text == "(null)" {
            return Ok(CpuSet::default());
        }
        CpuSet::from_list(&text, None).ok_or_else(|| Absent::strange(path))
    }

    /// A file that holds a mask of cores, such as `ff,ffffffff`.
    pub(crate) fn mask(&self, path: &str) -> Result<CpuSet, Absent> {
        CpuSet::from_mask(&self.read(path)?).ok_or_else(|| Absent::strange(path))
    }

    /// Names in a folder, in order; none where it cannot be read.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    }

    /// Whether there is such a file or folder.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// Whether a process of one of these names runs; `None` where processes cannot be listed.
    pub(crate) fn running<'a>(&self, wanted: &[&'a str]) -> Option<Vec<&'a str>> {
        let is_id = |name: &String| name.bytes().all(|byte| byte.is_ascii_digit());
        let ids: Vec<String> = self.names("/proc").into_iter().filter(is_id).collect();
        if ids.is_empty() {
            return None;
        }
        let mut found: Vec<&str> = Vec::new();
        for id in ids {
            let comm = self.read(&format!("/proc/{id}/comm")).unwrap_or_default();
            let name = wanted.iter().find(|&&name| name == comm);
            found.extend(name.filter(|name| !found.contains(name)));
        }
        Some(found)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }
}

fn reason(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::NotFound => "this machine does not have it",
        std::io::ErrorKind::PermissionDenied => "this process may not read it",
        _ => "it cannot be read",
    }
}

/// Bytes of a file that are looked at. `/proc/interrupts` of 512 cores is half of it.
const FILE_BYTES_MAX: u64 = 4 << 20;
