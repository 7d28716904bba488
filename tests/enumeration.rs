//! Every row of the route table, asked in every way: by everybody, with every method, open and closed,
//! with every kind of body and parameter, in every spelling.
//!
//! What must be answered follows from the row. What a row does not say stands in the tables below, each
//! line with its reason; one that is not needed any more fails.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use strongroom_core::probe::{Access, FieldKind, Operation, Source, Switch};
use strongroom_tests::enumeration::{
    Ask, Caller, Endpoint, Form, MALFORMED, Malformed, Meaning, Question, Seal, Stage, Standing,
    Table, Tolerance, VERBS, Value, Verb, Verdict, Way, spellings,
};

// --- What a row does not say ----------------------------------------------------------------------

/// Endpoints that are served without a token. A row that is open by mistake would be found right by every
/// other test here.
const OPEN: [(&str, &str); 18] = [
    ("sys/decode-token", "it does with what is sent what anybody can do"),
    ("sys/generate-root/attempt", "a quorum of shares is asked for, where a listener has it"),
    ("sys/generate-root/update", "the same"),
    ("sys/health", "it tells the state"),
    ("sys/init", "there are no tokens yet"),
    ("sys/internal/ui/mounts", "it shows what the caller reaches, or what is shown to all"),
    ("sys/internal/ui/mounts/{path...}", "it asks for a token itself"),
    ("sys/internal/ui/namespaces", "it asks for a token itself"),
    ("sys/leader", "it tells the state"),
    ("sys/rekey-recovery-key/init", "refused, where a listener has it"),
    ("sys/rekey-recovery-key/update", "the same"),
    ("sys/rekey-recovery-key/verify", "the same"),
    ("sys/rekey/init", "a quorum of shares is asked for, where a listener has it"),
    ("sys/rekey/update", "the same"),
    ("sys/rekey/verify", "the same"),
    ("sys/seal-status", "it tells the state"),
    ("sys/unseal", "there are no tokens yet"),
    ("sys/wrapping/lookup", "who has a wrapping token may know what it is for"),
];

/// What endpoints that are open answer to those who show no token, one that is none, and one that reaches
/// nothing.
const BY_CALLER: [(&str, [u16; 3], &str); 3] = [
    ("sys/internal/ui/mounts", [200, 403, 200], "it shows what is shown to all"),
    ("sys/internal/ui/mounts/{path...}", [403, 403, 403], "it shows what is reached"),
    ("sys/internal/ui/namespaces", [500, 403, 200], "the API answers a request without a token so"),
];

/// What endpoints of the HTTP layer answer while the server is sealed, and before it is initialised;
/// all others say 503.
const WHILE_CLOSED: [(&str, Operation, [u16; 2], &str); 9] = [
    ("sys/health", Operation::Read, [503, 501], "the status is the state"),
    ("sys/health", Operation::Header, [503, 501], "the status is the state"),
    ("sys/init", Operation::Read, [200, 200], "it tells whether there are keys"),
    ("sys/init", Operation::Update, [400, 400], "the body names no shares"),
    ("sys/leader", Operation::Read, [200, 200], "it tells of the cluster, not of what is stored"),
    ("sys/seal", Operation::Update, [204, 204], "there is nothing to do"),
    ("sys/seal-status", Operation::Read, [200, 200], "it tells the state"),
    ("sys/step-down", Operation::Update, [204, 204], "there is nothing to do"),
    ("sys/unseal", Operation::Update, [400, 400], "the body has no share"),
];

/// Where something that a request says is answered as a trouble of the server's: the status.
const TROUBLES: [(&str, Operation, u16, &str); 2] = [
    ("cubbyhole/{path...}", Operation::Update, 500, "the API answers a body without fields so"),
    ("sys/config/cors", Operation::Update, 500, "the API answers a body without origins so"),
];

