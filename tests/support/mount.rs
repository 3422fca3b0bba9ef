//! A folder of files, and the ways in which others replace what is in it.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// How files are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// As Kubernetes mounts secrets: all at once, by one symbolic link to a folder.
    Links,
    /// As step-ca and certbot do: another file takes the name.
    Rename,
    /// The same file, written over.
    Overwrite,
    /// The same file, emptied, and written in two goes.
    Truncate,
}

pub(crate) const WAYS: [Way; 4] = [Way::Links, Way::Rename, Way::Overwrite, Way::Truncate];

/// Removed when it is dropped.
pub(crate) struct Mount {
    folder: PathBuf,
    version: AtomicU32,
}

impl Mount {
    pub(crate) fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign-reload-{name}-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        Self {
            folder,
            version: AtomicU32::new(0),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Replaces these files, one after the other where there is no way to do it at once.
    pub(crate) fn write(&self, way: Way, files: &[(&str, &[u8])]) {
        if way == Way::Links {
            return self.turn(files);
        }
        for (name, bytes) in files {
            let path = self.path(name);
            match way {
                Way::Rename | Way::Links => {
                    let new = self.path(&format!(".{name}.new"));
                    fs::write(&new, bytes).expect("a file");
                    fs::rename(&new, &path).expect("a name");
                }
                Way::Overwrite => {
                    let file = File::options()
                        .write(true)
                        .create(true)
                        .truncate(false)
                        .open(&path);
                    let mut file = file.expect("a file");
                    file.write_all(bytes).expect("room");
                    file.set_len(bytes.len() as u64).expect("a length");
                }
                Way::Truncate => {
                    let mut file = File::create(&path).expect("a file");
                    sleep(Duration::from_millis(2));
                    // The first part says that it is not all, since its last line is not: what looks whole between two writes, on a
                    // machine that stands still meanwhile, nobody can tell from what is.
                    let (first, second) = bytes.split_at(bytes.len().saturating_sub(5));
                    file.write_all(first).expect("room");
                    sleep(Duration::from_millis(2));
                    file.write_all(second).expect("room");
                }
            }
            sleep(Duration::from_millis(2));
        }
    }

    /// `..data` leads to a folder of another version.
    fn turn(&self, files: &[(&str, &[u8])]) {
        let version = self.version.fetch_add(1, Ordering::Relaxed);
        let (new, old) = (format!("..{version}"), fs::read_link(self.path("..data")).ok());
        fs::create_dir(self.path(&new)).expect("a folder");
        for (name, bytes) in files {
            fs::write(self.path(&new).join(name), bytes).expect("a file");
        }
        self.link(Path::new(&new), "..data");
        for (name, _) in files {
            let leads = fs::read_link(self.path(name)).is_ok();
            if !leads {
                self.link(&Path::new("..data").join(name), name);
            }
        }
        if let Some(old) = old {
            fs::remove_dir_all(self.path(&old.to_string_lossy())).expect("the old folder");
        }
    }

    fn link(&self, to: &Path, name: &str) {
        let new = self.path("..link");
        symlink(to, &new).expect("a link");
        fs::rename(&new, self.path(name)).expect("a name");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
