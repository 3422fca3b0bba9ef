use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::stamps::Stamp;
use super::{FileSource, NotLoaded, Reading};
use crate::pem;

/// How many files of a folder are read.
pub(super) const MAX_FILES: usize = 4096;

/// Files that are read as one: all of them as they stood at one moment, or none.
///
/// They are looked at, read, and looked at again; what has changed meanwhile is read once more. So a certificate is never
/// read with the key of another one, whichever way they are replaced:
///
/// * a symbolic link that is turned to another folder (Kubernetes' secret mounts turn `..data`),
/// * another file that takes the name (`rename`: step-ca, certbot, and most editors),
/// * the same file written over, or emptied and written anew: they are left to [settle](Self::with_settling) first.
///
/// ```
/// use countersign::reload::{Files, Reading, Reload, Rules};
/// use countersign::trust::PinSet;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let path = std::env::temp_dir().join(format!("countersign-pins-{}", std::process::id()));
/// std::fs::write(&path, "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")?;
/// let read = |files: &Reading<'_, PinSet>| files.text(0)?.parse::<PinSet>().map_err(Into::into);
/// let source = Files::of([&path]).read_by(read);
/// let pins = Reload::new().start("pins", source, Rules::default()).await?;
/// assert_eq!(pins.live().load().len(), 1);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Files {
    which: Which,
    limit: usize,
    settling: Duration,
}

#[derive(Debug, Clone)]
enum Which {
    Named(Vec<PathBuf>),
    Folder { folder: PathBuf, ending: String },
}

/// What was read of one file. Wiped when dropped: it may be a key.
pub(super) struct Content {
    pub(super) name: String,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

impl Files {
    /// These, in this order.
    pub fn of<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> Self {
        Self::which(Which::Named(paths.into_iter().map(Into::into).collect()))
    }

    /// Those in this folder whose names end like this, in the order of their names; not those that begin with a dot.
    pub fn in_folder(folder: impl Into<PathBuf>, ending: &str) -> Self {
        Self::which(Which::Folder {
            folder: folder.into(),
            ending: ending.to_owned(),
        })
    }

    fn which(which: Which) -> Self {
        Self {
            which,
            limit: 16 << 20,
            settling: Duration::from_millis(200),
        }
    }

    /// Reads files of up to so many bytes. Default 16 MiB.
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Reads what has not changed for so long. Default 200 milliseconds.
    ///
    /// Whoever writes a file in several goes, with pauses longer than this, is read in between; what is read then is whole
    /// in the eyes of nobody but its reader. Replace files by renaming, or make this longer.
    #[must_use]
    pub fn with_settling(mut self, time: Duration) -> Self {
        self.settling = time;
        self
    }

    /// Makes what is to be in force of them by this function. What it says is wrong is told to the operator.
    pub fn read_by<T, F>(self, read: F) -> FileSource<T>
    where
        F: Fn(&Reading<'_, T>) -> Result<T, Box<dyn std::error::Error + Send + Sync>> + Send + Sync + 'static,
    {
        FileSource::new(self, read)
    }

    pub(super) fn settling(&self) -> Duration {
        self.settling
    }

    /// Where to watch for changes.
    pub(super) fn places(&self) -> Vec<PathBuf> {
        match &self.which {
            Which::Named(paths) => paths.clone(),
            Which::Folder { folder, .. } => vec![folder.join("*")],
        }
    }

    /// How they stand.
    pub(super) fn stamps(&self) -> Result<Vec<Stamp>, NotLoaded> {
        let paths = self.paths()?;
        paths
            .iter()
            .map(|path| Stamp::of(path).map_err(unreadable(path)))
            .collect()
    }

    /// What stands in them, if they stand as they did.
    pub(super) fn read(&self, stamps: &[Stamp]) -> Result<Option<Vec<Content>>, NotLoaded> {
        let mut contents = Vec::with_capacity(stamps.len());
        for stamp in stamps {
            let path = stamp.path();
            let (read, bytes) = read_file(path, self.limit).map_err(unreadable(path))?;
            let name = pem::file_name(path);
            if bytes.len() > self.limit {
                let limit = self.limit;
                return Err(NotLoaded::TooLarge { what: name, limit });
            }
            if read != *stamp {
                return Ok(None);
            }
            contents.push(Content { name, bytes });
        }
        // All of them again: while the second was read, the first may have been replaced.
        Ok((self.stamps()? == stamps).then_some(contents))
    }

    fn paths(&self) -> Result<Vec<PathBuf>, NotLoaded> {
        match &self.which {
            Which::Named(paths) => Ok(paths.clone()),
            Which::Folder { folder, ending } => {
                let mut found = listed(folder, ending).map_err(unreadable(folder))?;
                if found.len() > MAX_FILES {
                    return Err(NotLoaded::TooLarge {
                        what: pem::file_name(folder),
                        limit: self.limit,
                    });
                }
                found.sort();
                Ok(found)
            }
        }
    }
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.which {
            Which::Named(paths) => {
                let names: Vec<_> = paths.iter().map(|path| pem::file_name(path)).collect();
                f.write_str(&names.join(", "))
            }
            Which::Folder { folder, .. } => f.write_str(&pem::file_name(folder)),
        }
    }
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> NotLoaded {
    move |error| NotLoaded::Unreadable {
        what: pem::file_name(path),
        reason: error.to_string(),
    }
}

/// One byte more than may be, so that it shows.
fn read_file(path: &Path, limit: usize) -> io::Result<(Stamp, Zeroizing<Vec<u8>>)> {
    let file = File::open(path)?;
    let before = Stamp::of_open(path, &file)?;
    // At once as large as it may become: a key is not left behind where it was moved from.
    let expected = usize::try_from(before.len()).unwrap_or(limit).min(limit);
    let mut bytes = Zeroizing::new(Vec::with_capacity(expected.saturating_add(1)));
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    (&file).take(most).read_to_end(&mut bytes)?;
    let after = Stamp::of_open(path, &file)?;
    // What has changed while it was read, is not what was looked for.
    Ok((if before == after { after } else { Stamp::none(path) }, bytes))
}

fn listed(folder: &Path, ending: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)?.take(16 * MAX_FILES) {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let is_meant = name.is_some_and(|name| !name.starts_with('.') && name.ends_with(ending));
        if is_meant && path.is_file() {
            found.push(path);
        }
    }
    Ok(found)
}
