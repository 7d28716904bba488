//! The commands for mounts, policies, namespaces and wrapped answers, against the server.

use serde_json::json;

use crate::process::DevServer;
use crate::user::User;

const KV_V1: &[&str] = &["-dev-kv-v1"];

/// The lines of a table, with one space between cells; ids, which differ each time, as `ID`.
fn cells(table: &str) -> Vec<String> {
    let is_id = |word: &&str| {
        let number = word.rsplit_once('_').map_or(*word, |(_, number)| number);
        number.len() >= 8 && number.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    };
    let cell = |word: &str| if is_id(&word) { "ID".to_owned() } else { word.to_owned() };
    let line = |line: &str| line.split_whitespace().map(cell).collect::<Vec<_>>().join(" ");
    table.lines().map(line).collect()
}

// --- Mounts ---

#[test]
fn engines_are_enabled_tuned_moved_and_disabled() {
    let server = DevServer::start(KV_V1);
    let user = User::of(&server);
    let enable = ["secrets", "enable", "-path=team/kv/", "-description=of a team", "kv"];
    assert_eq!(user.run(&enable), "Success! Enabled the kv secrets engine at: team/kv/\n");
    user.run(&["secrets", "enable", "-version=2", "-max-lease-ttl=1h", "-options=a=b", "kv"]);
    let list = user.run(&["secrets", "list"]);
    let lines = cells(&list);
    assert_eq!(lines[0], "Path Type Accessor Description");
    let paths: Vec<_> = lines[2..].iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(paths, ["cubbyhole/", "identity/", "kv/", "secret/", "sys/", "team/kv/"]);
    assert_eq!(
        (lines[4].as_str(), lines[7].as_str()),
        ("kv/ kv ID n/a", "team/kv/ kv ID of a team")
    );
    let detailed = cells(&user.run(&["secrets", "list", "-detailed"]));
    assert_eq!(
        detailed[0],
        "Path Plugin Accessor Default TTL Max TTL Force No Cache Replication Seal Wrap \
         External Entropy Access Options Description UUID Version Running Version Running SHA256 \
         Deprecation Status"
    );
    let row = |path: &str| detailed.iter().find(|line| line.starts_with(path)).unwrap();
    let versioned =
        "kv/ kv ID system 3600 false replicated false false map[a:b version:2] n/a ID n/a v2.";
    assert!(row("kv/").starts_with(versioned), "{detailed:?}");
    assert!(row("kv/").ends_with(" n/a supported"), "{detailed:?}");
    let own = "cubbyhole/ cubbyhole ID n/a n/a false local false false map[] ";
    assert!(row("cubbyhole/").starts_with(own), "{detailed:?}");
    let listed = user.json(&["secrets", "list", "-format=json"]);
    assert_eq!(listed["kv/"]["options"], json!({"a": "b", "version": "2"}));
    assert_eq!(listed["team/kv/"]["description"], "of a team");

    let tune = ["secrets", "tune", "-default-lease-ttl=90s", "-description=tuned", "team/kv"];
    assert_eq!(user.run(&tune), "Success! Tuned the secrets engine at: team/kv/\n");
    user.run(&["kv", "put", "team/kv/a", "k=v"]);
    assert_eq!(user.json(&["kv", "get", "-format=json", "team/kv/a"])["lease_duration"], 90);
    assert_eq!(user.run(&["read", "-field=description", "sys/mounts/team/kv/tune"]), "tuned");

    let moved = user.run(&["secrets", "move", "team/kv/", "moved"]);
    let what = "moving secrets engine team/kv/ to moved/, with migration ID ";
    let lines: Vec<_> = moved.lines().map(|line| line.split_once(what).unwrap()).collect();
    assert_eq!((lines[0].0, lines[1].0), ("Started ", "Success! Finished "));
    assert_eq!(lines[0].1, lines[1].1);
    assert_eq!(user.run(&["kv", "get", "-field=k", "moved/a"]), "v");
    let done = "Success! Disabled the secrets engine (if it existed) at: moved/\n";
    // Once more is no error.
    for _ in 0..2 {
        assert_eq!(user.run(&["secrets", "disable", "moved"]), done);
    }
    let gone = user.refused(&["kv", "get", "moved/a"]);
    assert!(gone.contains("grant access to path \"moved/a/\""), "{gone}");
}