/// Parameters that a message of the API repeats. All that are durations are repeated.
const ECHOES: [(&str, &str, &str); 9] = [
    ("sys/auth/{path...}/tune", "listing_visibility", "it should have been one of two words"),
    ("sys/auth/{path...}/tune", "plugin_version", "it should have been a version"),
    ("sys/mounts/{path...}/tune", "listing_visibility", "it should have been one of two words"),
    ("sys/mounts/{path...}/tune", "plugin_version", "it should have been a version"),
    ("sys/remount", "from", "there is no such mount"),
    ("sys/tools/hash", "algorithm", "it should have been the name of one"),
    ("sys/tools/hash", "format", "it should have been one of two words"),
    ("sys/tools/random", "format", "it should have been one of two words"),
    ("sys/tools/random/{urlbytes}", "format", "it should have been one of two words"),
];

/// Endpoints whose answer in another namespace depends on whose the token is.
const BY_HOME: [(&str, &str); 3] = [
    ("auth/token/create", "a token hands down its policies in its own namespace only"),
    ("auth/token/create-orphan", "the same"),
    ("cubbyhole/{path...}", "a token has its cubbyhole in its own namespace only"),
];

/// Lines of a table, which notice whether they are needed.
struct Lines<L>(Vec<(L, Cell<bool>)>);

impl<L: PartialEq + std::fmt::Debug> Lines<L> {
    fn new(lines: impl IntoIterator<Item = L>) -> Self {
        Self(lines.into_iter().map(|line| (line, Cell::new(false))).collect())
    }

    fn has(&self, wanted: L) -> bool {
        let line = self.0.iter().find(|(line, _)| *line == wanted);
        line.inspect(|(_, is_needed)| is_needed.set(true)).is_some()
    }

    fn assert_needed(&self) {
        for (line, is_needed) in &self.0 {
            assert!(is_needed.get(), "not needed any more: {line:?}");
        }
    }
}

// --- The table ------------------------------------------------------------------------------------

#[test]
fn finds_every_row_by_a_path_of_its_own() {
    let table = Table::new();
    for endpoint in &table.endpoints {
        let found = table.find(&endpoint.path);
        assert_eq!(found, Some(&endpoint.row), "another row hides {}", endpoint.path);
    }
    assert!(table.knows(Switch::RootGeneration) && table.knows(Switch::Rekey));
    assert_enough(table.endpoints.len(), 85);
    assert_enough(table.methods(), 142);
}

#[test]
fn asks_for_a_rule_wherever_nothing_else_is_said() {
    let table = Table::new();
    let (closed, open): (Vec<_>, Vec<_>) =
        table.endpoints.iter().partition(|endpoint| !endpoint.row.open);
    let mut open: Vec<_> = open.into_iter().map(Endpoint::name).collect();
    open.sort();
    assert_eq!(open, OPEN.map(|(name, _)| name));
    for endpoint in closed {
        let free = endpoint.row.methods.iter().find(|(_, access)| *access == Access::Open);
        assert_eq!(free, None, "{}", endpoint.name());
    }
}

/// `min` is what there was when somebody last looked. A table that shrinks by mistake would let every
/// test here pass; what is taken out on purpose is taken from these numbers too.
fn assert_enough(count: usize, min: usize) {
    assert!(count >= min, "{count} are fewer than the {min} of before");
}

/// Every endpoint with every verb.
fn pairs(table: &Table) -> impl Iterator<Item = (&Endpoint, Verb)> {
    let of = |endpoint| VERBS.into_iter().map(move |verb| (endpoint, verb));
    table.endpoints.iter().flat_map(of)
}

/// A request of a caller, for the path of an endpoint.
fn ask_of(stage: &Stage, caller: Caller, verb: Verb, endpoint: &Endpoint) -> Ask {
    Ask { token: stage.token(caller), ..Ask::new(verb, Form::Plain, endpoint) }
}

