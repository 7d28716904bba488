//! Sockets: of TCP, or in the file system; those that listen, and those of connections.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
#[cfg(feature = "blocking")]
use std::time::Duration;

use crate::config::{Place, UnixPlace};

/// A connection's socket.
#[derive(Debug)]
pub enum Socket {
    /// Over the network.
    Tcp(TcpStream),
    /// Within the machine.
    Unix(UnixStream),
}

impl Socket {
    /// Answers are whole when they are written: nothing is gained by waiting for more of them.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_nodelay(true),
            Self::Unix(_) => Ok(()),
        }
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(how),
            Self::Unix(stream) => stream.shutdown(how),
        }
    }

    #[cfg(feature = "smol")]
    pub(crate) fn set_nonblocking(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_nonblocking(true),
            Self::Unix(stream) => stream.set_nonblocking(true),
        }
    }

    #[cfg(feature = "blocking")]
    pub(crate) fn set_read_timeout(&self, time: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(Some(time)),
            Self::Unix(stream) => stream.set_read_timeout(Some(time)),
        }
    }

    #[cfg(feature = "blocking")]
    pub(crate) fn set_write_timeout(&self, time: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_write_timeout(Some(time)),
            Self::Unix(stream) => stream.set_write_timeout(Some(time)),
        }
    }
}

impl Read for &Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => (&*stream).read(buffer),
            Socket::Unix(stream) => (&*stream).read(buffer),
        }
    }
}

impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => (&*stream).write(bytes),
            Socket::Unix(stream) => (&*stream).write(bytes),
        }
    }

    fn write_vectored(&mut self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => (&*stream).write_vectored(pieces),
            Socket::Unix(stream) => (&*stream).write_vectored(pieces),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

/// A socket that listens; accepting from it does not wait. One in the file system goes with it.
#[derive(Debug)]
pub enum ListenSocket {
    /// Over the network.
    Tcp(TcpListener),
    /// Within the machine.
    Unix(UnixListener, Entry),
}

/// The entry of a socket in its folder; it is removed when dropped, if it is still the same.
#[derive(Debug)]
pub struct Entry {
    path: PathBuf,
    inode: (u64, u64),
}

impl ListenSocket {
    /// Binds, of several addresses to the first that can be had.
    ///
    /// # Errors
    ///
    /// The place that cannot be had, and why.
    pub fn bind(place: &Place) -> Result<Self, String> {
        let (name, bound) = match place {
            Place::Tcp(address) => {
                let addresses = resolve(address)?;
                (address.clone(), TcpListener::bind(addresses.as_slice()).map(Self::Tcp))
            }
            Place::Unix(place) => (place.path.display().to_string(), bind_unix(place)),
        };
        let bound = bound.and_then(|socket| socket.set_nonblocking().map(|()| socket));
        bound.map_err(|error| format!("cannot listen on {name}: {error}"))
    }

    fn set_nonblocking(&self) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => listener.set_nonblocking(true),
            Self::Unix(listener, _) => listener.set_nonblocking(true),
        }
    }

    /// The next connection that waits; `WouldBlock` if none does.
    pub(crate) fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => listener.accept().map(|(stream, _)| Socket::Tcp(stream)),
            Self::Unix(listener, _) => listener.accept().map(|(stream, _)| Socket::Unix(stream)),
        }
    }

    /// Where it listens, if it is the network.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }

    /// Its place in the file system, if it is there.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(_, entry) => Some(&entry.path),
        }
    }
}

