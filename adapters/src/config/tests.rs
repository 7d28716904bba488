//! Whole configurations: what they come to, and what is wrong with them.

use super::*;

fn read(files: &[&str]) -> Result<Config, ConfigError> {
    let sources = files.iter().enumerate();
    let sources = sources.map(|(at, text)| Source::parse(&format!("{at}.json"), text.as_bytes()));
    Config::from_sources(&sources.collect::<Result<Vec<_>, _>>()?)
}

fn addresses(config: &Config) -> Vec<String> {
    let address = |listener: &Listener| match &listener.place {
        Place::Tcp(address) => address.clone(),
        Place::Unix(place) => place.path.display().to_string(),
    };
    config.listeners.iter().map(address).collect()
}

#[test]
fn reads_the_configuration_of_a_common_client() {
    // As hvac writes it for its own tests.
    let config = read(&[r#"{
        "backend": {"file": {"path": "/tmp/data"}},
        "listener": {"tcp": {"address": "127.0.0.1:8211", "tls_disable": "true"}},
        "disable_mlock": true, "default_lease_ttl": "768h", "max_lease_ttl": "768h",
        "ui": false, "log_level": "Trace", "api_addr": "http://127.0.0.1:8211"
    }"#])
    .unwrap();
    assert_eq!(config.storage, Some(Storage::File { path: "/tmp/data".into() }));
    assert_eq!(addresses(&config), ["127.0.0.1:8211"]);
    assert_eq!(config.warnings.lines(), [""; 0]);
    let ttl = Duration::from_secs(768 * 3600);
    assert_eq!(config.lease_ttls(), (ttl, ttl));
}

/// The forms of configurations that clients and tools bring along, and what is alike in all of them.
#[test]
fn reads_every_form_that_is_seen() {
    const CASES: &[&str] = &[
        // As the documentation has it.
        "storage \"file\" {\n  path = \"d\"\n}\nlistener \"tcp\" {\n  address = \"a:1\"\n  tls_disable = 1\n}",
        // Names in quotes.
        "\"backend\" \"file\" { \"path\" = \"d\" }\n\"listener\" \"tcp\" { \"address\" = \"a:1\" \
         \"tls_disable\" = \"true\" }",
        // Comments, lines of another system, keys that only others need.
        "// a\r\n# b\r\nstorage \"file\" { path = \"d\" } /* c */\r\nlistener \"tcp\" {\r\naddress = \
         \"a:1\"\r\ncluster_address = \"a:2\"\r\ntls_disable = true }\r\ndisable_mlock = true\r\nui = true\r\n\
         api_addr = \"http://a:1\"\r\nplugin_directory = \"p\"\r\nplugin_auto_download = true\r\n\
         plugin_auto_register = true\r\nplugin \"auth\" \"aws\" {}\r\nlog_level = \"Info\"\r\n\
         unsafe_allow_api_audit_creation = true\r\ndisable_unauthed_rekey_endpoints = false",
        // Blocks with an equals sign, and in lists.
        "storage = { file = { path = \"d\" } }, listener = [{ tcp = { address = \"a:1\", tls_disable = \
         true } }],",
        "backend = [{ \"file\" = [{ \"path\" = \"d\" }] }]\nlistener tcp { address = \"a:1\" tls_disable = \
         \"1\" }",
        // JSON: objects, arrays, and names that repeat.
        r#"{"storage":{"file":{"path":"d"}},"listener":{"tcp":{"address":"a:1","tls_disable":1}}}"#,
        r#"{"storage":[{"file":{"path":"d"}}],"listener":[{"tcp":{"address":"a:1","tls_disable":"1"}}]}"#,
        r#"{"backend":{"file":{"path":"d"}},"listener":{},"listener":{"tcp":[{"address":"a:1",
            "tls_disable":true}]},"plugin":{"auth":{"aws":{}}},"disable_mlock":true}"#,
    ];
    for text in CASES {
        let config = read(&[text]).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(config.storage, Some(Storage::File { path: "d".into() }), "{text}");
        assert_eq!(addresses(&config), ["a:1"], "{text}");
        assert!(config.listeners.iter().all(|listener| listener.tls.is_none()), "{text}");
        assert_eq!(config.warnings.lines(), [""; 0], "{text}");
    }
    // Several listeners, at the addresses that are given and at the usual one.
    let several = "listener \"tcp\"\n{\n  tls_disable = true\n}\nlistener \"tcp\" { address = \
                   \"[::]:8200\" tls_disable = true }\nlistener \"unix\" { address = \"s\" }";
    let config = read(&[several]).unwrap();
    assert_eq!(addresses(&config), [DEFAULT_ADDRESS, "[::]:8200", "s"]);
    assert_eq!(
        read(&["listener \"tcp\"\n{\n}\n"]).unwrap_err().place,
        "0.json: listener.tcp.tls_cert_file"
    );
}