/// What that is, to the table. The server is open.
fn question_of(caller: Caller, verb: Verb, endpoint: &Endpoint) -> Question<'_> {
    Question {
        seal: Seal::Open,
        is_switched_on: true,
        reaches_plain_rows: true,
        caller,
        granted: &endpoint.path,
        verb,
        namespace: "",
        path: &endpoint.path,
    }
}

// --- Callers and methods --------------------------------------------------------------------------

#[test]
fn answers_every_caller_and_method_as_the_row_says() {
    let switched_on = ask_everything(true, Way::Call, &Form::ROOT);
    assert_enough(switched_on + ask_everything(false, Way::Call, &[Form::Plain]), 35_700);
}

#[test]
fn answers_the_same_over_a_connection() {
    assert_enough(ask_everything(true, Way::Wire, &[Form::Plain]), 11_900);
}

#[test]
fn answers_the_same_however_another_namespace_is_named() {
    assert_enough(ask_everything(true, Way::Call, &Form::CHILD), 25_500);
}

/// Everybody asks everything. Who is refused is refused with the status of the row; who is served is
/// answered as the root token is, in all of these forms. Gives the number of requests.
fn ask_everything(is_switched_on: bool, way: Way, forms: &[Form]) -> usize {
    let (table, troubles) = (Table::new(), troubles());
    let mut stage = Stage::new(Seal::Open, is_switched_on);
    // Which word asks for an operation does not matter in another namespace.
    let is_root = forms.iter().all(|form| form.namespace().is_empty());
    for (endpoint, verb) in pairs(&table).filter(|(_, verb)| is_root || !verb.is_repeated()) {
        let mut of_root = BTreeMap::new();
        for form in forms {
            let granted = stage.grant(form.namespace(), endpoint, verb);
            for caller in Caller::ALL.into_iter().rev() {
                let ask =
                    Ask { token: stage.token(caller), way, ..Ask::new(verb, *form, endpoint) };
                let status = stage.ask(&ask).status;
                let shown = format!("{status}: {caller:?} {form:?} {}", ask.show());
                let question = Question {
                    is_switched_on,
                    reaches_plain_rows: form.keeps_path(),
                    granted: &granted,
                    namespace: form.namespace(),
                    ..question_of(caller, verb, endpoint)
                };
                let refusal = form.refusal(endpoint).map(Verdict::Refused);
                match refusal.unwrap_or_else(|| table.judge(&question)) {
                    Verdict::Refused(wanted) => assert_eq!(status, wanted, "{shown}"),
                    Verdict::Served if is_by_caller(endpoint, verb) => {
                        check_by_caller(endpoint, &question, status, &shown);
                    }
                    Verdict::Served => {
                        // Only what the HTTP layer serves may tell one form from another.
                        let is_plain = endpoint.is_plain() && form.keeps_path();
                        let wanted = of_root.entry(is_plain).or_insert(status);
                        let is_by_home = is_by_home(endpoint, *form);
                        assert!(status == *wanted || is_by_home, "{wanted} of root, {shown}");
                        let is_sound = matches!(status, 200..300 | 400 | 404);
                        let is_known = || is_trouble(&troubles, endpoint, verb, status);
                        assert!(is_sound || is_known(), "{shown}");
                    }
                }
            }
        }
    }
    stage.asked
}

fn is_by_caller(endpoint: &Endpoint, verb: Verb) -> bool {
    verb.operation == Some(Operation::Read)
        && BY_CALLER.iter().any(|(name, ..)| *name == endpoint.name())
}

fn check_by_caller(endpoint: &Endpoint, question: &Question<'_>, status: u16, shown: &str) {
    let line = BY_CALLER.iter().find(|(name, ..)| *name == endpoint.name());
    let [nobody, stranger, member] = line.expect("it has a line").1;
    match question.caller.standing("", "", false) {
        Standing::Nobody => assert_eq!(status, nobody, "{shown}"),
        Standing::Stranger => assert_eq!(status, stranger, "{shown}"),
        Standing::Root => assert_eq!(status, 200, "{shown}"),
        _ if question.caller == Caller::Powerless => assert_eq!(status, member, "{shown}"),
        Standing::Member | Standing::Capable { .. } => {
            assert!(matches!(status, 200 | 403), "{shown}");
        }
    }
}