#[test]
fn methods_are_enabled_tuned_moved_and_disabled() {
    let server = DevServer::start(&[]);
    let user = User::of(&server);
    let enable = ["auth", "enable", "-path=machines", "-token-type=batch", "approle"];
    assert_eq!(user.run(&enable), "Success! Enabled approle auth method at: machines/\n");
    user.run(&["auth", "enable", "userpass"]);
    let lines = cells(&user.run(&["auth", "list"]));
    assert_eq!(lines[0], "Path Type Accessor Description Version");
    assert_eq!(lines[2], "machines/ approle ID n/a n/a");
    assert!(lines[3].starts_with("token/ token ID "), "{lines:?}");
    assert_eq!(lines[4], "userpass/ userpass ID n/a n/a");
    let tune =
        ["auth", "tune", "-default-lease-ttl=20m", "-listing-visibility=unauth", "machines/"];
    assert_eq!(user.run(&tune), "Success! Tuned the auth method at: machines/\n");
    let detailed = cells(&user.run(&["auth", "list", "-detailed"]));
    assert!(detailed[0].contains(" Max TTL Token Type Replication "), "{detailed:?}");
    let machines = "machines/ approle ID 1200 system batch replicated ";
    assert!(detailed[2].starts_with(machines), "{detailed:?}");
    let open = User::without_token(server.address);
    let seen = open.json(&["read", "-format=json", "sys/internal/ui/mounts"]);
    assert_eq!(seen["data"]["auth"]["machines/"]["type"], "approle");

    // As the whole path, and as that below `auth/`.
    user.run(&["auth", "move", "auth/machines", "auth/robots"]);
    let moved = user.run(&["auth", "move", "robots/", "people/"]);
    assert!(moved.contains("Finished moving auth method robots/ to people/, "), "{moved}");
    let help = user.run(&["auth", "help", "people"]);
    assert!(help.contains("login -method=approle -path=people role_id="), "{help}");
    let done = "Success! Disabled the auth method (if it existed) at: people/\n";
    assert_eq!(user.run(&["auth", "disable", "people"]), done);
    let listed = user.json(&["auth", "list", "-format=json"]);
    let paths: Vec<_> = listed.as_object().unwrap().keys().collect();
    assert_eq!(paths, ["token/", "userpass/"]);
}

// --- Policies and what they permit ---

const READER: &str = "path \"secret/app/*\" {\n  capabilities = [\"read\", \"list\"]\n}\n";

#[test]
fn policies_are_written_read_listed_and_deleted() {
    let server = DevServer::start(&[]);
    let user = User::of(&server);
    let file = user.home.write("reader.hcl", READER);
    let (status, out, errors) = user.try_run(&["policy", "write", "Reader", &file], None);
    assert_eq!((status, out.as_str()), (0, "Success! Uploaded policy: reader\n"));
    assert_eq!(errors, "Policy name was converted from \"Reader\" to \"reader\"\n");
    let json = r#"{"path":{"secret/*":{"capabilities":["deny"]}}}"#;
    user.run_with(&["policy", "write", "denier", "-"], Some(json));
    assert_eq!(user.run(&["policy", "list"]), "default\ndenier\nreader\nroot\n");
    let names = json!(["default", "denier", "reader", "root"]);
    assert_eq!(user.json(&["policy", "list", "-format=json"]), names);
    assert_eq!(user.run(&["policy", "read", "READER"]), READER);
    assert_eq!(user.json(&["policy", "read", "-format=json", "reader"]), json!({"policy": READER}));
    let done = "Success! Deleted policy: denier\n";
    for _ in 0..2 {
        assert_eq!(user.run(&["policy", "delete", "denier"]), done);
    }
    let (status, out, errors) = user.try_run(&["policy", "read", "denier"], None);
    assert_eq!((status, out.as_str(), errors.as_str()), (2, "", "No policy named: denier\n"));
    let empty = user.try_run(&["policy", "write", "reader", "-"], Some(" \n"));
    assert_eq!((empty.0, user.run(&["policy", "read", "reader"]).as_str()), (1, READER));
}

