//! The commands that speak to a server, as users and their scripts run them.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::process::{ConfiguredServer, DevServer, Folder, run, strongroom};
use crate::user::User;

// --- Any path ---

#[test]
fn writes_reads_lists_and_deletes() {
    let server = DevServer::start(&["-dev-kv-v1"]);
    let user = User::of(&server);
    let done = "Success! Data written to: secret/app/db\n";
    assert_eq!(user.run(&["write", "secret/app/db", "user=ann", "pin=1234"]), done);
    assert_eq!(
        user.run(&["read", "secret/app/db"]),
        "Key                 Value\n---                 -----\nrefresh_interval    768h\n\
         pin                 1234\nuser                ann\n"
    );
    assert_eq!(user.run(&["read", "-field=user", "secret/app/db"]), "ann");
    assert_eq!(user.run(&["read", "-field=user", "-format=json", "secret/app/db"]), "\"ann\"");
    let read = user.json(&["read", "-format=json", "/secret//app/db"]);
    assert_eq!(read["data"], json!({"pin": "1234", "user": "ann"}));
    assert_eq!(read["lease_duration"], 2_764_800);
    assert_eq!(read["warnings"], Value::Null);
    assert_eq!(user.run(&["list", "secret/app"]), "Keys\n----\ndb\n");
    assert_eq!(user.run(&["list", "-format=json", "secret"]), "[\n  \"app/\"\n]\n");
    let done = "Success! Data deleted (if it existed) at: secret/app/db\n";
    assert_eq!(user.run(&["delete", "secret/app/db"]), done);
    let gone = (2, String::new(), "No value found at secret/app/db\n".to_owned());
    assert_eq!(user.try_run(&["read", "secret/app/db"], None), gone);
    let none = (2, String::new(), "No value found at secret/app\n".to_owned());
    assert_eq!(user.try_run(&["list", "secret/app"], None), none);
    let none = (2, "{}\n".to_owned(), String::new());
    assert_eq!(user.try_run(&["list", "-format=json", "secret/app"], None), none);
}

#[test]
fn values_come_from_files_and_the_standard_input_and_keep_their_digits() {
    let server = DevServer::start(&["-dev-kv-v1"]);
    let user = User::of(&server);
    let text = r#"{"n":12345678901234567890.50,"list":["a",{"b":null}],"t":true,"s":"x: <y>"}"#;
    let file = user.home.write("data.json", text);
    user.run(&["write", "secret/a", &format!("@{file}")]);
    let read = user.run(&["read", "-format=json", "secret/a"]);
    assert!(read.contains("\"n\": 12345678901234567890.50,"), "{read}");
    let table = user.run(&["read", "secret/a"]);
    assert!(table.contains("list                [a map[b:<nil>]]\n"), "{table}");
    let yaml = user.run(&["read", "-format=yaml", "secret/a"]);
    assert!(yaml.contains("  \"n\": 12345678901234567890.50\n"), "{yaml}");
    user.run_with(&["write", "secret/a", "-"], Some(text));
    assert_eq!(user.run(&["read", "-format=json", "-field=data", "secret/a"]).lines().count(), 11);
    user.run_with(&["write", "secret/a", "k=-", &format!("f=@{file}")], Some("two\nlines\n"));
    assert_eq!(user.run(&["read", "-field=k", "secret/a"]), "two\nlines\n");
    assert_eq!(user.run(&["read", "-field=f", "secret/a"]), text);
    assert!(user.run(&["read", "-format=raw", "secret/a"]).starts_with("{\"request_id\":"));
}