fn is_by_home(endpoint: &Endpoint, form: Form) -> bool {
    !form.namespace().is_empty() && BY_HOME.iter().any(|(name, _)| *name == endpoint.name())
}

type Troubles = Lines<(String, Operation, u16)>;

fn troubles() -> Troubles {
    Lines::new(TROUBLES.map(|(name, operation, status, _)| (name.to_owned(), operation, status)))
}

fn is_trouble(troubles: &Troubles, endpoint: &Endpoint, verb: Verb, status: u16) -> bool {
    let operation = verb.operation_of(endpoint);
    operation.is_some_and(|operation| troubles.has((endpoint.name(), operation, status)))
}

// --- Uses of a token -------------------------------------------------------------------------------

/// A token of limited uses is served like others until it is used up, and a use is charged exactly where
/// it is asked whose token it is: also when the request is refused then, and never when it was before.
#[test]
fn charges_a_use_wherever_the_caller_is_looked_at() {
    let table = Table::new();
    let mut stage = Stage::new(Seal::Open, true);
    for (endpoint, verb) in pairs(&table).filter(|(endpoint, verb)| !is_by_caller(endpoint, *verb))
    {
        let token = stage.limited();
        let ask = Ask { token: Some(token), ..Ask::new(verb, Form::Plain, endpoint) };
        let (status, is_charged) = stage.spend(&ask);
        let of_stranger = table.judge(&question_of(Caller::Unknown, verb, endpoint));
        // A token that may do everything has the standing of one that is asked about another path.
        let question = Question { granted: "", ..question_of(Caller::Denied, verb, endpoint) };
        if let Verdict::Refused(wanted) = table.judge(&question) {
            assert_eq!(status, wanted, "{}", ask.show());
        } else {
            assert_ne!(status, 403, "{}", ask.show());
        }
        let wanted = of_stranger == Verdict::Refused(403);
        assert!(
            is_charged.is_none_or(|is_charged| is_charged == wanted),
            "{status}: {}",
            ask.show()
        );
    }
}

// --- A server that is not open --------------------------------------------------------------------

#[test]
fn refuses_while_it_is_sealed_what_needs_a_key() {
    assert_enough(ask_closed(Seal::Sealed, |[sealed, _]| sealed), 11_900);
}

#[test]
fn refuses_before_it_is_initialized_what_needs_a_key() {
    assert_enough(ask_closed(Seal::Uninitialized, |[_, uninitialized]| uninitialized), 11_900);
}

fn ask_closed(seal: Seal, of: fn([u16; 2]) -> u16) -> usize {
    let table = Table::new();
    let lines = WHILE_CLOSED
        .map(|(name, operation, statuses, _)| (name.to_owned(), operation, of(statuses)));
    let lines = Lines::new(lines);
    let mut stage = Stage::new(seal, true);
    for (endpoint, verb) in pairs(&table) {
        for caller in Caller::ALL {
            let ask = ask_of(&stage, caller, verb, endpoint);
            let status = stage.ask(&ask).status;
            let shown = format!("{caller:?} {}", ask.show());
            match table.judge(&Question { seal, ..question_of(caller, verb, endpoint) }) {
                Verdict::Refused(wanted) => assert_eq!(status, wanted, "{shown}"),
                Verdict::Served => {
                    let operation = verb.operation_of(endpoint).expect("what is served is known");
                    let is_known = lines.has((endpoint.name(), operation, status));
                    assert!(is_known || status == 503, "{status}: {shown}");
                }
            }
        }
    }
    lines.assert_needed();
    stage.asked
}

// --- Bodies ---------------------------------------------------------------------------------------

