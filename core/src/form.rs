//! `application/x-www-form-urlencoded`: query strings and form bodies.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::limit;

/// Names with their values, in the order of the names.
pub(crate) type Pairs = BTreeMap<String, Vec<String>>;

/// Reads a query string. A pair that cannot be read is left out, as the reference does.
pub(crate) fn parse_query(query: &str) -> Pairs {
    let mut pairs = Pairs::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if let Some((name, value)) = parse_pair(pair.as_bytes()) {
            pairs.entry(name).or_default().push(value);
        }
    }
    pairs
}

/// Reads a form body; `None` if any pair of it cannot be read, or it is too large for a form.
pub(crate) fn parse_form(body: &[u8]) -> Option<Pairs> {
    if body.len() > limit::FORM_BYTES_MAX
        || body.split(|&byte| byte == b'&').nth(limit::FORM_PAIRS_MAX).is_some()
    {
        return None;
    }
    let mut pairs = Pairs::new();
    for pair in body.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
        let (name, value) = parse_pair(pair)?;
        pairs.entry(name).or_default().push(value);
    }
    Some(pairs)
}

fn parse_pair(pair: &[u8]) -> Option<(String, String)> {
    if pair.contains(&b';') {
        return None;
    }
    let mut parts = pair.splitn(2, |&byte| byte == b'=');
    let name = unescape(parts.next().unwrap_or_default())?;
    let value = unescape(parts.next().unwrap_or_default())?;
    Some((name, value))
}

fn unescape(text: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    let bytes = percent_decode(&spaced)?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Resolves `%XX`; `None` if a `%` has not two hex digits behind it.
pub(crate) fn percent_decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(*rest.next()?).to_digit(16);
        let code = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(code).ok()?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn shown(pairs: &Pairs) -> String {
        pairs.iter().map(|(name, values)| format!("{name}={values:?};")).collect()
    }

    #[test]
    fn reads_forms() {
        const CASES: [(&str, Option<&str>); 8] = [
            ("", Some("")),
            (
                "zip=zap&m=1&m=2&e=&flag",
                Some("e=[\"\"];flag=[\"\"];m=[\"1\", \"2\"];zip=[\"zap\"];"),
            ),
            ("a+b=c+d&e%26=%C3%A9%3D", Some("a b=[\"c d\"];e&=[\"é=\"];")),
            ("a=b=c", Some("a=[\"b=c\"];")),
            ("a=%zz", None),
            ("a=%4", None),
            ("%=1", None),
            ("a=1;b=2", None),
        ];
        for (body, want) in CASES {
            let got = parse_form(body.as_bytes()).as_ref().map(shown);
            assert_eq!(got.as_deref(), want, "{body}");
        }
    }

    #[test]
    fn refuses_forms_that_are_too_large() {
        let many = |count: usize| "a&".repeat(count - 1) + "a";
        assert!(parse_form(many(limit::FORM_PAIRS_MAX).as_bytes()).is_some());
        assert!(parse_form(many(limit::FORM_PAIRS_MAX + 1).as_bytes()).is_none());
        let long = |bytes: usize| alloc::vec![b'a'; bytes];
        assert!(parse_form(&long(limit::FORM_BYTES_MAX)).is_some());
        assert!(parse_form(&long(limit::FORM_BYTES_MAX + 1)).is_none());
    }

    #[test]
    fn leaves_out_unreadable_pairs_of_a_query() {
        assert_eq!(shown(&parse_query("a=1&b=%zz&c;d=1&&e")), "a=[\"1\"];e=[\"\"];");
    }
}
