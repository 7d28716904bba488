//! What must be answered, by the rows alone: a naive form of the rules that a request goes through.
//!
//! Invariant: no endpoint has a name here. What a row does not say is in the tables of the tests.

use strongroom_core::probe::{Access, Home, Operation, Row};

use super::{Caller, Endpoint, Standing, Table, Verb, mount_path};

/// The state of the seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// There are no keys yet.
    Uninitialized,
    /// There are, and they are not known.
    Sealed,
    /// The server serves.
    Open,
}

/// A request, as far as the table is asked about it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// The state of the server.
    pub seal: Seal,
    /// Whether the listener has every endpoint that must be switched on.
    pub is_switched_on: bool,
    /// Whether the HTTP layer looks for endpoints of its own: it does not where a slash is escaped.
    pub reaches_plain_rows: bool,
    /// Who asks.
    pub caller: Caller,
    /// The path of which its policy speaks, from the root namespace.
    pub granted: &'q str,
    /// What is asked for.
    pub verb: Verb,
    /// In which namespace: empty for the root, or with a slash at its end.
    pub namespace: &'q str,
    /// Of which path of it, decoded.
    pub path: &'q str,
}

impl Question<'_> {
    /// What the caller may do with a path from the root namespace.
    fn standing_at(&self, path: &str) -> Standing {
        let is_folder = matches!(self.verb.operation, Some(Operation::List | Operation::Scan));
        self.caller.standing(self.granted, path, is_folder)
    }

    /// The same with a path of the namespace where a row is served.
    fn standing(&self, home: Home, path: &str) -> Standing {
        let namespace = match home {
            Home::Caller => self.caller.namespace(),
            Home::Request | Home::Token | Home::Wrapping => self.namespace,
        };
        self.standing_at(&[namespace, path].concat())
    }
}

/// What must come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This status.
    Refused(u16),
    /// Whatever the handler of the endpoint says.
    Served,
}

impl Standing {
    /// Whether it is enough for an operation, by a method of this class; `None` where there is no method.
    fn satisfies(self, operation: Operation, access: Option<Access>) -> bool {
        match self {
            Self::Nobody | Self::Stranger | Self::Member => false,
            // No rule grants these.
            Self::Capable { .. } if matches!(operation, Operation::Header | Operation::None) => {
                false
            }
            Self::Capable { sudo } => sudo || access != Some(Access::Sudo),
            Self::Root => true,
        }
    }
}

impl Table {
    /// What must come of a request whose body, if it has one, is sound.
    pub fn judge(&self, question: &Question<'_>) -> Verdict {
        let Question { seal, is_switched_on, reaches_plain_rows, verb, path, .. } = *question;
        if verb.operation == Some(Operation::Help) {
            return self.judge_help(question);
        }
        let plain = self.plain(path).filter(|_| reaches_plain_rows);
        if let Some(row) = plain.filter(|row| row.switch.is_none() || is_switched_on) {
            let operation = verb.plain_operation();
            let method = operation.and_then(|wanted| Some((wanted, access(row, wanted)?)));
            let Some((operation, access)) = method else { return Verdict::Refused(405) };
            // A sealed server knows no tokens. These rows are the root namespace's.
            let is_free = row.open || seal != Seal::Open;
            let standing = question.standing_at(path);
            return grant(is_free || standing.satisfies(operation, Some(access)));
        }
        let Some(operation) = verb.operation else { return Verdict::Refused(405) };
        if seal != Seal::Open {
            return Verdict::Refused(503);
        }
        let is_child = !question.namespace.is_empty();
        if is_child && self.find(path).is_some_and(|row| row.root_alone)
            || verb.has_body() && path.ends_with('/')
            || operation == Operation::None
        {
            return Verdict::Refused(400);
        }
        let is_folder = matches!(operation, Operation::List | Operation::Scan);
        let folder = path.strip_suffix('/').unwrap_or(path).to_owned() + "/";
        let asked = if is_folder { &folder } else { path };
        let row = self.find(asked);
        if row.is_some_and(|row| row.home == Home::Wrapping) {
            return question.refuse_wrapping();
        }
        let is_open = row.is_some_and(|row| row.open);
        let canonical = self.canonical(asked, is_folder);
        let path = if is_open { asked } else { &canonical };
        let row = if is_open { row } else { self.find(path) };
        // What an endpoint of the HTTP layer serves is not served here, though its path is known.
        let access = row.filter(|row| row.engine.is_some()).and_then(|row| access(row, operation));
        let standing = question.standing(row.map_or(Home::Request, |row| row.home), path);
        match (row, access) {
            _ if !is_open && !standing.satisfies(operation, access) => Verdict::Refused(403),
            _ if !is_folder && path.ends_with('.') => Verdict::Refused(404),
            (None, _) => Verdict::Refused(404),
            (Some(_), None) => Verdict::Refused(405),
            (Some(row), Some(_)) if is_child && row.of_seal => Verdict::Refused(400),
            (Some(_), Some(_)) => Verdict::Served,
        }
    }