#[test]
fn a_token_may_do_what_its_policies_permit() {
    let server = DevServer::start(KV_V1);
    let user = User::of(&server);
    user.run_with(&["policy", "write", "reader", "-"], Some(READER));
    user.run(&["kv", "put", "secret/app/db", "k=v"]);
    user.run(&["secrets", "enable", "-path=other", "kv"]);
    let made = user.json(&["token", "create", "-format=json", "-policy=reader"]);
    let part = |name: &str| made["auth"][name].as_str().unwrap().to_owned();
    let (token, accessor) = (part("client_token"), part("accessor"));
    let reader = User::with_token(&server, &token);
    assert_eq!(reader.run(&["kv", "get", "-field=k", "secret/app/db"]), "v");
    assert_eq!(reader.run(&["kv", "list", "secret/app"]), "Keys\n----\ndb\n");
    let denied = "Code: 403. Errors:\n\n* 1 error occurred:\n\t* permission denied\n\n\n";
    for arguments in
        [["kv", "put", "secret/app/db", "k=w"].as_slice(), &["kv", "get", "secret/other"]]
    {
        let errors = reader.refused(arguments);
        assert!(errors.ends_with(denied), "{arguments:?}: {errors}");
    }
    // Of a mount that it may do nothing in it does not hear whether it is there.
    for path in ["other", "none"] {
        let errors = reader.refused(&["kv", "get", &format!("{path}/a")]);
        let want = format!(
            "Error making API request.\n\nURL: GET http://{}/v1/sys/internal/ui/mounts/{path}/a\n\
             Code: 403. Errors:\n\n* preflight capability check returned 403, please ensure \
             client's policies grant access to path \"{path}/a/\"\n",
            server.address
        );
        assert_eq!(errors, want);
    }
    let line = reader.refused(&["kv", "get", "-output-curl-string", "other/a"]);
    assert!(line.starts_with("Error asking the server which version of KV other/a is: "), "{line}");
    let line = reader.run(&["kv", "get", "-output-curl-string", "secret/app/db"]);
    assert!(line.starts_with("curl ") && line.ends_with("/v1/secret/app/db\n"), "{line}");

    let can = |user: &User, arguments: &[&str]| {
        user.run(&[["token", "capabilities"].as_slice(), arguments].concat())
    };
    assert_eq!(can(&reader, &["secret/app/db"]), "list, read\n");
    assert_eq!(can(&reader, &["secret/other"]), "deny\n");
    assert_eq!(can(&user, &["secret/app/db"]), "root\n");
    assert_eq!(can(&user, &[&token, "secret/app/db"]), "list, read\n");
    assert_eq!(can(&user, &["-accessor", &accessor, "secret/app/db"]), "list, read\n");
    assert_eq!(can(&user, &["-format=json", &token, "secret/x"]), "[\n  \"deny\"\n]\n");
    // A change holds at once, for tokens that are there.
    user.run(&["policy", "delete", "reader"]);
    assert_eq!(can(&reader, &["secret/app/db"]), "deny\n");
}

// --- Namespaces ---

