//! What must be answered, by the rows alone: a naive form of the rules that a request goes through.
//!
//! Invariant: no endpoint has a name here. What a row does not say is in the tables of the tests.

use strongroom_core::probe::{Access, Operation, Row};

use super::{Endpoint, Standing, Table, Verb, mount_path};

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
    /// What the caller may do.
    pub standing: Standing,
    /// What is asked for.
    pub verb: Verb,
    /// Of which path, decoded, behind `/v1/`.
    pub path: &'q str,
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
    /// Whether it is enough for a method; `None` where there is no method.
    fn satisfies(self, access: Option<Access>) -> bool {
        match self {
            Self::Stranger => false,
            Self::Member => access == Some(Access::Open),
            Self::Master => true,
        }
    }
}

impl Table {
    /// What must come of a request whose body, if it has one, is sound.
    pub fn judge(&self, question: &Question<'_>) -> Verdict {
        let Question { seal, is_switched_on, reaches_plain_rows, standing, verb, path } = *question;
        if verb.operation == Some(Operation::Help) {
            return self.judge_help(question);
        }
        let plain = self.plain(path).filter(|_| reaches_plain_rows);
        if let Some(row) = plain.filter(|row| row.switch.is_none() || is_switched_on) {
            let operation = verb.plain_operation();
            let Some(access) = operation.and_then(|wanted| access(row, wanted)) else {
                return Verdict::Refused(405);
            };
            // A sealed server knows no tokens.
            let is_free = row.open || seal != Seal::Open;
            return grant(is_free || standing.satisfies(Some(access)));
        }
        let Some(operation) = verb.operation else { return Verdict::Refused(405) };
        if seal != Seal::Open {
            return Verdict::Refused(503);
        }
        if verb.has_body() && path.ends_with('/') || operation == Operation::None {
            return Verdict::Refused(400);
        }
        let is_folder = matches!(operation, Operation::List | Operation::Scan);
        let folder = path.trim_end_matches('/').to_owned() + "/";
        let row = self.find(if is_folder { &folder } else { path });
        // What an endpoint of the HTTP layer serves is not served here, though its path is known.
        let access = row.filter(|row| row.engine.is_some()).and_then(|row| access(row, operation));
        let is_open = row.is_some_and(|row| row.open);
        match (row, access) {
            _ if !is_open && !standing.satisfies(access) => Verdict::Refused(403),
            (None, _) => Verdict::Refused(404),
            (Some(_), None) => Verdict::Refused(405),
            (Some(_), Some(_)) => Verdict::Served,
        }
    }

    /// Any token may ask for help.
    fn judge_help(&self, question: &Question<'_>) -> Verdict {
        let row = self.find(question.path);
        if question.seal != Seal::Open {
            return Verdict::Refused(503);
        }
        let is_open = row.is_some_and(|row| row.open);
        if !is_open && question.standing == Standing::Stranger {
            return Verdict::Refused(403);
        }
        if row.is_some() { Verdict::Served } else { Verdict::Refused(404) }
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

fn grant(is_granted: bool) -> Verdict {
    if is_granted { Verdict::Served } else { Verdict::Refused(403) }
}

fn access(row: &Row, wanted: Operation) -> Option<Access> {
    row.methods.iter().find(|(operation, _)| *operation == wanted).map(|(_, access)| *access)
}

/// Whether a path inside a mount is of a pattern.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut pieces, mut segments) = (pattern.split('/'), path.split('/'));
    loop {
        match (pieces.next(), segments.next()) {
            (Some(piece), Some(_)) if piece.ends_with("...}") => return true,
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