#[test]
fn reads_what_the_process_is_told() {
    let config = read(&[
        "pid_file = \"a/b.pid\" log_level = \"WARN\" log_format = \"Json\" log_requests_level = \"Off\"",
        "log_level = \" err \" log_format = \"\" pid_file = \"\"",
    ])
    .unwrap();
    assert_eq!(config.pid_file, Some("a/b.pid".into()));
    assert_eq!((config.log_level, config.log_format), (Some(Level::Error), Some(Format::Json)));
    assert_eq!(config.warnings.lines(), [""; 0]);
    let config = read(&["log_requests_level = \"debug\""]).unwrap();
    assert_eq!(config.warnings.lines(), ["0.json: log_requests_level has no effect in this build"]);
    assert_eq!((config.pid_file, config.log_level, config.log_format), (None, None, None));
}

#[test]
fn reads_a_socket_in_the_file_system() {
    let config = read(&["listener \"unix\" { address = \"/run/s.sock\" socket_mode = 0660 \
        socket_user = 1000 socket_group = \"vault\" max_request_size = 100 }
        listener \"unix\" { address = \"b\" socket_mode = \"600\" }"])
    .unwrap();
    let places: Vec<&Place> = config.listeners.iter().map(|listener| &listener.place).collect();
    let first = UnixPlace {
        path: "/run/s.sock".into(),
        mode: Some(0o660),
        user: Some("1000".to_owned()),
        group: Some("vault".to_owned()),
    };
    let second = UnixPlace { path: "b".into(), mode: Some(0o600), ..UnixPlace::default() };
    assert_eq!(places, [&Place::Unix(first), &Place::Unix(second)]);
    let sizes = config.listeners.iter().map(|listener| listener.limits.body_bytes_max);
    assert_eq!(sizes.collect::<Vec<_>>(), [100, limit::BODY_BYTES_MAX]);
}