#[test]
fn namespaces_are_made_listed_changed_and_deleted() {
    let server = DevServer::start(&[]);
    let user = User::of(&server);
    for list in [["namespace", "list"], ["namespace", "scan"]] {
        let none = (2, String::new(), "No namespaces found\n".to_owned());
        assert_eq!(user.try_run(&list, None), none);
        let none = (2, "{}\n".to_owned(), String::new());
        assert_eq!(user.try_run(&[list[0], list[1], "-format=json"], None), none);
    }
    let made = user.run(&["namespace", "create", "-custom-metadata=k=v", "a/"]);
    assert!(made.starts_with("Key                Value\n"), "{made}");
    assert!(made.contains("\ncustom_metadata    map[k:v]\n"), "{made}");
    assert!(made.contains("\npath               a/\n"), "{made}");
    assert_eq!(user.run(&["namespace", "create", "-ns=a", "-field=path", "b"]), "a/b/");
    assert_eq!(user.run(&["namespace", "list"]), "Keys\n----\na/\n");
    assert_eq!(user.run(&["namespace", "scan"]), "Keys\n----\na/\na/b/\n");
    assert_eq!(user.json(&["namespace", "list", "-ns=a", "-format=json"]), json!(["b/"]));
    let detailed = cells(&user.run(&["namespace", "list", "-detailed"]));
    assert_eq!(detailed[0], "Keys custom_metadata id locked path tainted uuid");
    assert!(detailed[2].starts_with("a/ map[k:v] "), "{detailed:?}");
    let detailed = user.json(&["namespace", "scan", "-detailed", "-format=json"]);
    assert_eq!(detailed["a/b/"]["path"], "a/b/");

    let change = ["namespace", "patch", "-remove-custom-metadata=k", "-custom-metadata=m=n", "a"];
    assert!(user.run(&change).contains("\ncustom_metadata    map[m:n]\n"));
    let shown = user.json(&["namespace", "lookup", "-format=json", "a"]);
    assert_eq!((&shown["path"], &shown["custom_metadata"]), (&json!("a/"), &json!({"m": "n"})));
    assert!(user.run(&["namespace", "lookup", "a"]).contains("\npath               a/\n"));
    assert_eq!(user.refused(&["namespace", "lookup", "none"]), "Namespace not found\n");

    let errors = user.refused(&["namespace", "delete", "a"]);
    assert!(errors.ends_with("* unable to delete namespace containing child namespaces\n"));
    let done = "Success! Namespace deletion scheduled: b/\n";
    assert_eq!(user.run(&["namespace", "delete", "-ns=a", "b"]), done);
    user.run(&["namespace", "delete", "a"]);
    let absent = (0, String::new(), "Requested namespace does not exist\n".to_owned());
    assert_eq!(user.try_run(&["namespace", "delete", "a"], None), absent);
}

#[test]
fn commands_work_in_the_namespace_that_is_named() {
    let server = DevServer::start(&[]);
    let user = User::of(&server);
    user.run(&["namespace", "create", "a"]);
    user.run(&["namespace", "create", "-namespace=a", "b"]);
    user.run(&["secrets", "enable", "-ns=a/b", "kv"]);
    user.run(&["kv", "put", "-ns=a/b", "kv/x", "k=v"]);
    // By the flag, by the path, and by a part of each.
    for (namespace, path) in [("a/b", "kv/x"), ("a", "b/kv/x"), ("", "a/b/kv/x")] {
        let flag = format!("-ns={namespace}");
        assert_eq!(user.run(&["kv", "get", &flag, "-field=k", path]), "v", "{namespace} {path}");
    }
    let mut member = User::of(&server);
    member.variables.push(("VAULT_NAMESPACE", "a/b".to_owned()));
    assert_eq!(member.run(&["kv", "get", "-field=k", "kv/x"]), "v");
    member.run_with(&["policy", "write", "own", "-"], Some("path \"kv/*\" {}"));
    assert_eq!(member.run(&["policy", "list"]), "default\nown\n");
    assert_eq!(user.run(&["policy", "list"]), "default\nroot\n");

    // One that is not there is another thing than a secret that is not.
    for arguments in [
        ["kv", "get", "-ns=none", "kv/x"].as_slice(),
        &["kv", "put", "-ns=none", "kv/x", "k=v"],
        &["read", "-ns=none", "kv/x"],
        &["list", "-ns=none", "kv"],
        &["secrets", "list", "-ns=none"],
        &["policy", "list", "-ns=none"],
    ] {
        let errors = user.refused(arguments);
        assert!(errors.contains("\n\nNamespace: none/\nURL: "), "{arguments:?}: {errors}");
        let end = "Code: 404. Errors:\n\n* namespace not found\n";
        assert!(errors.ends_with(end), "{arguments:?}: {errors}");
    }
}

