//! Other spellings of a path. The way in decodes a path once, and all that is behind it sees one name;
//! what each of these must be read as is said here.

/// A spelling of a path.
#[derive(Clone, Debug)]
pub struct Spelling {
    /// What is done to the path.
    pub name: &'static str,
    /// The target of the request.
    pub target: String,
    /// What it means.
    pub meaning: Meaning,
}

/// What a spelling means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The same as the path itself.
    Same,
    /// The same to a mount. The HTTP layer compares what stands between slashes, and takes it for none of
    /// its endpoints.
    SameToMounts,
    /// This other path.
    Other(String),
    /// This status, whatever is there and whoever asks.
    Status(u16),
}

impl Spelling {
    fn new(name: &'static str, path: &str, meaning: Meaning) -> Self {
        Self { name, target: format!("/v1/{path}"), meaning }
    }

    fn whole(name: &'static str, target: String, meaning: Meaning) -> Self {
        Self { name, target, meaning }
    }
}

/// Spellings of a path, which stands behind `/v1/`.
pub fn spellings(path: &str) -> Vec<Spelling> {
    [same(path), elsewhere(path), refused(path)].concat()
}

/// What is read as the path itself.
fn same(path: &str) -> Vec<Spelling> {
    use Meaning::{Same, SameToMounts};
    let first = path.chars().next().map_or(0, char::len_utf8);
    let (first, rest) = path.split_at(first);
    let one = escape(first, "%") + rest;
    let capitals = escape(path, "%").to_uppercase();
    vec![
        Spelling::new("letters escaped", &escape(path, "%"), Same),
        Spelling::new("in capital digits", &capitals, Same),
        Spelling::new("one letter escaped", &one, Same),
        Spelling::whole("a whole address", format!("http://core/v1/{path}"), Same),
        Spelling::new("slashes escaped", &path.replace('/', "%2F"), SameToMounts),
        Spelling::new("the last slash escaped", &at_last_slash(path, "%2f"), SameToMounts),
    ]
}

/// What is read as a path that nobody meant.
fn elsewhere(path: &str) -> Vec<Spelling> {
    let behind = |name, sent: &str, read: &str| {
        Spelling::new(name, &format!("{path}{sent}"), Meaning::Other(format!("{path}{read}")))
    };
    let instead =
        |name, sent: String, read: String| Spelling::new(name, &sent, Meaning::Other(read));
    let behinds = [
        behind("a slash behind", "/", "/"),
        behind("an escaped slash behind", "%2F", "/"),
        behind("a period behind", ".", "."),
        behind("an escaped period behind", "%2E", "."),
        behind("a space behind", "%20", " "),
        behind("a parameter behind", ";a=b", ";a=b"),
        behind("a fragment behind", "#a", "#a"),
    ];
    let insteads = [
        instead("capitals", path.to_uppercase(), path.to_uppercase()),
        instead("escaped twice", escape(path, "%25"), escape(path, "%")),
        instead("backslashes", path.replace('/', "%5C"), path.replace('/', "\\")),
        instead("what looks like slashes", path.replace('/', "%E2%88%95"), path.replace('/', "∕")),
    ];
    // Behind a slash these are segments, which is another matter.
    let behinds = behinds.into_iter().filter(|_| !path.ends_with('/'));
    behinds.chain(insteads).collect()
}

/// What is not looked up at all.
fn refused(path: &str) -> Vec<Spelling> {
    use Meaning::Status;
    vec![
        Spelling::new("a slash in front", &format!("/{path}"), Status(307)),
        Spelling::new("the last slash twice", &at_last_slash(path, "//"), Status(307)),
        Spelling::new("a period between", &at_last_slash(path, "/./"), Status(307)),
        Spelling::new("there and back", &format!("sys/health/../../{path}"), Status(307)),
        Spelling::new("back by escapes", &format!("x/%2e%2e/{path}"), Status(400)),
        Spelling::new("an escaped period", &at_last_slash(path, "/%2e/"), Status(400)),
        Spelling::new("NUL behind", &format!("{path}%00"), Status(400)),
        Spelling::whole("another version", format!("/V1/{path}"), Status(404)),
    ]
}

/// A path with an escape for each letter.
fn escape(path: &str, sign: &str) -> String {
    let escaped = path.chars().map(|c| match c {
        c if c.is_ascii_alphabetic() => format!("{sign}{:02x}", u32::from(c)),
        c => c.to_string(),
    });
    escaped.collect()
}

/// A path with something else in place of its last slash.
fn at_last_slash(path: &str, slash: &str) -> String {
    let (folder, name) = path.rsplit_once('/').expect("every endpoint is below a mount");
    format!("{folder}{slash}{name}")
}
