//! `operator generate-root`: a new root token, by a quorum of key shares.
//!
//! The server hides the token by a one-time password, which never leaves this side when the token is
//! decoded: that needs no server.

use strongroom_core::encoding;
use strongroom_core::json::{Members, Object};
use zeroize::Zeroizing;

use super::format::{Row, canonical, columns, whole};
use super::input::lossy;
use super::key_quorum::{Endpoints, Progress, text};
use super::output::{pair, print_raw, row, say, tell, wrapped};
use super::request::{Client, Request};
use super::{Invocation, Stop};
use crate::command::table::{Command, Output, Run};
use crate::flag::Described;

pub(super) const COMMANDS: &[Command] = &[Command {
    name: "operator generate-root",
    arguments: "[KEY]",
    summary: "Makes a new root token by a quorum of key shares. Without KEY a share is asked for.",
    flags: &[
        Described::switch("init", "Begins."),
        Described::switch("cancel", "Ends what was begun."),
        Described::switch("status", "Tells how far it is."),
        Described::valued("decode", "TOKEN", "Decodes what the last share gave; - reads it."),
        Described::valued("otp", "OTP", "The one-time password, for -init and -decode."),
        Described::switch("generate-otp", "Prints a one-time password for -init."),
        Described::valued("pgp-key", "FILE", "A public key that the token is encrypted for."),
        Described::valued("nonce", "NONCE", "The nonce that -init told, with each share."),
    ],
    output: Output::Formatted,
    run: Run::Client(generate_root),
}];

const ENDPOINTS: Endpoints =
    Endpoints { with_token: "sys/generate-root-token", without: "sys/generate-root" };

/// Longest one-time password that is made: far above any token's length.
const OTP_BYTES_MAX: usize = 1024;

fn generate_root(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let is_on = |flag| invocation.flags.is_on(flag);
    if is_on("generate-otp") {
        return generate_otp(invocation);
    }
    if let Some(encoded) = invocation.value("decode") {
        return decode(invocation, encoded);
    }
    let client = invocation.client()?;
    let attempt = ENDPOINTS.path(&client, "attempt");
    if is_on("cancel") {
        let failed = |stop: Stop| stop.during("canceling root token generation");
        client.send(&Request::delete(&attempt)).map_err(failed)?;
        return say("Success! Root token generation canceled (if it was started)");
    }
    if is_on("init") {
        let failed = |stop: Stop| stop.during("initializing root generation");
        let request = Request::put(&attempt, wish(invocation)?);
        let progress = Progress::ask(&client, &request).map_err(failed)?;
        return print(invocation, &progress);
    }
    let progress = Progress::ask(&client, &Request::get(&attempt))
        .map_err(|stop| stop.during("getting root generation status"))?;
    if is_on("status") {
        return print(invocation, &progress);
    }
    provide(invocation, &client, &progress)
}

fn wish(invocation: &Invocation<'_>) -> Result<Zeroizing<String>, Stop> {
    let otp = invocation.value("otp");
    let key = invocation.pgp_keys("pgp-key")?;
    if otp.is_some() && !key.is_empty() {
        return Err(Stop::local("Error initializing: cannot specify both -otp and -pgp-key"));
    }
    let mut wish = Object::new();
    if let Some(otp) = otp {
        wish = wish.string("otp", otp);
    }
    if let Some(key) = key.first() {
        wish = wish.string("pgp_key", key);
    }
    Ok(Zeroizing::new(wish.finish()))
}

fn provide(invocation: &Invocation<'_>, client: &Client, progress: &Progress) -> Result<u8, Stop> {
    let members = progress.members()?;
    if *text(members, "started") != "true" {
        return Err(Stop::local(format!(
            "No root generation is in progress. Start one by \"{} operator generate-root -init\".",
            invocation.program.name
        )));
    }
    let share = invocation.share("Unseal Key")?;
    let nonce = invocation.nonce(&share, &text(members, "nonce"))?;
    let body = Object::new().string("key", &share.key).string("nonce", &nonce).finish();
    let update = ENDPOINTS.path(client, "update");
    let progress = Progress::ask(client, &Request::put(&update, Zeroizing::new(body)))
        .map_err(|stop| stop.during("posting unseal key"))?;
    print(invocation, &progress)
}

fn print(invocation: &Invocation<'_>, progress: &Progress) -> Result<u8, Stop> {
    if !invocation.is_for_people() {
        return invocation.print_json(&canonical(progress.value()));
    }
    let members = progress.members()?;
    if !text(members, "otp").is_empty() {
        tell(&wrapped(
            "The server has made a one-time password. The new token can only be decoded with it: \
             keep it, and keep it apart.",
            "",
        ));
    }
    say(&columns(&rows(members)))
}