/// What another reader of YAML finds is what a reader of JSON finds.
#[test]
fn yaml_says_what_json_says() {
    let server = DevServer::start(&["-dev-kv-v1"]);
    let user = User::of(&server);
    let text = r##"{"yes":"no","1":"1.0","a b":"# x","d":"2026-01-01","e":"1e3","h":"0x1F","o":"0o7",
        "m":"line\nline\n","n":null,"t":["true","~","-","- x",["",{}],[],{"a":{"b":[1,{"c":2}]}}],
        "q":"\"'\\\t","s":" lead","u":"\u00e9\u2028\ud83d\ude00","z":"a: b","null":"NULL","=":"<<",
        "60":"1:30","y":"on","p":"/a/b","c":"\u0001\u007f\u0085","i":-1,"big":1e100}"##;
    user.run_with(&["write", "secret/a", "-"], Some(text));
    let yaml = user.run(&["read", "-format=yaml", "secret/a"]);
    let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)['data']))";
    let mut python = Command::new("python3");
    python.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = python.spawn().unwrap();
    child.stdin.take().unwrap().write_all(yaml.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("No module named 'yaml'") {
        // Another reader is not everywhere; the writer's own table is.
        return;
    }
    let got: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{errors}{yaml}"));
    let want: Value = serde_json::from_str(text).unwrap();
    // Another program writes the same number in another way.
    assert_eq!(got["big"].as_f64(), Some(1e100));
    let plain = |mut value: Value| value.as_object_mut().unwrap().remove("big").map(|_| value);
    assert_eq!(plain(got), plain(want), "{yaml}");
}

