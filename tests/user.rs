//! Somebody who runs commands against a server.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::process::{DevServer, Folder, command};

/// Somebody at a terminal of their own, with a server's address and a token.
pub(crate) struct User {
    pub(crate) home: Folder,
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl User {
    pub(crate) fn of(server: &DevServer) -> Self {
        Self::with_token(server, &server.root_token)
    }

    pub(crate) fn with_token(server: &DevServer, token: &str) -> Self {
        let mut user = Self::without_token(server.address);
        user.variables.push(("VAULT_TOKEN", token.to_owned()));
        user
    }

    pub(crate) fn without_token(address: impl std::fmt::Display) -> Self {
        let variables = vec![("VAULT_ADDR", format!("http://{address}"))];
        Self { home: Folder::new(), variables }
    }

    fn output(&self, arguments: &[&str], input: Option<&str>) -> Output {
        let mut command = command(&self.home, arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        if let Some(input) = input {
            stdin.write_all(input.as_bytes()).unwrap();
        }
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    /// Runs a command that must succeed, and gives what it printed.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.run_with(arguments, None)
    }

    #[track_caller]
    pub(crate) fn run_with(&self, arguments: &[&str], input: Option<&str>) -> String {
        let (status, out, errors) = self.try_run(arguments, input);
        assert_eq!(status, 0, "{arguments:?}: {out}{errors}");
        out
    }

    /// Exit status, standard output and standard error.
    pub(crate) fn try_run(&self, arguments: &[&str], input: Option<&str>) -> (i32, String, String) {
        let output = self.output(arguments, input);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// Runs a command that the server must refuse, and gives the error.
    #[track_caller]
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let (status, out, errors) = self.try_run(arguments, None);
        assert_eq!((status, out.as_str()), (2, ""), "{arguments:?}: {errors}");
        errors
    }

    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(arguments)).unwrap()
    }
}
