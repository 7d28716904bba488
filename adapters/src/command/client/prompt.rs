//! Questions to whoever sits at the terminal. What is typed is not shown.
//!
//! Without a terminal the answer is a line of the standard input, so that scripts can pipe it.

use std::io::{self, IsTerminal, Read, Write};

use zeroize::Zeroizing;

use super::{Invocation, Stop};

/// Longest answer: no token or key comes near it.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

impl Invocation<'_> {
    /// Asks for a secret.
    pub(super) fn ask(&self, what: &str) -> Result<Zeroizing<String>, Stop> {
        if self.flags.is_on("non-interactive") {
            return Err(Stop::local(format!(
                "{what} is missing, and -non-interactive forbids to ask for it"
            )));
        }
        let is_terminal = io::stdin().is_terminal();
        if is_terminal {
            let _ = write!(io::stderr(), "{what} (will be hidden): ");
            let _ = io::stderr().flush();
        }
        let hidden = is_terminal.then(terminal::Hidden::new).transpose();
        let hidden = hidden.map_err(|error| {
            Stop::local(format!("the terminal shows what is typed, so nothing is asked: {error}"))
        })?;
        let line = line();
        drop(hidden);
        if is_terminal {
            let _ = writeln!(io::stderr());
        }
        let line = line?;
        let text = std::str::from_utf8(&line).ok().map(str::trim);
        let text = text.ok_or_else(|| Stop::local(format!("{what} is not text")))?;
        if text.is_empty() {
            return Err(Stop::local(format!("{what} is empty")));
        }
        Ok(Zeroizing::new(text.to_owned()))
    }
}

/// Bytes up to the end of a line, which a terminal that hides gives one by one.
fn line() -> Result<Zeroizing<Vec<u8>>, Stop> {
    // Full size from the start: a buffer that grows would leave copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(ANSWER_BYTES_MAX));
    let mut stdin = io::stdin().lock();
    let mut byte = Zeroizing::new([0_u8; 1]);
    loop {
        let read = stdin.read(byte.as_mut());
        let read = read.map_err(|error| Stop::local(format!("nothing can be read: {error}")))?;
        match byte.first() {
            _ if read == 0 => return Ok(line),
            Some(&(b'\n' | b'\r' | END_OF_INPUT)) | None => return Ok(line),
            Some(&INTERRUPT) => return Err(Stop::local("canceled")),
            Some(&(BACKSPACE | DELETE)) => drop(line.pop()),
            Some(&byte) if line.len() < ANSWER_BYTES_MAX => line.push(byte),
            Some(_) => return Err(Stop::local("the line is too long")),
        }
    }
}

/// Keys as a terminal sends them, when it does not act on them itself.
const INTERRUPT: u8 = 3;
const END_OF_INPUT: u8 = 4;
const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;

#[cfg(unix)]
mod terminal {
    use std::io;

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    /// A terminal that does not show what is typed, nor act on it, until this goes.
    pub(super) struct Hidden(Termios);

    impl Hidden {
        pub(super) fn new() -> io::Result<Self> {
            let before = tcgetattr(io::stdin())?;
            let mut hidden = before.clone();
            // Signals too: one that ends the process would leave the terminal hidden.
            hidden.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
            tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
            Ok(Self(before))
        }
    }

    impl Drop for Hidden {
        fn drop(&mut self) {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
        }
    }
}

#[cfg(not(unix))]
mod terminal {
    use std::io;

    /// There is no way here to hide what is typed.
    pub(super) struct Hidden(());

    impl Hidden {
        pub(super) fn new() -> io::Result<Self> {
            Err(io::Error::from(io::ErrorKind::Unsupported))
        }
    }
}