#[test]
fn errors_go_to_the_error_stream_with_a_status_of_their_own() {
    let server = DevServer::start(&["-dev-kv-v1"]);
    let user = User::of(&server);
    let stranger = User::without_token(server.address);
    let url = format!(
        "URL: GET http://{}/v1/secret/a%20b\nCode: 403. Errors:\n\n* permission denied\n",
        server.address
    );
    let (status, out, errors) = stranger.try_run(&["read", "secret/a b"], None);
    assert_eq!((status, out.as_str()), (2, ""));
    assert_eq!(errors, format!("Error reading secret/a b: Error making API request.\n\n{url}"));
    let cases: [(&[&str], i32, &str); 12] = [
        (&["read"], 1, "Not enough arguments"),
        (&["list", "a", "b"], 1, "Too many arguments (expected 1, got 2)"),
        (&["read", "-colour=red", "a"], 1, "flag provided but not defined: -colour"),
        (&["read", "-format=xml", "a"], 1, "Invalid output format"),
        (&["list", "-format=raw", "a"], 1, "only \"read\" has -format=raw"),
        (&["write", "secret/a"], 1, "Must supply data or use -force"),
        (&["write", "secret/a", "hunter2"], 1, "argument 1 of the data"),
        (&["read", "-address=localhost", "a"], 1, "must begin with http://"),
        (&["read", "-header=x-vault-token=a", "a"], 1, "-header cannot set"),
        (&["read", "-address=http://127.0.0.1:1", "a"], 2, "connection refused"),
        (
            &["read", "-ca-cert=/nowhere", "-address=https://127.0.0.1:1", "a"],
            1,
            "/nowhere cannot be read",
        ),
        (&["kv", "fetch"], 1, "unknown command \"fetch\""),
    ];
    for (arguments, want, message) in cases {
        let (status, out, errors) = user.try_run(arguments, None);
        assert_eq!((status, out.as_str()), (want, ""), "{arguments:?}: {errors}");
        assert!(errors.contains(message), "{arguments:?}: {errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
    user.run(&["write", "secret/a", "k=v"]);
    let (status, _, errors) = user.try_run(&["read", "-field=x", "secret/a"], None);
    assert_eq!((status, errors.as_str()), (1, "Field \"x\" not present in secret\n"));
}

#[test]
fn flags_and_variables_say_where_the_server_is() {
    let server = DevServer::start(&["-dev-kv-v1"]);
    let mut user = User::of(&server);
    let address = format!("http://{}", server.address);
    user.run(&["write", "secret/a", "k=v"]);
    user.variables = vec![
        ("VAULT_ADDR", "http://127.0.0.1:1".to_owned()),
        ("VAULT_TOKEN", "nobody".to_owned()),
        ("BAO_TOKEN", server.root_token.clone()),
        ("VAULT_FORMAT", "json".to_owned()),
    ];
    let flag = format!("-address={address}");
    let read = user.run(&["read", "-field=k", &flag, "secret/a"]);
    assert_eq!(read, "\"v\"");
    // Before the command, and behind its arguments.
    assert_eq!(user.run(&["--address", &address, "read", "-field=k", "secret/a"]), "\"v\"");
    assert_eq!(user.run(&["read", "secret/a", "-field", "k", &flag, "-format=table"]), "v");
    user.variables.push(("BAO_ADDR", address));
    assert_eq!(user.run(&["read", "-field=k", "secret/a"]), "\"v\"");
    assert_eq!(user.run(&["print", "token"]), format!("{}\n", server.root_token));
}

#[test]
fn shows_the_line_for_curl_instead_of_sending() {
    let server = DevServer::start(&["-dev-kv-v1"]);
    let user = User::of(&server);
    let line = user.run(&["write", "-output-curl-string", "-ns=a", "secret/a b", "k=it's"]);
    let want = format!(
        "curl -X PUT -H 'X-Vault-Request: true' -H \"X-Vault-Token: $(strongroom print token)\" \
         -H 'X-Vault-Namespace: a/' -d '{{\"k\":\"it'\\''s\"}}' http://{}/v1/secret/a%20b\n",
        server.address
    );
    assert_eq!(line, want);
    assert_eq!(user.try_run(&["read", "secret/a b"], None).0, 2);
}

// --- The KV engine ---

#[test]
fn keys_are_written_read_listed_and_deleted() {
    let server = DevServer::start(&["-dev-kv-v1"]);
    let user = User::of(&server);
    let done = "Success! Data written to: secret/app/db\n";
    assert_eq!(user.run(&["kv", "put", "secret/app/db", "user=ann", "pin=1"]), done);
    let table = "==== Data ====\nKey     Value\n---     -----\npin     1\nuser    ann\n";
    assert_eq!(user.run(&["kv", "get", "secret/app/db"]), table);
    assert_eq!(user.run(&["kv", "get", "-mount=secret", "app/db"]), table);
    assert_eq!(user.run(&["kv", "get", "-field=user", "secret/app/db"]), "ann");
    let read = user.json(&["kv", "get", "-format=json", "secret/app/db"]);
    assert_eq!(read["data"]["user"], "ann");
    assert_eq!(user.run(&["kv", "list", "secret/app"]), "Keys\n----\ndb\n");
    assert_eq!(user.run(&["kv", "list", "-mount=secret"]), "Keys\n----\napp/\n");
    let (status, _, errors) =
        user.try_run(&["kv", "rollback", "-version=1", "secret/app/db"], None);
    assert_eq!((status, errors.as_str()), (1, "Rollback not supported on KV Version 1\n"));
    let done = "Success! Data deleted (if it existed) at: secret/app/db\n";
    assert_eq!(user.run(&["kv", "delete", "secret/app/db"]), done);
    let gone = (2, String::new(), "No value found at secret/app/db\n".to_owned());
    assert_eq!(user.try_run(&["kv", "get", "secret/app/db"], None), gone);
}

// --- Tokens ---

#[test]
fn a_login_keeps_the_token_for_its_owner() {
    let server = DevServer::start(&[]);
    let user = User::without_token(server.address);
    let root = server.root_token.as_str();
    let (status, out, errors) = user.try_run(&["login", root], None);
    assert_eq!(status, 0, "{errors}");
    assert!(out.contains(&format!("token                {root}\n")), "{out}");
    assert!(out.contains("token_policies       [\"root\"]\n"), "{out}");
    assert!(out.contains("token_duration       \u{221e}\n"), "{out}");
    let path = user.home.path().join(".vault-token");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), root);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(user.run(&["token", "lookup", "-field=id"]), root);
    std::fs::remove_file(&path).unwrap();
    let only = |arguments: &[&str], input| {
        let shown = user.run_with(arguments, input);
        assert!(!path.exists(), "{arguments:?}");
        shown
    };
    assert_eq!(only(&["login", "-token-only", root], None), root);
    assert_eq!(only(&["login", "-no-store", "-field=token", root], None), root);
    // From a pipe: as a value, and as the answer to the question.
    assert_eq!(only(&["login", "-token-only", "-"], Some(root)), root);
    assert_eq!(only(&["login", "-token-only"], Some(&format!("{root}\n"))), root);
    assert_eq!(user.run(&["login", "-no-print", root]), "");
    assert!(path.exists());
    let (status, _, errors) = user.try_run(&["login", "s.nobody"], None);
    assert_eq!(status, 2);
    assert!(errors.contains("Code: 403. Errors:\n\n* permission denied"), "{errors}");
    assert!(!errors.contains("s.nobody"), "{errors}");
    let (status, _, errors) = user.try_run(&["login", "-non-interactive"], None);
    assert_eq!(status, 1, "{errors}");
    let (status, _, errors) =
        user.try_run(&["login", "-method=userpass", "username=ann", "password=pw"], None);
    assert_eq!(status, 2);
    assert!(errors.contains("/v1/auth/userpass/login/ann\nCode: "), "{errors}");
}

