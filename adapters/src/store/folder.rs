//! The folder of an embedded store: whose it is, who has it, and which file in it is the store.
//!
//! Invariants: a folder that holds something else is left untouched; one process has a folder at a
//! time; a file of the store's name is whole from the moment it has that name, because it is made
//! under another one.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::Cause;

/// The store.
const FILE: &str = "strongroom.db";
/// The store while it is being made.
const UNFINISHED: &str = "strongroom.db.new";
/// Locked while a process has the folder.
const LOCK: &str = "strongroom.lock";
/// What file systems and tools put into folders of others.
const NOBODYS: [&str; 6] = ["lost+found", ".snapshot", ".zfs", "..data", ".gitkeep", ".keep"];
/// What stands in the lock file once the store has been made.
const MADE: &[u8] = b"strongroom\n";
/// What other servers of this API keep in their folders: named first, to say what was found.
const OTHERS: [&str; 7] = ["core", "sys", "logical", "auth", "vault.db", "raft", "node-id"];

/// A folder that this process has.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Held for its lock, which ends with it.
    lock: File,
}

/// The file of a folder's store.
pub(super) enum Data {
    /// It is there.
    Existing(File),
    /// It is empty, and not the folder's store until [`Folder::finish`].
    Unfinished(File),
}

impl Folder {
    /// Takes a folder for this process; makes it if it is not there.
    ///
    /// # Errors
    ///
    /// If it holds something else, another process has it, or the operating system refuses.
    pub(super) fn take(path: &Path) -> Result<Self, Cause> {
        match fs::read_dir(path) {
            Ok(entries) => inspect(entries)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make(path).map_err(|error| Cause::Io("make the folder", error))?;
            }
            Err(error) => return Err(Cause::Io("read the folder", error)),
        }
        let lock = private().create(true).truncate(false).open(path.join(LOCK));
        let lock = lock.map_err(|error| Cause::Io("open the lock file", error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), lock }),
            Err(TryLockError::WouldBlock) => Err(Cause::InUse),
            Err(TryLockError::Error(error)) => Err(Cause::Io("lock the folder", error)),
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the store's file, or makes an unfinished one in place of what an earlier process has
    /// left unfinished.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub(super) fn data(&self) -> Result<Data, Cause> {
        match private().open(self.path.join(FILE)) {
            Ok(file) => return Ok(Data::Existing(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Cause::Io("open the file", error)),
        }
        // An empty server in place of one that is lost would be anybody's to initialise.
        if fs::read(self.path.join(LOCK)).is_ok_and(|mark| mark == MADE) {
            return Err(Cause::Damaged(format!("{FILE} was here and is gone")));
        }
        let unfinished = self.path.join(UNFINISHED);
        let removed = match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        let file = removed.and_then(|()| private().create_new(true).open(unfinished));
        file.map(Data::Unfinished).map_err(|error| Cause::Io("make the file", error))
    }

    /// Makes the unfinished file the store, durably.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub(super) fn finish(&self) -> Result<(), Cause> {
        fs::rename(self.path.join(UNFINISHED), self.path.join(FILE))
            .and_then(|()| sync_folder(&self.path))
            .and_then(|()| fs::write(self.path.join(LOCK), MADE))
            .and_then(|()| self.lock.sync_all())
            .map_err(|error| Cause::Io("name the file", error))
    }

    /// Bytes that are left to this user on the medium.
    pub(super) fn room(&self) -> Option<u64> {
        #[cfg(unix)]
        return rustix::fs::statvfs(&self.path)
            .ok()
            .map(|medium| medium.f_bavail.saturating_mul(medium.f_frsize));
        #[cfg(not(unix))]
        return None;
    }
}

/// Requires that a folder without our file is empty but for what may be anywhere.
fn inspect(entries: fs::ReadDir) -> Result<(), Cause> {
    let mut strangers = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| Cause::Io("read the folder", error))?.file_name();
        let name = name.to_string_lossy().into_owned();
        match name.as_str() {
            FILE => return Ok(()),
            UNFINISHED | LOCK => {}
            other if NOBODYS.contains(&other) => {}
            _ => strangers.push(name),
        }
    }
    // One name is enough; that of another server's data says the most.
    strangers.sort_by_key(|name| (!OTHERS.contains(&name.as_str()), name.clone()));
    strangers.into_iter().next().map_or(Ok(()), |name| Err(Cause::Foreign(name)))
}

/// Makes a folder for its owner alone, and what is missing above it, durably.
fn make(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    // The name of a folder is in the one above it.
    missing.into_iter().try_for_each(|folder| match folder.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync_folder(Path::new(".")),
        Some(parent) => sync_folder(parent),
        None => Ok(()),
    })
}

/// Options of a file that only its owner may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes the names in a folder durable, where the operating system can do that.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}
