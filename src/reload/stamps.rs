use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    path: PathBuf,
    len: u64,
    modified: Option<SystemTime>,
    /// Which file it is that has the name, and when anything about it was changed.
    node: Option<[i128; 4]>,
}

impl Stamp {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self::new(path, &metadata))
    }

    pub(super) fn of_open(path: &Path, file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::new(path, &metadata))
    }

    /// Of no file: equal to that of none.
    pub(super) fn none(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            len: u64::MAX,
            modified: None,
            node: None,
        }
    }

    fn new(path: &Path, metadata: &Metadata) -> Self {
        Self {
            path: path.to_owned(),
            len: metadata.len(),
            modified: metadata.modified().ok(),
            node: node(metadata),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }
}

#[cfg(unix)]
fn node(metadata: &Metadata) -> Option<[i128; 4]> {
    use std::os::unix::fs::MetadataExt as _;
    Some([
        metadata.dev().into(),
        metadata.ino().into(),
        metadata.ctime().into(),
        metadata.ctime_nsec().into(),
    ])
}

#[cfg(not(unix))]
fn node(_: &Metadata) -> Option<[i128; 4]> {
    None
}
