//! Data that users hand over: `name=value`, `name=@file`, `name=-`, `@file.json` and `-`.
//!
//! Values are strings, but for those of a whole object in JSON. A name that comes again makes a list.
//! What is wrong is told by its place or its name, never by a value.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};

use strongroom_core::json::{Object, Value};
use zeroize::Zeroizing;

use super::request::parse;
use super::{Invocation, Stop, format};

/// Largest file, or standard input, that is read as data: what the reference takes as a request.
const INPUT_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Data by names.
#[derive(Default)]
pub(super) struct Data(BTreeMap<String, Entry>);

enum Entry {
    Text(Zeroizing<String>),
    Texts(Vec<Zeroizing<String>>),
    Json(Zeroizing<String>),
}

impl Data {
    /// Names with their texts, one by one.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(name, entry)| {
            let texts = match entry {
                Entry::Text(text) | Entry::Json(text) => std::slice::from_ref(text),
                Entry::Texts(texts) => texts.as_slice(),
            };
            texts.iter().map(|text| (name.as_str(), text.as_str()))
        })
    }

    /// The object of all.
    pub(super) fn json(&self) -> Zeroizing<String> {
        let mut object = Object::new();
        for (name, entry) in &self.0 {
            object = match entry {
                Entry::Text(text) => object.string(name, text),
                Entry::Texts(texts) => object.strings(name, texts.iter().map(|text| text.as_str())),
                Entry::Json(text) => object.raw(name, text),
            };
        }
        Zeroizing::new(object.finish())
    }

    /// Takes a member out, if it is a string.
    pub(super) fn take(&mut self, name: &str) -> Option<Zeroizing<String>> {
        match self.0.remove(name) {
            Some(Entry::Text(text)) => Some(text),
            Some(other) => {
                self.0.insert(name.to_owned(), other);
                None
            }
            None => None,
        }
    }

    /// Adds a string.
    pub(super) fn set(&mut self, name: &str, text: Zeroizing<String>) {
        self.add(name, text);
    }

    fn add(&mut self, name: &str, text: Zeroizing<String>) {
        let entry = match self.0.remove(name) {
            None | Some(Entry::Json(_)) => Entry::Text(text),
            Some(Entry::Text(first)) => Entry::Texts(vec![first, text]),
            Some(Entry::Texts(mut all)) => {
                all.push(text);
                Entry::Texts(all)
            }
        };
        self.0.insert(name.to_owned(), entry);
    }

    fn merge(&mut self, text: &[u8], from: &str) -> Result<(), Stop> {
        let wrong = || Stop::local(format!("{from} is not a JSON object"));
        let doc = parse(text).map_err(|_| wrong())?;
        for (name, value) in doc.object().ok_or_else(wrong)? {
            let entry = match Value::as_str(value) {
                Some(text) => Entry::Text(Zeroizing::new(text.to_owned())),
                None => Entry::Json(format::canonical(value)),
            };
            self.0.insert(name.to_owned(), entry);
        }
        Ok(())
    }
}

impl Invocation<'_> {
    /// Reads words as data.
    pub(super) fn data(&self, words: &[String]) -> Result<Data, Stop> {
        let mut data = Data::default();
        let mut stdin = Some(|| self.stdin());
        let mut stdin = move || match stdin.take() {
            Some(read) => read(),
            None => Err(Stop::local("the standard input can be read for one argument only")),
        };
        for word in words {
            if word == "-" {
                data.merge(&stdin()?, "the standard input")?;
            } else if let Some(path) = word.strip_prefix('@') {
                data.merge(&file(path)?, path)?;
            } else if let Some((name, value)) = word.split_once('=') {
                data.add(name, text(value, &mut stdin)?);
            } else {
                let place = words.iter().position(|other| other == word).unwrap_or(0) + 1;
                return Err(Stop::local(format!(
                    "argument {place} of the data is not of the form name=value"
                )));
            }
        }
        Ok(data)
    }

    /// The standard input to its end; nothing with `-non-interactive`.
    pub(super) fn stdin(&self) -> Result<Zeroizing<Vec<u8>>, Stop> {
        if self.flags.is_on("non-interactive") {
            return Ok(Zeroizing::default());
        }
        let read = bounded(io::stdin().lock(), "the standard input");
        read.map_err(|error| Stop::local(format!("the standard input cannot be read: {error}")))?
    }
}

