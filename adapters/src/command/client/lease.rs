//! `lease`: how long what the server gave lives.

use strongroom_core::json::Object;
use zeroize::Zeroizing;

use super::output::{one, say, tell};
use super::read::submit;
use super::request::Request;
use super::{Invocation, Stop};
use crate::command::table::{Command, Output, Run};
use crate::flag::Described;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "lease lookup",
        arguments: "ID",
        summary: "Tells about a lease.",
        flags: &[],
        output: Output::Fields,
        run: Run::Client(lookup),
    },
    Command {
        name: "lease renew",
        arguments: "ID",
        summary: "Lets a lease live longer.",
        flags: &[Described::valued("increment", "TTL", "How much longer; the server decides.")],
        output: Output::Fields,
        run: Run::Client(renew),
    },
    Command {
        name: "lease revoke",
        arguments: "ID",
        summary: "Ends a lease, or all whose id begins so.",
        flags: &[
            Described::switch("prefix", "ID is the beginning of many."),
            Described::switch("force", "Forgets them even if what they were for cannot be ended."),
            Described::switch("sync", "Waits until it is done."),
        ],
        output: Output::Fixed,
        run: Run::Client(revoke),
    },
];

fn lookup(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let id = invocation.argument()?.trim();
    let secret =
        submit(&invocation.client()?, &Request::put("sys/leases/lookup", one("lease_id", id)))
            .map_err(|stop| stop.during("looking up lease"))?;
    invocation.print_done(secret.as_ref(), "There is nothing to tell about the lease.")
}

fn renew(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let id = invocation.argument()?.trim();
    let mut wish = Object::new().string("lease_id", id);
    if let Some(increment) = invocation.duration("increment")? {
        wish = wish.string("increment", increment);
    }
    let request = Request::put("sys/leases/renew", Zeroizing::new(wish.finish()));
    let secret = submit(&invocation.client()?, &request)
        .map_err(|stop| stop.during(format!("renewing {id}")))?;
    invocation.print_done(secret.as_ref(), "Success! Renewed the lease.")
}

fn revoke(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let id = invocation.argument()?.trim();
    let is_on = |flag| invocation.flags.is_on(flag);
    let wish = Object::new().plain("sync", is_on("sync"));
    let (request, done) = match (is_on("prefix"), is_on("force")) {
        (false, true) => return Err(Stop::local("-force needs -prefix too")),
        (true, true) => {
            tell("Warning! What the leases were for may live on: the server forgets it.");
            let path = format!("sys/leases/revoke-force/{id}");
            (Request::put_nothing(&path), "Force revoked any leases with prefix")
        }
        (true, false) => {
            let path = format!("sys/leases/revoke-prefix/{id}");
            let body = Zeroizing::new(wish.finish());
            (Request::put(&path, body), "Revoked any leases with prefix")
        }
        (false, false) => {
            let body = Zeroizing::new(wish.string("lease_id", id).finish());
            (Request::put("sys/leases/revoke", body), "Revoked lease")
        }
    };
    invocation
        .client()?
        .send(&request)
        .map_err(|stop| stop.during(format!("revoking lease {id}")))?;
    if is_on("sync") || is_on("force") {
        return say(&format!("Success! {done}: {id}"));
    }
    say("All revocation operations queued successfully!")
}