#[test]
fn refuses_malformed_bodies_before_it_looks_at_the_caller() {
    let table = Table::new();
    let mut stage = Stage::new(Seal::Open, true);
    for (endpoint, verb) in pairs(&table) {
        // Where none is read, one is enough to see it.
        let count = if reads_body(endpoint, verb) { MALFORMED.len() } else { 1 };
        for caller in [Caller::Nobody, Caller::Root] {
            let sound = ask_of(&stage, caller, verb, endpoint);
            let of_sound = stage.ask(&sound).status;
            for malformed in MALFORMED.iter().take(count) {
                let mut ask = Ask { body: (malformed.bytes)(), ..sound.clone() };
                ask.fields.extend(malformed.content_type().map(|media| ("Content-Type", media)));
                let status = stage.ask(&ask).status;
                let wanted = refusal_of(malformed, endpoint, verb).unwrap_or(of_sound);
                assert_eq!(status, wanted, "{caller:?} {}: {}", ask.show(), malformed.name);
            }
        }
    }
    assert_enough(stage.asked, 13_652);
}

/// Whether the body is looked at, before anything else is known of the request.
fn reads_body(endpoint: &Endpoint, verb: Verb) -> bool {
    let wanted = verb.operation_of(endpoint);
    if endpoint.is_plain() {
        return wanted == Some(Operation::Update) && endpoint.serves(Operation::Update);
    }
    matches!(wanted, Some(Operation::Update | Operation::Patch))
}

/// The status with which a body is refused, if it is looked at and found wanting.
fn refusal_of(malformed: &Malformed, endpoint: &Endpoint, verb: Verb) -> Option<u16> {
    match malformed.tolerance {
        _ if !reads_body(endpoint, verb) => None,
        Tolerance::Nobody => Some(400),
        Tolerance::Everybody => None,
        Tolerance::Mounts if endpoint.is_plain() => Some(400),
        Tolerance::Mounts => (verb.method == "PATCH").then_some(415),
    }
}

// --- Parameters -----------------------------------------------------------------------------------