    /// Any token may ask for help.
    fn judge_help(&self, question: &Question<'_>) -> Verdict {
        let row = self.find(question.path);
        if question.seal != Seal::Open {
            return Verdict::Refused(503);
        }
        if !question.namespace.is_empty() && row.is_some_and(|row| row.root_alone) {
            return Verdict::Refused(400);
        }
        let is_open = row.is_some_and(|row| row.open);
        let standing = question.standing_at(question.path);
        if !is_open && matches!(standing, Standing::Nobody | Standing::Stranger) {
            return Verdict::Refused(403);
        }
        if row.is_some() { Verdict::Served } else { Verdict::Refused(404) }
    }

    /// A path of the system mount by its one name: empty segments do not matter, nor a slash at its end but
    /// in the name of a folder, nor in some rows the case of a name and spaces around it.
    fn canonical(&self, path: &str, is_folder: bool) -> String {
        if !path.starts_with("sys/") {
            return path.to_owned();
        }
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let end = if is_folder { "/" } else { "" };
        let path = segments.join("/") + end;
        match self.find(&path).filter(|row| row.folds) {
            Some(_) => path.trim().to_lowercase(),
            None => path,
        }
    }

    /// The row of a path, among those of its mount and those of the HTTP layer.
    pub fn find(&self, path: &str) -> Option<&Row> {
        let mounted = |Endpoint { row, .. }: &&Endpoint| {
            let rest = path.strip_prefix(mount_path(row));
            row.engine.is_some() && rest.is_some_and(|rest| matches(row.pattern, rest))
        };
        let endpoint = self.endpoints.iter().find(mounted);
        endpoint.map(|endpoint| &endpoint.row).or_else(|| self.plain(path))
    }

    fn plain(&self, path: &str) -> Option<&Row> {
        let rows = self.endpoints.iter().map(|endpoint| &endpoint.row);
        rows.filter(|row| row.engine.is_none()).find(|row| row.pattern == path)
    }
}

impl Question<'_> {
    /// No caller is a wrapping token, and that is said before it is asked who the caller is.
    fn refuse_wrapping(&self) -> Verdict {
        Verdict::Refused(if self.caller == Caller::Nobody { 403 } else { 400 })
    }
}

fn grant(is_granted: bool) -> Verdict {
    if is_granted { Verdict::Served } else { Verdict::Refused(403) }
}

fn access(row: &Row, wanted: Operation) -> Option<Access> {
    row.methods.iter().find(|(operation, _)| *operation == wanted).map(|(_, access)| *access)
}

/// Whether a path inside a mount is of a pattern. What stands behind a capture of all the rest is fixed.
fn matches(pattern: &str, path: &str) -> bool {
    if let Some((before, behind)) = pattern.split_once("...}") {
        let start = before.rsplit_once('{').map_or("", |(start, _)| start);
        let rest = path.strip_prefix(start);
        return match behind {
            "" => rest.is_some(),
            _ => {
                rest.and_then(|rest| rest.strip_suffix(behind)).is_some_and(|rest| !rest.is_empty())
            }
        };
    }
    let (mut pieces, mut segments) = (pattern.split('/'), path.split('/'));
    loop {
        match (pieces.next(), segments.next()) {
            (Some(piece), Some(segment)) if piece.starts_with('{') && is_name(segment) => {}
            (Some(piece), Some(segment)) if piece == segment => {}
            (None, None) => return true,
            (Some(_), _) | (None, Some(_)) => return false,
        }
    }
}

/// Whether a segment may be captured: word characters, with dashes and periods inside.
fn is_name(segment: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    segment.starts_with(is_word)
        && segment.ends_with(is_word)
        && segment.chars().all(|c| is_word(c) || c == '-' || c == '.')
}