#[test]
fn tokens_are_made_looked_up_and_revoked() {
    let server = DevServer::start(&[]);
    let user = User::of(&server);
    let made = user.json(&[
        "token",
        "create",
        "-format=json",
        "-policy=a,b",
        "-ttl=1h",
        "-display-name=x",
        "-metadata=k=v",
    ]);
    let token = made["auth"]["client_token"].as_str().unwrap();
    assert_eq!(made["auth"]["policies"], json!(["a", "b", "default"]));
    assert_eq!(made["auth"]["metadata"], json!({"k": "v"}));
    let shown = user.run(&["token", "lookup", token]);
    assert!(shown.contains("creation_ttl        1h\n"), "{shown}");
    assert!(shown.contains("meta                map[k:v]\n"), "{shown}");
    assert!(shown.contains("policies            [a b default]\n"), "{shown}");
    assert_eq!(user.run(&["token", "create", "-field=token_duration", "-ttl=90s"]), "90");
    assert_eq!(user.run(&["token", "revoke", token]), "Success! Revoked token (if it existed)\n");
    let (status, _, errors) = user.try_run(&["token", "lookup", token], None);
    assert_eq!(status, 2);
    assert!(errors.contains("* bad token") && !errors.contains(token), "{errors}");
    assert_eq!(user.try_run(&["token", "revoke"], None).0, 1);
}

// --- The server itself ---

#[test]
fn a_server_is_initialised_opened_sealed_and_gets_a_new_root_token() {
    let folder = Folder::new();
    let data = folder.path().join("data");
    let server = ConfiguredServer::start(&json!({
        "storage": {"file": {"path": data}},
        "listener": {"tcp": {"address": "127.0.0.1:0", "tls_disable": true}},
    }));
    let mut user = User::without_token(server.address());
    assert_eq!(user.try_run(&["status"], None).0, 2);
    assert_eq!(user.try_run(&["operator", "init", "-status"], None).0, 2);
    let made = user.json(&["operator", "init", "-format=json", "-key-shares=3", "-t", "2"]);
    assert_eq!(made["unseal_shares"], 3);
    assert_eq!(made["unseal_threshold"], 2);
    assert_eq!(made["recovery_keys_b64"], json!([]));
    assert_eq!(made["unseal_keys_hex"].as_array().unwrap().len(), 3);
    assert_eq!(user.run(&["operator", "init", "-status"]), "Vault is initialized\n");
    let key = |at: usize| made["unseal_keys_b64"][at].as_str().unwrap().to_owned();
    let (status, shown, _) = user.try_run(&["status"], None);
    assert_eq!(status, 2);
    assert!(
        shown.starts_with(
            "Key                Value\n---                -----\nSeal Type          shamir\n"
        ),
        "{shown}"
    );
    let sealed = user.run(&["operator", "unseal", &key(0)]);
    assert!(sealed.contains("Unseal Progress    1/2\n"), "{sealed}");
    let reset = user.run(&["operator", "unseal", "-reset"]);
    assert!(reset.contains("Unseal Progress    0/2\n"), "{reset}");
    user.run(&["operator", "unseal", &key(0)]);
    // From a pipe, where nobody can be asked.
    let open = user.run_with(&["operator", "unseal"], Some(&format!("{}\n", key(1))));
    assert!(open.contains("Sealed          false\n"), "{open}");
    let status = user.json(&["status", "-format=json"]);
    assert_eq!(status["sealed"], false);
    assert_eq!(status["ha_enabled"], false);
    assert_eq!((&status["t"], &status["n"]), (&json!(2), &json!(3)));

    user.variables.push(("VAULT_TOKEN", made["root_token"].as_str().unwrap().to_owned()));
    let rotated = user.run(&["operator", "rotate"]);
    assert!(rotated.starts_with("Success! Rotated key\n\nKey Term            2\n"), "{rotated}");
    assert_eq!(user.json(&["operator", "key-status", "-format=json"])["term"], 2);
    let token = new_root_token(&user, &key);
    user.variables.last_mut().unwrap().1 = token;
    assert_eq!(user.run(&["token", "lookup", "-field=policies"]), "[root]");
    assert_eq!(user.run(&["operator", "seal"]), "Success! Vault is sealed.\n");
    assert_eq!(user.try_run(&["status"], None).0, 2);
    let (status, _, errors) = user.try_run(&["read", "secret/a"], None);
    assert_eq!(status, 2);
    assert!(errors.contains("Code: 503. Errors:\n\n* Vault is sealed"), "{errors}");
}

