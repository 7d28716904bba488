//! How requests look on the wire.

use serde_json::{Map, Value, json};

use super::{Ask, Op, PolicyWish, Spot, Whose, Wish};

impl Op {
    /// Method, path inside the namespace, and body.
    pub fn parts(&self) -> (&'static str, String, String) {
        let none = String::new();
        match self {
            Self::BothFramings => ("POST", "secret/smuggled".into(), "{\"a\":1}".into()),
            Self::BrokenBody(path) => ("POST", path.clone(), "{\"a\":".into()),
            Self::Capabilities(whose, paths) => capabilities(whose, paths),
            Self::CubbyholeRead(path) => ("GET", format!("cubbyhole/{path}"), none),
            Self::CubbyholeWrite(path, value) => {
                ("PUT", format!("cubbyhole/{path}"), value.clone())
            }
            Self::Delete(path) => ("DELETE", path.clone(), none),
            Self::Health => ("GET", "sys/health".into(), none),
            Self::KeyStatus => ("GET", "sys/key-status".into(), none),
            Self::Job(input) => {
                ("POST", "sys/simulation/job".into(), format!("{{\"input\":\"{input}\"}}"))
            }
            Self::List(folder) => ("LIST", folder.clone(), none),
            Self::Lookup(token) => {
                ("POST", "auth/token/lookup".into(), json!({"token": token}).to_string())
            }
            Self::LookupSelf => ("GET", "auth/token/lookup-self".into(), none),
            Self::Nowhere => ("GET", "nowhere/x".into(), none),
            Self::Read(path) => ("GET", path.clone(), none),
            Self::Revoke(token) => {
                ("POST", "auth/token/revoke".into(), json!({"token": token}).to_string())
            }
            Self::RevokeSelf => ("POST", "auth/token/revoke-self".into(), none),
            Self::Rotate => ("POST", "sys/rotate".into(), none),
            Self::Scan(folder) => ("SCAN", folder.clone(), none),
            Self::Seal => ("PUT", "sys/seal".into(), none),
            Self::SealStatus => ("GET", "sys/seal-status".into(), none),
            Self::TokenCreate(wish) => ("POST", wish.path().into(), wish.body()),
            Self::TrailingPeriod(path) => ("GET", format!("{path}."), none),
            Self::Unseal(key) => ("PUT", "sys/unseal".into(), json!({"key": key}).to_string()),
            Self::UnsealReset => ("PUT", "sys/unseal".into(), "{\"reset\":true}".into()),
            Self::Write(path, value) => ("POST", path.clone(), value.clone()),
            _ => self.parts_of_system(),
        }
    }

    /// The same for policies, mounts and namespaces.
    fn parts_of_system(&self) -> (&'static str, String, String) {
        let none = String::new();
        match self {
            Self::Lock(path) => ("POST", format!("sys/namespaces/api-lock/lock/{path}"), none),
            Self::Unlock(path, key) => {
                let body = key.as_ref().map(|key| json!({"unlock_key": key}).to_string());
                ("POST", format!("sys/namespaces/api-lock/unlock/{path}"), body.unwrap_or_default())
            }
            Self::Mount(path, kind, description) => {
                let body = json!({"type": kind, "description": description});
                // A path of a write has no slash at its end.
                ("POST", format!("sys/mounts/{}", path.trim_end_matches('/')), body.to_string())
            }
            Self::MountList => ("GET", "sys/mounts".into(), none),
            Self::MountRead(path) => ("GET", format!("sys/mounts/{path}"), none),
            Self::NamespaceList(false) => ("LIST", "sys/namespaces/".into(), none),
            Self::NamespaceList(true) => ("SCAN", "sys/namespaces/".into(), none),
            Self::NamespaceRead(name) => ("GET", format!("sys/namespaces/{name}"), none),
            Self::NamespaceWrite(name, text) => {
                let body = json!({"custom_metadata": {"text": text}});
                ("POST", format!("sys/namespaces/{name}"), body.to_string())
            }
            Self::NamespaceDelete(name) => ("DELETE", format!("sys/namespaces/{name}"), none),
            Self::PolicyDelete(name) => ("DELETE", format!("sys/policies/acl/{name}"), none),
            Self::PolicyList => ("LIST", "sys/policies/acl/".into(), none),
            Self::PolicyPatch(name, wish) => {
                ("PATCH", format!("sys/policies/acl/{name}"), wish.body())
            }
            Self::PolicyRead(name) => ("GET", format!("sys/policies/acl/{name}"), none),
            Self::PolicyWrite(name, wish) => {
                ("POST", format!("sys/policies/acl/{name}"), wish.body())
            }
            Self::Remount(from, to) => {
                ("POST", "sys/remount".into(), json!({"from": from, "to": to}).to_string())
            }
            Self::Sight => ("GET", "sys/internal/ui/mounts".into(), none),
            Self::SightOf(path) => ("GET", format!("sys/internal/ui/mounts/{path}"), none),
            Self::Tune(path, description) => {
                let body = json!({"description": description}).to_string();
                ("POST", format!("sys/mounts/{path}tune"), body)
            }
            Self::Unmount(path) => ("DELETE", format!("sys/mounts/{path}"), none),
            _ => unreachable!("it is in the other half"),
        }
    }
}

