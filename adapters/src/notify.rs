//! Notices to the service manager: the protocol of `sd_notify(3)`.
//!
//! The variable `NOTIFY_SOCKET` names a socket: a path, or behind an `@` a name in Linux's own space of
//! names. Where it is not set nothing happens. A notice that cannot be sent is no trouble of the server's:
//! it is told at the level debug.

use std::ffi::OsStr;
use std::io;
use std::time::Duration;

use crate::log;

const VARIABLE: &str = "NOTIFY_SOCKET";
/// How long a service manager that does not read may hold the server up.
const SEND_TIME_MAX: Duration = Duration::from_secs(1);

/// Every listener serves.
pub fn ready() {
    notify("READY=1");
}

/// The configuration is being read again; [`ready`] says when that is done.
pub fn reloading() {
    // The manager tells by the time which of several reloads a notice belongs to.
    notify(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_micros()));
}

/// The server ends.
pub fn stopping() {
    notify("STOPPING=1");
}

fn notify(notice: &str) {
    let Some(address) = std::env::var_os(VARIABLE).filter(|address| !address.is_empty()) else {
        return;
    };
    if let Err(error) = send(&address, notice) {
        log::debug(&format!("the service manager was not told: {VARIABLE}: {error}"));
    }
}

#[cfg(unix)]
fn send(address: &OsStr, notice: &str) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::UnixDatagram;

    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(SEND_TIME_MAX))?;
    match address.as_bytes().split_first() {
        Some((b'/', _)) => socket.connect(address)?,
        Some((b'@', name)) => connect_abstract(&socket, name)?,
        Some(_) | None => return Err(unsupported()),
    }
    socket.send(notice.as_bytes())?;
    Ok(())
}

#[cfg(not(unix))]
fn send(_: &OsStr, _: &str) -> io::Result<()> {
    Err(unsupported())
}

#[cfg(target_os = "linux")]
fn connect_abstract(socket: &std::os::unix::net::UnixDatagram, name: &[u8]) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt;

    let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
    socket.connect_addr(&address)
}

#[cfg(all(unix, not(target_os = "linux")))]
fn connect_abstract(_: &std::os::unix::net::UnixDatagram, _: &[u8]) -> io::Result<()> {
    Err(unsupported())
}

fn unsupported() -> io::Error {
    let text = "it must be a path from the root on, or, on Linux, a name behind an @";
    io::Error::new(io::ErrorKind::Unsupported, text)
}

#[cfg(unix)]
fn monotonic_micros() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000)
}

#[cfg(not(unix))]
fn monotonic_micros() -> i64 {
    0
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    fn receive(socket: &UnixDatagram) -> String {
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut bytes = [0; 100];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[test]
    fn tells_a_socket_in_the_file_system() {
        let path = std::env::temp_dir().join(format!("strongroom-notify-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), "READY=1").unwrap();
        assert_eq!(receive(&socket), "READY=1");
        std::fs::remove_file(&path).unwrap();
        assert!(send(path.as_os_str(), "READY=1").is_err(), "nobody is there any more");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn tells_a_socket_without_a_file() {
        use std::os::linux::net::SocketAddrExt;

        let name = format!("strongroom-notify-{}", std::process::id());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        send(OsStr::new(&format!("@{name}")), "STOPPING=1").unwrap();
        assert_eq!(receive(&socket), "STOPPING=1");
    }

    #[test]
    fn names_what_is_no_address() {
        for address in ["relative", "vsock:2:1", ""] {
            let error = send(OsStr::new(address), "READY=1").map_err(|error| error.kind());
            assert_eq!(error, Err(io::ErrorKind::Unsupported), "{address}");
        }
    }

    #[test]
    fn a_reload_has_the_time_since_the_machine_started() {
        let (before, after) = (monotonic_micros(), monotonic_micros());
        assert!(before > 0 && before <= after, "{before} {after}");
    }
}