fn new_root_token(user: &User, key: &dyn Fn(usize) -> String) -> String {
    let generate = |arguments: &[&str]| {
        let mut all = vec!["operator", "generate-root", "-format=json"];
        all.extend(arguments);
        user.json(&all)
    };
    assert_eq!(generate(&["-status"])["started"], false);
    let (status, _, errors) = user.try_run(&["operator", "generate-root", &key(0)], None);
    assert_eq!(status, 1);
    assert!(errors.contains("No root generation is in progress"), "{errors}");
    let otp = user.run(&["operator", "generate-root", "-generate-otp"]);
    let begun = generate(&["-init", &format!("-otp={otp}")]);
    let nonce = format!("-nonce={}", begun["nonce"].as_str().unwrap());
    let (status, _, errors) = user.try_run(&["operator", "generate-root", &key(0)], None);
    assert_eq!(
        (status, errors.as_str()),
        (1, "Missing nonce value: specify it via the -nonce flag\n")
    );
    let shown = user.run(&["operator", "generate-root", &nonce, &key(0)]);
    assert!(shown.contains("\nProgress    1/2\n"), "{shown}");
    let done = generate(&[&nonce, &key(2)]);
    assert_eq!(done["complete"], true);
    let encoded = format!("-decode={}", done["encoded_token"].as_str().unwrap());
    let otp = format!("-otp={otp}");
    // Decoding needs no server.
    let elsewhere = User::without_token("127.0.0.1:1");
    elsewhere.run(&["operator", "generate-root", &encoded, &otp])
}

#[test]
fn new_shares_are_made_by_the_old() {
    let server = DevServer::start(&[]);
    let user = User::of(&server);
    let behind = |mark: &str| {
        let line = server.greeting.iter().find_map(|line| line.split_once(mark)).unwrap();
        line.1.to_owned()
    };
    let key = behind("Unseal Key: ");
    let begun = user.json(&["operator", "rekey", "-init", "-n=3", "-t=2", "-format=json"]);
    let nonce = format!("-nonce={}", begun["nonce"].as_str().unwrap());
    let status = user.run(&["operator", "rekey", "-status"]);
    assert!(status.contains("Rekey Progress           0/1\n"), "{status}");
    let made = user.run(&["operator", "rekey", &nonce, &key]);
    assert!(made.contains("Key 3: "), "{made}");
    user.run(&["operator", "seal"]);
    for number in 1..=2 {
        let mark = format!("Key {number}: ");
        let new = made.lines().find_map(|line| line.strip_prefix(&mark)).unwrap();
        user.run(&["operator", "unseal", new]);
    }
    assert_eq!(user.try_run(&["status"], None).0, 0);
}

// --- The program ---

#[test]
fn goes_by_the_name_of_its_link() {
    let home = Folder::new();
    for (name, product) in [("vault", "Vault"), ("bao", "OpenBao")] {
        let path = home.path().join(name);
        std::os::unix::fs::symlink(strongroom(), &path).unwrap();
        let output = Command::new(&path).arg("version").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(&format!("{product} v2.6.2+strongroom.")), "{text}");
        let output = Command::new(&path).args(["kv", "get", "-help"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(&format!("Usage: {name} kv get [flags] KEY\n")), "{text}");
    }
}