#[test]
fn reads_storage_in_every_form() {
    let file = || Some(Storage::File { path: "d".into() });
    let cases = [
        (r#"{"storage":{"inmem":{}}}"#, Some(Storage::Inmem)),
        (r#"{"storage":[{"inmem":{}}]}"#, Some(Storage::Inmem)),
        (r#"{"backend":{"inmem":[{}]}}"#, Some(Storage::Inmem)),
        (r#"{"storage":{"file":{"path":"d"}}}"#, file()),
        (r#"{"storage":[{"FILE":[{"Path":"d"}]}]}"#, file()),
        (
            r#"{"storage":{"raft":{"path":"d","node_id":"a"}}}"#,
            Some(Storage::Raft { path: "d".into() }),
        ),
        (r#"{"plugin_directory":"d"}"#, None),
    ];
    for (json, storage) in cases {
        let config = read(&[json]).unwrap();
        assert_eq!(config.storage, storage, "{json}");
        assert_eq!(config.warnings.lines(), [""; 0], "{json}");
    }
}

#[test]
fn reads_what_a_listener_says() {
    let config = read(&[r#"{"listener": [{"tcp": {
        "address": "0.0.0.0:1", "tls_disable": 1, "max_request_size": "1MiB",
        "max_request_duration": "5s", "max_request_json_memory": 1000,
        "max_request_json_strings": "-1", "require_request_header": "true",
        "http_idle_timeout": 7, "http_read_header_timeout": "8s", "http_read_timeout": "9s",
        "http_write_timeout": "10", "cluster_address": "0.0.0.0:2"
    }}, {"tcp": {"tls_disable": true}}]}"#])
    .unwrap();
    assert_eq!(addresses(&config), ["0.0.0.0:1", DEFAULT_ADDRESS]);
    let [listener, plain] = config.listeners.as_slice() else { panic!("two listeners") };
    let seconds = Duration::from_secs;
    assert_eq!(listener.limits.body_bytes_max, 1024 * 1024);
    assert_eq!(listener.limits.idle_time_max, seconds(7));
    assert_eq!(listener.limits.head_time_max, seconds(8));
    assert_eq!(listener.limits.body_silence_max, seconds(9));
    assert_eq!(listener.limits.write_silence_max, seconds(10));
    assert_eq!(listener.rules.json.memory_max, Some(1000));
    assert_eq!(listener.rules.json.strings_max, None);
    assert!(listener.rules.requires_request_header);
    assert_eq!(listener.rules.time_max, seconds(5));
    // What is not said stays as it is.
    assert_eq!(plain.limits.body_bytes_max, limit::BODY_BYTES_MAX);
    assert_eq!(plain.rules.json.strings_max, Some(limit::JSON_STRINGS_MAX));
    assert!(!plain.rules.requires_request_header);
    assert_eq!(plain.rules.time_max, limit::REQUEST_TIME_MAX);
}

#[test]
fn takes_several_files_for_one_configuration() {
    let listener =
        |port: u16| format!(r#"{{"tcp":{{"address":"127.0.0.1:{port}","tls_disable":true}}}}"#);
    let first = format!(
        r#"{{"storage":{{"inmem":{{}}}},"cluster_name":"a","default_lease_ttl":"1000h","listener":{}}}"#,
        listener(1)
    );
    let second = format!(
        r#"{{"storage":{{"file":{{"path":"d"}}}},"max_lease_ttl":"2000h",
            "default_max_request_duration":"3s","listener":[{},{}]}}"#,
        listener(2),
        listener(3)
    );
    // The first alone names a default above the maximum of those who name none.
    assert!(read(&[&first]).is_err());
    let config = read(&[&first, &second]).unwrap();
    assert_eq!(config.storage, Some(Storage::File { path: "d".into() }));
    assert_eq!(config.cluster_name.as_deref(), Some("a"));
    assert_eq!(addresses(&config), ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"]);
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    assert_eq!(config.lease_ttls(), (hours(1000), hours(2000)));
    // A setting holds for the listeners of earlier files too.
    for listener in &config.listeners {
        assert_eq!(listener.rules.time_max, Duration::from_secs(3));
    }
    // A short maximum shortens the default that nobody set.
    let short = read(&[r#"{"max_lease_ttl":"1h"}"#]).unwrap();
    assert_eq!(short.lease_ttls(), (hours(1), hours(1)));
}

#[test]
fn warns_of_what_has_no_effect() {
    let config = read(&[r#"{
        "unheard_of": 1, "telemetry": {"canary": "canary"}, "pid_file": "",
        "storage": {"raft": {"path": "d", "retry_join": [{"leader_api_addr": "canary"}]}},
        "listener": {"tcp": {"tls_disable": true, "x_forwarded_for_hop_skips": 1, "odd": "canary",
            "custom_response_headers": {"default": {"X-Vault-A": ["canary"], "X-B": [""]}}}}
    }"#])
    .unwrap();
    let warnings = [
        "0.json: unheard_of is not known and has no effect",
        "0.json: telemetry has no effect in this build",
        "0.json: storage.raft.retry_join has no effect in this build",
        "0.json: listener.tcp.x_forwarded_for_hop_skips has no effect in this build",
        "0.json: listener.tcp.odd is not known and has no effect",
        "0.json: listener.tcp.custom_response_headers.default.X-Vault-A has no effect: names that \
         begin with X-Vault- are the server's own",
    ];
    assert_eq!(config.warnings.lines(), warnings);

    let many: Vec<String> = (0..60).map(|at| format!("\"k{at}\":1")).collect();
    let lines = read(&[&format!("{{{}}}", many.join(","))]).unwrap().warnings.lines();
    assert_eq!(lines.len(), WARNINGS_MAX + 1);
    assert_eq!(lines.last().map(String::as_str), Some("10 more warnings"));
}

#[test]
fn says_what_is_wrong_and_what_to_do() {
    for (json, place, problem) in wrong::CASES {
        let error = read(&[json]).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.starts_with(&format!("0.json: {place}: ")), "{json}: {error}");
        assert!(error.contains(problem), "{json}: {error}");
        assert!(!error.contains("canary"), "{json}: {error}");
    }
}

mod wrong {
    /// A configuration, the place of its fault, and a part of what is said of it.
    pub(super) const CASES: &[(&str, &str, &str)] = &[
        (r#"{"storage":"canary"}"#, "storage", "must be a block"),
        (r#"{"storage":{"consul":{"token":"canary"}}}"#, "storage.consul", "use \"file\""),
        (r#"{"storage":{"inmem":{},"file":{}}}"#, "storage", "a server has one"),
        (r#"{"storage":{"inmem":{}},"backend":{"inmem":{}}}"#, "storage", "a server has one"),
        (r#"{"storage":{"file":{}}}"#, "storage.file.path", "name the folder"),
        (r#"{"storage":{"raft":{"path":""}}}"#, "storage.raft.path", "name the folder"),
        (r#"{"listener":{"tcp":{}}}"#, "listener.tcp.tls_cert_file", "\"tls_disable\": true,"),
        ("listener tcp { tls_disable = 0 }", "listener.tcp.tls_cert_file", "tls_disable = true"),
        (
            r#"{"listener":[{"tcp":{"tls_disable":1}},{"tcp":{"tls_disable":0}}]}"#,
            "listener[1].tcp.tls_cert_file",
            "is missing, and so is tls_key_file",
        ),
        (r#"{"listener":{"tcp":{"tls_disable":"canary"}}}"#, "listener.tcp.tls_disable", "true or"),
        ("listener \"unix\" {}", "listener.unix.address", "address = \"strongroom.sock\""),
        (
            "listener \"unix\" { address = \"canary\" socket_mode = \"rw-canary\" }",
            "listener.unix.socket_mode",
            "octal digits, such as \"0660\"",
        ),
        (
            "listener \"unix\" { address = \"a\" socket_mode = 10000 }",
            "listener.unix.socket_mode",
            "octal",
        ),
        (r#"{"listener":{"pipe":{}}}"#, "listener.pipe", "\"tcp\" and \"unix\""),
        ("log_level = \"canary\"", "log_level", "one of trace, debug, info, warn and error"),
        ("log_requests_level = \"canary\"", "log_requests_level", "one of trace"),
        ("log_format = \"canary\"", "log_format", "one of standard and json"),
        ("pid_file = [\"canary\"]", "pid_file", "must be a text"),
        ("seal \"transit\" {\n  token = \"canary\"\n}", "seal.transit", "take the block out"),
        ("audit \"file\" \"canary\" {}", "audit", "take the block out"),
        (
            r#"{"listener":{"tcp":{"tls_disable":1,"address":"{{ GetCanary }}:1"}}}"#,
            "listener.tcp.address",
            "write the address",
        ),
        (
            r#"{"listener":{"tcp":{"tls_disable":1,"max_request_size":-1}}}"#,
            "listener.tcp.max_request_size",
            "from 1 to 1073741824 bytes",
        ),
        (
            r#"{"listener":{"tcp":{"tls_disable":1,"max_request_size":"2GiB"}}}"#,
            "listener.tcp.max_request_size",
            "from 1 to 1073741824 bytes",
        ),
        (
            r#"{"listener":{"tcp":{"tls_disable":1,"max_request_duration":"-5s"}}}"#,
            "listener.tcp.max_request_duration",
            "not negative",
        ),
        (
            r#"{"listener":{"tcp":{"tls_disable":1,"http_idle_timeout":"canary"}}}"#,
            "listener.tcp.http_idle_timeout",
            "must be a time",
        ),
        (
            r#"{"listener":{"tcp":{"tls_disable":1,"custom_response_headers":{"6xx":{}}}}}"#,
            "listener.tcp.custom_response_headers.6xx",
            "a class such as \"4xx\"",
        ),
        (
            r#"{"listener":{"tcp":{"tls_disable":1,"custom_response_headers":
                {"200":{"X-A":["canary\nX-B: canary"]}}}}}"#,
            "listener.tcp.custom_response_headers.200.X-A",
            "visible ASCII",
        ),
        (
            r#"{"listener":{"tcp":{"tls_disable":1,"custom_response_headers":
                {"default":{"Content-Length":["0"]}}}}}"#,
            "listener.tcp.custom_response_headers.default.Content-Length",
            "how an answer is framed",
        ),
        (r#"{"seal":{"transit":{"token":"canary"}}}"#, "seal.transit", "take the block out"),
        (r#"{"audit":{"file":{"main":{}},"x":1}}"#, "audit", "take the block out"),
        (r#"{"audit":[{"syslog":{"s":{}}}]}"#, "audit", "take the block out"),
        (r#"{"default_lease_ttl":"2d","max_lease_ttl":"1d"}"#, "default_lease_ttl", "longer than"),
        (r#"{"default_lease_ttl":{"canary":1}}"#, "default_lease_ttl", "must be a time"),
        (r#"{"cluster_name":["canary"]}"#, "cluster_name", "must be a text"),
    ];
}

#[test]
fn a_shamir_seal_and_one_that_is_off_are_no_matter() {
    for json in [r#"{"seal":{"shamir":{}}}"#, r#"{"seal":{"transit":{"disabled":"true"}}}"#] {
        assert_eq!(read(&[json]).map(|config| config.warnings.lines()), Ok(Vec::new()), "{json}");
    }
}

#[test]
fn no_table_names_a_key_twice() {
    let mut names: Vec<&str> = KEYS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