#[test]
fn refuses_parameters_of_the_wrong_type_and_has_no_trouble_with_any() {
    let (table, troubles) = (Table::new(), troubles());
    let echoes = Lines::new(ECHOES.map(|(name, field, _)| (name.to_owned(), field)));
    let mut stage = Stage::new(Seal::Open, true);
    let mut unknown = BTreeSet::new();
    for (endpoint, verb) in pairs(&table) {
        let is_served = |operation| endpoint.serves(operation);
        if !verb.operation_of(endpoint).is_some_and(is_served) {
            continue;
        }
        let sound = ask_of(&stage, Caller::Root, verb, endpoint);
        for value in Value::ALL {
            for choice in choices(endpoint, value) {
                let Some(ask) = choice.ask(&sound, value) else { continue };
                let answer = stage.ask(&Ask { may_echo: true, ..ask.clone() });
                let status = answer.status;
                let shown = format!("{status}: {}", ask.show());
                let is_sound = matches!(status, 200..300 | 400 | 403 | 404);
                let is_known = || is_trouble(&troubles, endpoint, verb, status);
                assert!(is_sound || is_known(), "{shown}");
                if let Some(wanted) = choice.refusal.filter(|_| verb.has_body()) {
                    assert_eq!(status, wanted, "{shown}");
                }
                if status >= 300 && answer.echoes() && !choice.may_echo(endpoint, &echoes) {
                    unknown.insert(format!("{}: {:?}", endpoint.name(), choice.names));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "answers repeat {unknown:#?}");
    troubles.assert_needed();
    echoes.assert_needed();
    assert_enough(stage.asked, 11_356);
}

/// Which parameters have a value.
struct Choice {
    names: Vec<&'static str>,
    /// The status, if an endpoint of a mount cannot take it.
    refusal: Option<u16>,
    /// Whether one of them is a duration.
    has_duration: bool,
}

/// Each parameter alone, one that the endpoint does not know, none, and all of them.
fn choices(endpoint: &Endpoint, value: Value) -> Vec<Choice> {
    let alone = endpoint.row.fields.iter().map(|&(name, kind, source)| Choice {
        names: vec![name],
        // What the path says goes before what the body does.
        refusal: value.refusal(kind).filter(|_| source == Source::Body && !endpoint.is_plain()),
        has_duration: kind == FieldKind::DurationText,
    });
    let mut choices: Vec<_> = alone.collect();
    let has_duration = choices.iter().any(|choice| choice.has_duration);
    let all = choices.iter().flat_map(|choice| choice.names.clone()).collect();
    for (names, has_duration) in [(vec!["unknown"], false), (vec![], false), (all, has_duration)] {
        choices.push(Choice { names, refusal: None, has_duration });
    }
    choices
}

impl Choice {
    /// The request with these parameters; `None` if it has no body, and a query cannot say this value.
    fn ask(&self, sound: &Ask, value: Value) -> Option<Ask> {
        if sound.verb.has_body() {
            let members = self.names.iter().map(|name| format!("\"{name}\":{}", value.json()));
            let members: Vec<_> = members.collect();
            let body = format!("{{{}}}", members.join(",")).into_bytes();
            return Some(Ask { body, ..sound.clone() });
        }
        let words: Option<Vec<_>> = self.names.iter().map(|name| value.query(name)).collect();
        let sign = if sound.query.is_empty() { "?" } else { "&" };
        Some(Ask { query: format!("{}{sign}{}", sound.query, words?.join("&")), ..sound.clone() })
    }

    fn may_echo(&self, endpoint: &Endpoint, echoes: &Lines<(String, &'static str)>) -> bool {
        let is_known = |name: &&'static str| echoes.has((endpoint.name(), *name));
        self.has_duration || self.names.iter().any(is_known)
    }
}

// --- Spellings ------------------------------------------------------------------------------------

/// Every spelling is the path itself, another path, or none. Help is left out: any token may read it.
#[test]
fn serves_no_spelling_of_a_path_to_whom_the_path_is_not_served() {
    let table = Table::new();
    let mut stage = Stage::new(Seal::Open, true);
    let asks = |verb: Verb| !matches!(verb.operation, None | Some(Operation::Help));
    let verbs = |verb: Verb| asks(verb) && !verb.is_repeated();
    for (endpoint, verb) in pairs(&table).filter(|(_, verb)| verbs(*verb)) {
        let granted = stage.grant("", endpoint, verb);
        for caller in [Caller::Powerless, Caller::Denied, Caller::Exact, Caller::Root] {
            let plain = Question { granted: &granted, ..question_of(caller, verb, endpoint) };
            if is_by_caller(endpoint, verb) && caller != Caller::Root {
                continue;
            }
            let ask = ask_of(&stage, caller, verb, endpoint);
            let of_path = stage.ask(&ask).status;
            for spelling in spellings(&endpoint.path) {
                let wanted = match &spelling.meaning {
                    Meaning::Status(status) => Verdict::Refused(*status),
                    Meaning::Same => table.judge(&plain),
                    Meaning::SameToMounts => {
                        table.judge(&Question { reaches_plain_rows: false, ..plain })
                    }
                    // What is found there by those who may is not the matter.
                    Meaning::Other(_) if matches!(caller, Caller::Root | Caller::Denied) => {
                        continue;
                    }
                    Meaning::Other(path) => table.judge(&Question { path, ..plain }),
                };
                let ask = Ask { target: spelling.target.clone(), ..ask.clone() };
                let status = stage.ask(&ask).status;
                let shown = format!("{status}: {caller:?} {}: {}", ask.show(), spelling.name);
                match wanted {
                    Verdict::Refused(wanted) => assert_eq!(status, wanted, "{shown}"),
                    Verdict::Served => assert_eq!(status, of_path, "{shown}"),
                }
            }
        }
    }
    assert_enough(stage.asked, 55_335);
}
