//! The file in which a server writes the id of its process, for tools that send it signals.
//!
//! A file that is there already is written over: whoever died without removing it is no reason not to
//! start.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file. Dropping this removes it, unless another process has written it since.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
}

impl PidFile {
    /// Writes the id of this process. Others may read the file (0644).
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn write(path: &Path) -> io::Result<Self> {
        // It is found again from another working directory too.
        let path = std::path::absolute(path)?;
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o644);
        options.open(&path)?.write_all(format!("{}\n", std::process::id()).as_bytes())?;
        Ok(Self { path })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let own = std::process::id().to_string();
        if fs::read_to_string(&self.path).is_ok_and(|text| text.trim() == own) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("strongroom-{name}-{}.pid", std::process::id()))
    }

    #[test]
    fn holds_the_id_over_a_stale_one_and_goes_at_the_end() {
        let path = path("stale");
        fs::write(&path, "4194304999\n").unwrap();
        let file = PidFile::write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        drop(file);
        assert!(!path.exists());
        assert!(PidFile::write(Path::new("/nonexistent/a.pid")).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn is_for_everybody_to_read() {
        use std::os::unix::fs::PermissionsExt;

        let path = path("mode");
        let _file = PidFile::write(&path).unwrap();
        // The process may keep more back than it is asked to.
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o133, 0);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o400, 0o400);
    }

    #[test]
    fn leaves_the_file_of_another_process_alone() {
        let path = path("other");
        let file = PidFile::write(&path).unwrap();
        fs::write(&path, "1\n").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n");
        fs::remove_file(&path).unwrap();
    }
}