fn capabilities(whose: &Whose, paths: &[String]) -> (&'static str, String, String) {
    let (path, body) = match whose {
        Whose::Own => ("sys/capabilities-self", json!({"paths": paths})),
        Whose::Token(token) => ("sys/capabilities", json!({"paths": paths, "token": token})),
        Whose::Accessor(accessor) => {
            ("sys/capabilities-accessor", json!({"paths": paths, "accessor": accessor}))
        }
    };
    ("POST", path.into(), body.to_string())
}

impl Wish {
    fn path(&self) -> &'static str {
        if self.orphan { "auth/token/create-orphan" } else { "auth/token/create" }
    }

    fn body(&self) -> String {
        let mut body = Map::new();
        let mut add = |name: &str, value: Value| drop(body.insert(name.into(), value));
        if !self.policies.is_empty() {
            add("policies", self.policies.clone().into());
        }
        if self.without_default {
            add("no_default_policy", true.into());
        }
        if self.ttl > 0 {
            add("ttl", self.ttl.into());
        }
        if let Some(id) = self.id {
            add("id", id.into());
        }
        add("num_uses", self.num_uses.into());
        Value::Object(body).to_string()
    }
}

impl PolicyWish {
    fn body(&self) -> String {
        let mut body = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(name.into(), value);
            }
        };
        add("policy", self.text().map(Value::from));
        add("cas", self.cas.map(Value::from));
        add("cas_required", self.cas_required.map(Value::from));
        add("ttl", self.ttl.map(Value::from));
        Value::Object(body).to_string()
    }
}

impl Spot {
    /// What the header says, and how the path begins.
    pub fn split(&self) -> (&str, &str) {
        let slashes = self.namespace.match_indices('/');
        let at = slashes.take(self.in_header).last().map_or(0, |(at, _)| at + 1);
        self.namespace.split_at(at)
    }
}

impl Ask {
    /// The bytes of the request.
    pub fn bytes(&self) -> Vec<u8> {
        let (method, path, body) = self.op.parts();
        let (header, prefix) = self.spot.split();
        let mut text = format!("{method} /v1/{prefix}{path} HTTP/1.1\r\nHost: simulation\r\n");
        if let Some(token) = &self.token {
            text += &format!("X-Vault-Token: {token}\r\n");
        }
        if !header.is_empty() {
            // With and without the slash at its end.
            let header = if body.len() % 2 == 1 { header } else { header.trim_end_matches('/') };
            text += &format!("X-Vault-Namespace: {header}\r\n");
        }
        if method == "PATCH" {
            text += "Content-Type: application/merge-patch+json\r\n";
        }
        if self.op == Op::BothFramings {
            text +=
                &format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n", body.len());
            text += &format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        } else if body.len() % 3 == 1 {
            text += &format!(
                "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                body.len()
            );
        } else if body.is_empty() {
            text += "\r\n";
        } else {
            text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        }
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_a_namespace_between_header_and_path() {
        const CASES: [(&str, usize, (&str, &str)); 4] = [
            ("", 0, ("", "")),
            ("a/b/", 0, ("", "a/b/")),
            ("a/b/", 1, ("a/", "b/")),
            ("a/b/", 2, ("a/b/", "")),
        ];
        for (namespace, in_header, split) in CASES {
            let spot = Spot { namespace: namespace.into(), in_header };
            assert_eq!(spot.split(), split);
        }
    }
}