#[test]
fn the_api_of_a_namespace_is_locked_and_unlocked() {
    let server = DevServer::start(&[]);
    let user = User::of(&server);
    user.run(&["namespace", "create", "a"]);
    let key = user.run(&["namespace", "lock", "-field=unlock_key", "a"]);
    assert_eq!(key.len(), 24, "{key}");
    let errors = user.refused(&["secrets", "list", "-ns=a"]);
    assert!(errors.contains("Code: 503. Errors:\n\n* API access to this namespace"), "{errors}");
    let errors = user.refused(&["namespace", "unlock", "-unlock-key=guess", "a"]);
    assert!(errors.ends_with("* incorrect unlock key\n") && !errors.contains("guess"), "{errors}");
    let done = "Success! The namespace is unlocked.\n";
    let unlock = format!("-unlock-key={key}");
    let unlocked = user.try_run(&["namespace", "unlock", &unlock, "a"], None);
    assert_eq!(unlocked, (0, done.to_owned(), String::new()));
    user.run(&["secrets", "list", "-ns=a"]);
    // Without the key, by the right to do so.
    assert!(user.run(&["namespace", "lock", "a"]).contains("unlock_key    "));
    let (status, out, errors) = user.try_run(&["namespace", "unlock", "a"], None);
    assert_eq!((status, out.as_str()), (0, done));
    assert_eq!(
        errors,
        "WARNING! The following warnings were returned from Vault:\n\n  \
         * Namespace unlocked using sudo capabilities\n"
    );
}

// --- Wrapped answers ---

#[test]
fn answers_come_wrapped_and_are_unwrapped_once() {
    let server = DevServer::start(KV_V1);
    let user = User::of(&server);
    user.run(&["kv", "put", "secret/app/db", "k=v"]);
    let table = user.run(&["kv", "get", "-wrap-ttl=90s", "secret/app/db"]);
    let wrapped = ["token:", "accessor:", "token_ttl:", "token_creation_time:"];
    for (line, name) in table.lines().skip(2).zip(wrapped) {
        assert!(line.starts_with(&format!("wrapping_{name} ")), "{table}");
    }
    assert!(table.contains("\nwrapping_token_ttl:              1m30s\n"), "{table}");
    assert!(table.ends_with("\nwrapping_token_creation_path:    secret/app/db\n"), "{table}");
    let wrap = |arguments: &[&str]| {
        user.run(&[arguments, &["-wrap-ttl=1m", "-field=wrapping_token"]].concat())
    };
    let token = wrap(&["kv", "get", "secret/app/db"]);
    assert_eq!(user.run(&["unwrap", "-field=k", &token]), "v");
    let errors = user.refused(&["unwrap", &token]);
    assert!(errors.ends_with("* wrapping token is not valid or does not exist\n"), "{errors}");
    assert!(!errors.contains(&token), "{errors}");
    // The token alone suffices: as the argument, and as the user's own.
    let token = wrap(&["token", "create", "-policy=default"]);
    let made = User::without_token(server.address).run(&["unwrap", &token]);
    assert!(made.contains("\npolicies             [\"default\"]\n"), "{made}");
    let holder = User::with_token(&server, &wrap(&["read", "secret/app/db"]));
    assert_eq!(holder.json(&["unwrap", "-format=json"])["data"], json!({"k": "v"}));
    // What the user sends, for as long as nobody says.
    let sent = user.json(&["write", "-format=json", "sys/wrapping/wrap", "k=own"]);
    assert_eq!(sent["wrap_info"]["ttl"], 300);
    let token = sent["wrap_info"]["token"].as_str().unwrap();
    let looked = user.run(&["write", "sys/wrapping/lookup", &format!("token={token}")]);
    assert!(looked.ends_with("creation_ttl     5m\n"), "{looked}");
    let again = ["write", "-field=wrapping_token", "sys/wrapping/rewrap"];
    let again = user.run(&[again.as_slice(), &[&format!("token={token}")]].concat());
    assert_eq!(user.run(&["unwrap", "-field=k", &again]), "own");
}