impl AsFd for ListenSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener, _) => listener.as_fd(),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if inode(&self.path).is_ok_and(|inode| inode == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes the socket in a folder that nobody else may enter, and moves it when it has its owner and
/// permissions: nobody reaches it before. One that a server has left behind gives way.
fn bind_unix(place: &UnixPlace) -> io::Result<ListenSocket> {
    let path = &place.path;
    if let Ok(metadata) = fs::symlink_metadata(path) {
        if !metadata.file_type().is_socket() {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "it is there and no socket"));
        }
        match UnixStream::connect(path) {
            Ok(_) => return Err(ErrorKind::AddrInUse.into()),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
            // Somebody may listen there whom this process may not reach.
            Err(error) => return Err(error),
        }
    }
    let mut folder = path.clone().into_os_string();
    folder.push(format!(".{}", std::process::id()));
    let folder = PathBuf::from(folder);
    let fresh = folder.join("socket");
    // Of a process of this number that has ended in the middle.
    let _ = fs::remove_file(&fresh);
    let _ = fs::remove_dir(&folder);
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    let made = UnixListener::bind(&fresh).and_then(|listener| {
        own(&fresh, place)?;
        fs::rename(&fresh, path)?;
        Ok(listener)
    });
    let _ = fs::remove_file(&fresh);
    let _ = fs::remove_dir(&folder);
    let listener = made?;
    let inode = inode(path)?;
    Ok(ListenSocket::Unix(listener, Entry { path: path.clone(), inode }))
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

fn own(path: &Path, place: &UnixPlace) -> io::Result<()> {
    let number = |name: &Option<String>, list: &str| {
        name.as_ref().map(|name| number_of(name, Path::new(list))).transpose()
    };
    let user = number(&place.user, "/etc/passwd")?;
    let group = number(&place.group, "/etc/group")?;
    if user.is_some() || group.is_some() {
        chown(path, user, group)?;
    }
    match place.mode {
        Some(mode) => fs::set_permissions(path, fs::Permissions::from_mode(mode)),
        None => Ok(()),
    }
}

/// The number of a user or group: the third field of its line, or what is given.
fn number_of(name: &str, list: &Path) -> io::Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let text = fs::read_to_string(list)?;
    let of_line = |line: &str| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
    };
    let unknown =
        || io::Error::new(ErrorKind::NotFound, format!("{} has no {name:?}", list.display()));
    text.lines().find_map(of_line).ok_or_else(unknown)
}

/// The addresses that a name has, those of IPv4 first: a name that has both is mostly asked for by
/// them. Without a host all addresses of this machine are meant.
fn resolve(address: &str) -> Result<Vec<SocketAddr>, String> {
    if let Some(port) = address.strip_prefix(':') {
        let port: u16 = port.parse().map_err(|_| format!("{address:?} is no address"))?;
        return Ok(vec![SocketAddr::from(([0; 16], port)), SocketAddr::from(([0, 0, 0, 0], port))]);
    }
    let resolved = address.to_socket_addrs();
    let resolved = resolved.map_err(|error| format!("{address:?} is no address: {error}"))?;
    let mut addresses: Vec<SocketAddr> = resolved.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    if addresses.is_empty() { Err(format!("{address:?} has no address")) } else { Ok(addresses) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_in_every_form() {
        const CASES: [(&str, &[&str]); 5] = [
            ("127.0.0.1:8200", &["127.0.0.1:8200"]),
            ("0.0.0.0:1", &["0.0.0.0:1"]),
            ("[::]:8200", &["[::]:8200"]),
            (":8200", &["[::]:8200", "0.0.0.0:8200"]),
            ("[::1]:0", &["[::1]:0"]),
        ];
        for (text, want) in CASES {
            let addresses = resolve(text).unwrap_or_default();
            let shown: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            assert_eq!(shown, want, "{text}");
        }
        for text in ["nowhere", "127.0.0.1", "127.0.0.1:99999", ":", ":http", ""] {
            let error = resolve(text).err().unwrap_or_default();
            assert!(error.starts_with(&format!("{text:?} is no address")), "{text}: {error}");
        }
        assert!(
            resolve("localhost:1").is_ok_and(|all| all.first().is_some_and(SocketAddr::is_ipv4))
        );
    }

    #[test]
    fn finds_the_number_of_a_user() {
        let list = Path::new("/etc/passwd");
        assert_eq!(number_of("root", list).ok(), Some(0));
        assert_eq!(number_of("1234", list).ok(), Some(1234));
        assert!(number_of("nobody of this name", list).is_err());
    }
}