#[test]
fn help_is_told_to_whoever_asks_and_to_whoever_is_wrong() {
    for arguments in
        [["-help"].as_slice(), &["kv", "-help"], &["read", "-h"], &["read", "a", "--help"]]
    {
        let output = run(arguments);
        assert!(output.status.success(), "{arguments:?}");
        assert!(output.stdout.starts_with(b"Usage: strongroom "), "{arguments:?}");
    }
    let output = run(&["kv"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("Usage: strongroom kv <command>") && text.contains("metadata"), "{text}");
}

#[test]
fn the_script_for_bash_completes_words_and_flags() {
    let home = Folder::new();
    let script = run(&["completion", "bash"]).stdout;
    let script = home.write("completion.bash", std::str::from_utf8(&script).unwrap());
    assert!(Command::new("bash").args(["-n", &script]).status().unwrap().success());
    let complete = |words: &str| {
        let line = format!(
            "source '{script}'; COMP_WORDS=({words} ''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             COMP_WORDS[COMP_CWORD]=$0; _strongroom; echo \"${{COMPREPLY[*]}}\""
        );
        move |begun: &str| {
            let output = Command::new("bash").args(["-c", &line, begun]).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
        }
    };
    assert_eq!(complete("strongroom")("se"), "secrets server");
    assert_eq!(complete("strongroom kv")("met"), "metadata");
    assert_eq!(complete("strongroom -format=json kv metadata")("p"), "patch put");
    assert_eq!(complete("strongroom kv get")("-fi"), "-field");
    assert_eq!(complete("strongroom kv get secret/a")("-for"), "-format");
    assert_eq!(complete("strongroom read")("x"), "");
    for shell in ["zsh", "fish"] {
        let output = run(&["completion", shell]);
        assert!(output.status.success() && !output.stdout.is_empty(), "{shell}");
    }
    assert_eq!(run(&["completion", "csh"]).status.code(), Some(1));
    assert!(Path::new(&script).exists());
}

/// The README's sessions, by the shell that they are written for.
#[test]
fn the_sessions_of_the_readme_go_as_printed() {
    let readme = include_str!("../README.md");
    let chapter = readme.split_once("## From the command line").unwrap().1;
    let chapter = chapter.split_once("\n## ").unwrap().0;
    let sessions = chapter.split("```console\n").skip(1);
    let sessions = sessions.map(|session| session.split_once("```").unwrap().0);
    let server = DevServer::start(&["-dev-root-token-id=root"]);
    let home = Folder::new();
    std::os::unix::fs::symlink(strongroom(), home.path().join("strongroom")).unwrap();
    let path = format!("{}:{}", home.path().display(), std::env::var("PATH").unwrap());
    let (mut before, mut lines) = (String::new(), 0);
    for step in sessions.flat_map(|session| session.split("$ ").skip(1)) {
        let (line, printed) = step.split_once('\n').unwrap();
        if line.starts_with("export ") {
            before += &line.replace("127.0.0.1:8200", &server.address.to_string());
            before += "; ";
            continue;
        }
        // A terminal shows both streams.
        let line = format!("{before}{{ {line}; }} 2>&1");
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).env("PATH", &path).env("HOME", home.path());
        for name in ["TOKEN", "ADDR", "NAMESPACE", "FORMAT"] {
            shell.env_remove(format!("VAULT_{name}")).env_remove(format!("BAO_{name}"));
        }
        let output = shell.output().unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        assert_eq!(shown.trim_end(), printed.trim_end(), "{line}");
        lines += 1;
    }
    assert_eq!(lines, 17, "every line is understood");
}

/// At a terminal: nothing that is typed is shown, and an interrupt leaves the terminal as it was.
#[test]
fn what_is_typed_at_a_terminal_is_hidden() {
    const SCRIPT: &str = "
import os, pty, sys, termios, time
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:-1])
def shows():
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
while shows():
    time.sleep(0.01)
os.write(terminal, bytes.fromhex(sys.argv[-1]))
shown = b''
try:
    while chunk := os.read(terminal, 4096):
        shown += chunk
except OSError:
    pass
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode())
";
    let server = DevServer::start(&["-dev-root-token-id=root"]);
    let home = Folder::new();
    // A letter too many is taken back; an interrupt ends it.
    for (typed, want) in [("726f6f78 7f 74 0d", "0 "), ("726f6f 03", "1 ")] {
        let mut python = Command::new("python3");
        python.args(["-c", SCRIPT]).arg(strongroom()).args(["login", "-token-only"]);
        python.arg(format!("-address=http://{}", server.address)).arg(typed);
        let output = python.env("HOME", home.path()).env_remove("VAULT_TOKEN").output().unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(shown.starts_with(want), "{shown}{errors}");
        assert!(shown.contains("Token (will be hidden): \r\n"), "{shown:?}");
        // The command prints the token itself, once.
        assert_eq!(shown.contains("canceled"), want == "1 ", "{shown}");
        assert_eq!(shown.matches("roo").count(), usize::from(want == "0 "), "{shown}");
    }
}