fn text(
    value: &str,
    mut stdin: impl FnMut() -> Result<Zeroizing<Vec<u8>>, Stop>,
) -> Result<Zeroizing<String>, Stop> {
    if value == "-" {
        return Ok(lossy(&stdin()?));
    }
    if let Some(path) = value.strip_prefix('@') {
        return Ok(lossy(&file(path)?));
    }
    // An @ that is meant.
    let literal = value.strip_prefix('\\').filter(|rest| rest.starts_with('@'));
    Ok(Zeroizing::new(literal.unwrap_or(value).to_owned()))
}

/// The bytes of a file of the user's.
pub(super) fn file(path: &str) -> Result<Zeroizing<Vec<u8>>, Stop> {
    let failed = |error| Stop::local(format!("error reading file: {path}: {error}"));
    bounded(fs::File::open(path).map_err(failed)?, path).map_err(failed)?
}

fn bounded(input: impl Read, from: &str) -> io::Result<Result<Zeroizing<Vec<u8>>, Stop>> {
    let mut bytes = Zeroizing::new(Vec::new());
    input.take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= INPUT_BYTES_MAX);
    let long = || Stop::local(format!("{from} is longer than {INPUT_BYTES_MAX} bytes"));
    Ok(if fits { Ok(bytes) } else { Err(long()) })
}

/// Text of these bytes; what is not UTF-8 becomes U+FFFD, as JSON has no other way.
pub(super) fn lossy(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<String, String> {
        let program = crate::command::program::Program { name: "bao", product: "OpenBao" };
        let flags = crate::flag::Parsed::default();
        let invocation = Invocation { program: &program, flags, format: format::Format::Table };
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        match invocation.data(&words) {
            Ok(data) => Ok(data.json().to_string()),
            Err(Stop::Failure(status, text)) => Err(format!("{status}: {text}")),
            Err(Stop::Shown(_)) => unreachable!("data shows nothing"),
        }
    }

    #[test]
    fn reads_data_in_every_form() {
        let folder = std::env::temp_dir();
        let path = folder.join(format!("strongroom-input-{}.json", std::process::id()));
        fs::write(&path, r#"{"n":1.50,"s":"t","a":[1]}"#).unwrap();
        let path = path.to_str().unwrap();
        let (whole, part) = (format!("@{path}"), format!("f=@{path}"));
        let cases: [(&[&str], &str); 7] = [
            (&[], "{}"),
            (&["a=1", "b=x=y", "c="], r#"{"a":"1","b":"x=y","c":""}"#),
            (&["a=1", "a=2", "a=3"], r#"{"a":["1","2","3"]}"#),
            (&[r"a=\@b"], r#"{"a":"@b"}"#),
            (&[&whole], r#"{"a":[1],"n":1.50,"s":"t"}"#),
            (&[&whole, "s=u", "a=2"], r#"{"a":"2","n":1.50,"s":["t","u"]}"#),
            (&[&part], r#"{"f":"{\"n\":1.50,\"s\":\"t\",\"a\":[1]}"}"#),
        ];
        for (words, want) in cases {
            assert_eq!(read(words).as_deref(), Ok(want), "{words:?}");
        }
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_is_wrong_is_told_without_its_value() {
        let error = read(&["a=1", "hunter2"]).unwrap_err();
        assert_eq!(error, "1: argument 2 of the data is not of the form name=value");
        let error = read(&["a=@/nowhere/at/all"]).unwrap_err();
        assert!(error.starts_with("1: error reading file: /nowhere/at/all: "), "{error}");
        assert!(read(&["@/dev/null"]).unwrap_err().ends_with("/dev/null is not a JSON object"));
    }
}