fn rows(members: Members<'_>) -> Vec<Row> {
    let progress = format!("{}/{}", *text(members, "progress"), *text(members, "required"));
    let mut rows = vec![
        pair("Nonce", text(members, "nonce")),
        pair("Started", text(members, "started")),
        row(["Progress", &progress]),
        pair("Complete", text(members, "complete")),
    ];
    for (title, name) in
        [("PGP Fingerprint", "pgp_fingerprint"), ("Encoded Token", "encoded_token"), ("OTP", "otp")]
    {
        if !text(members, name).is_empty() {
            rows.push(pair(title, text(members, name)));
        }
    }
    if members.get("otp_length").and_then(whole).is_some_and(|length| length > 0) {
        rows.push(pair("OTP Length", text(members, "otp_length")));
    }
    rows
}

/// Letters and digits, as many as a token has, which the server tells.
fn generate_otp(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let client = invocation.client()?;
    let progress = Progress::ask(&client, &Request::get(&ENDPOINTS.path(&client, "attempt")))
        .map_err(|stop| stop.during("getting root generation status"))?;
    let length = text(progress.members()?, "otp_length").parse().unwrap_or(0);
    if length == 0 || length > OTP_BYTES_MAX {
        return Err(Stop::remote("the server has not told how long a one-time password must be"));
    }
    let otp = random_letters(length)
        .map_err(|error| Stop::local(format!("there are no random numbers: {error}")))?;
    if invocation.is_for_people() {
        return print_raw(&otp);
    }
    let shown = Object::new().string("otp", &otp).plain("otp_length", length).finish();
    invocation.print_json(&Zeroizing::new(shown))
}

fn random_letters(length: usize) -> Result<Zeroizing<String>, getrandom::Error> {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut otp = Zeroizing::new(String::with_capacity(length));
    let mut bytes = Zeroizing::new([0_u8; 64]);
    while otp.len() < length {
        getrandom::fill(bytes.as_mut())?;
        // Six bits each; what is beyond the last letter is thrown away, so that all are as likely.
        let letters = bytes.iter().filter_map(|byte| LETTERS.get(usize::from(byte & 0x3f)));
        let missing = length - otp.len();
        otp.extend(letters.take(missing).map(|&letter| char::from(letter)));
    }
    Ok(otp)
}

fn decode(invocation: &Invocation<'_>, encoded: &str) -> Result<u8, Stop> {
    let otp = invocation.value("otp");
    let otp = otp.ok_or_else(|| Stop::local("Missing otp: use -otp to supply it"))?;
    let encoded = match encoded {
        "-" => lossy(&invocation.stdin()?),
        _ => Zeroizing::new(encoded.to_owned()),
    };
    let token = decoded(encoded.trim(), otp)
        .map_err(|why| Stop::local(format!("Error decoding root token: {why}")))?;
    if invocation.is_for_people() {
        return print_raw(&token);
    }
    invocation.print_json(&super::output::one("token", &token))
}

/// The token that a one-time password hides.
fn decoded(encoded: &str, otp: &str) -> Result<Zeroizing<String>, &'static str> {
    let bytes = encoding::from_base64_unpadded(encoded.trim_end_matches('='));
    let bytes = bytes.map(Zeroizing::new).ok_or("the encoded token is not base64")?;
    if bytes.len() != otp.len() {
        return Err("the one-time password is not as long as the token");
    }
    let token = bytes.iter().zip(otp.bytes()).map(|(byte, mask)| byte ^ mask).collect();
    let token = String::from_utf8(token).map_err(|_| "the one-time password is not its own")?;
    Ok(Zeroizing::new(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_a_token_without_a_server() {
        const CASES: [(&str, &str, Result<&str, &str>); 5] = [
            ("IgYG", "abc", Ok("Cde")),
            ("IgYG\u{3d}\u{3d}", "abc", Ok("Cde")),
            ("IgYG", "abcd", Err("the one-time password is not as long as the token")),
            ("I!", "a", Err("the encoded token is not base64")),
            ("/w", "a", Err("the one-time password is not its own")),
        ];
        for (encoded, otp, want) in CASES {
            let token = decoded(encoded, otp);
            assert_eq!(
                token.as_ref().map(|token| token.as_str()).map_err(|why| *why),
                want,
                "{encoded}"
            );
        }
    }

    #[test]
    fn passwords_have_the_length_that_is_asked_for() {
        for length in [1, 26, 200] {
            let otp = random_letters(length).unwrap();
            assert_eq!(otp.len(), length);
            assert!(otp.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
    }
}