/// A command that makes something of an answer prints the token that it is wrapped in, and loses none.
#[test]
fn every_answer_that_is_wrapped_is_printed_as_its_token() {
    let server = DevServer::start(KV_V1);
    let user = User::of(&server);
    user.run(&["kv", "put", "secret/app/db", "k=v"]);
    user.run(&["namespace", "create", "a"]);
    let cases: [(&[&str], &str); 10] = [
        (&["list", "secret/app"], "Keys\n----\ndb\n"),
        (&["kv", "list", "secret"], "Keys\n----\napp/\n"),
        (&["policy", "list"], "Keys\n----\ndefault\nroot\n"),
        (&["namespace", "list"], "Keys\n----\na/\n"),
        (&["namespace", "scan"], "Keys\n----\na/\n"),
        (&["namespace", "lookup", "a"], "Key                Value\n"),
        (&["policy", "read", "default"], "Key "),
        (&["secrets", "list"], "Key "),
        (&["auth", "list"], "Key "),
        (&["token", "capabilities", "secret"], "Key "),
    ];
    for (arguments, want) in cases {
        let wrapped = user.run(&[arguments, &["-wrap-ttl=1m"]].concat());
        let token = wrapped.lines().find_map(|line| line.strip_prefix("wrapping_token: "));
        let token = token.unwrap_or_else(|| panic!("{arguments:?}: {wrapped}")).trim();
        let shown = user.run(&["unwrap", token]);
        assert!(shown.starts_with(want), "{arguments:?}: {shown}");
    }
}

// --- Refusals ---

#[test]
fn what_the_server_refuses_is_said_in_its_words() {
    let server = DevServer::start(KV_V1);
    let user = User::of(&server);
    user.run(&["secrets", "enable", "-path=a/b", "kv"]);
    let cases: [(&[&str], &str); 14] = [
        (&["secrets", "enable", "-path=a", "kv"], "path is already in use at a/b/"),
        (&["secrets", "enable", "nothing"], "plugin not found in the catalog: nothing"),
        (&["secrets", "disable", "sys"], "cannot unmount \"sys/\""),
        (&["secrets", "tune", "c"], "tune of path \"c/\" failed: no mount entry found"),
        (&["secrets", "move", "c", "d"], "no matching mount at \"c/\""),
        (&["secrets", "move", "a/b", "secret"], "path already in use at \"secret/\""),
        (&["auth", "enable", "nothing"], "plugin not found in the catalog: nothing"),
        (&["auth", "disable", "token"], "token credential backend cannot be disabled"),
        (&["auth", "move", "token", "x"], "cannot remount \"auth/token/\""),
        (&["policy", "delete", "default"], "cannot delete default policy"),
        (&["namespace", "create", "a/x"], "namespace name cannot contain /"),
        (&["namespace", "patch", "none"], "namespace not found"),
        (
            &["token", "capabilities", "nobody", "secret"],
            "1 error occurred:\n\t* invalid token\n\n",
        ),
        (&["unwrap", "nobody"], "wrapping token is not valid or does not exist"),
    ];
    for (arguments, want) in cases {
        let errors = user.refused(arguments);
        let end = format!("\nCode: 400. Errors:\n\n* {want}\n");
        assert!(errors.starts_with("Error ") && errors.ends_with(&end), "{arguments:?}: {errors}");
        assert!(!errors.contains("nobody"), "{errors}");
    }
    let (status, _, errors) = user.try_run(&["policy", "write", "p", "-"], Some("path \"a"));
    assert_eq!(status, 2);
    assert!(errors.contains("* failed to parse policy: line 1, column 6: "), "{errors}");
}
