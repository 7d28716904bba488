//! Long work as data: a step emits a [`Task`], an adapter runs it over a snapshot of the store, on any
//! thread and outside of every lock, and hands back the [`Finding`].
//!
//! What a task finds is as of its snapshot. A request that waits for one runs again from its start,
//! and is authorised again; background work checks every row again in the step that acts on it.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use crate::drive::{Records, Snapshot};
use crate::effect::RequestId;
use crate::json;
use crate::limit::{LIST_BYTES_MAX, TASK_PAGES_AHEAD};
use crate::reject::Corrupt;
use crate::roll::{Payloads, RecordReader, Roll};
use crate::seal::Barrier;
use crate::secret::Wiped;
use crate::store::folder::{self, Page, PageReader};
use crate::store::{Key, Name, Owner};

/// One piece of long work. It reads, and changes nothing.
#[allow(missing_debug_implementations, reason = "a task holds keys of the barrier")]
pub struct Task {
    kind: Kind,
    request: Option<RequestId>,
}

enum Kind {
    Inquiry(Inquiry, Arc<Barrier>),
    Rows { ranges: Vec<(Key, Key)>, count_max: usize },
}

/// What a task found.
#[allow(missing_debug_implementations, reason = "findings hold names")]
pub struct Finding(pub(crate) Result<Found, Unfound>);

pub(crate) enum Found {
    Names(Names),
    /// The first rows of some ranges, and whether those were all.
    Rows {
        rows: Records,
        all: bool,
    },
}

/// The `data` of an answer; `None` if there are no names.
pub(crate) type Names = Option<Arc<Wiped<String>>>;

/// Why nothing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfound {
    /// The store could not be read, or a record is not what was written.
    Trouble,
    /// The adapter put an end to it.
    Stopped,
    /// The barrier has changed since: it is to be asked anew.
    Superseded,
    /// More than one answer may have.
    TooMuch,
}

/// A question that takes long to answer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Inquiry {
    Names(Listing),
    Roll(Roll),
}

/// A question about the names of a folder, which is empty or ends in a slash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Listing {
    pub(crate) owner: Owner,
    pub(crate) folder: String,
    /// Whether the folders inside are meant too.
    pub(crate) recursive: bool,
}

impl Finding {
    /// What a task found that could not be run, because there was no snapshot.
    pub fn failed() -> Self {
        Self(Err(Unfound::Trouble))
    }
}

impl From<Corrupt> for Unfound {
    fn from(_: Corrupt) -> Self {
        Self::Trouble
    }
}

impl Task {
    pub(crate) fn inquiry(inquiry: Inquiry, barrier: Arc<Barrier>, request: RequestId) -> Self {
        Self { kind: Kind::Inquiry(inquiry, barrier), request: Some(request) }
    }

    /// The first rows of several ranges, both ends included.
    pub(crate) fn rows(ranges: Vec<(Key, Key)>, count_max: usize) -> Self {
        Self { kind: Kind::Rows { ranges, count_max }, request: None }
    }

    /// The request that waits for it; none waits for work of the background.
    pub fn request(&self) -> Option<RequestId> {
        self.request
    }

    /// Does the work. `snapshot` reflects every batch that was reported durable before the task was
    /// put out; `go_on` is asked now and then, and ends the work by saying no.
    pub fn run(self, snapshot: &dyn Snapshot, go_on: &dyn Fn() -> bool) -> Finding {
        Finding(self.find(snapshot, go_on))
    }

    fn find(self, snapshot: &dyn Snapshot, go_on: &dyn Fn() -> bool) -> Result<Found, Unfound> {
        match self.kind {
            Kind::Rows { ranges, count_max } => read_rows(snapshot, go_on, &ranges, count_max),
            Kind::Inquiry(inquiry, barrier) => {
                let mut pages = Pages { snapshot, barrier: &barrier, go_on };
                match inquiry {
                    Inquiry::Names(listing) => list(&listing, &mut pages),
                    Inquiry::Roll(roll) => {
                        let data = roll.read(&mut pages)?;
                        Ok(Found::Names(data.map(|data| Arc::new(data.into()))))
                    }
                }
            }
        }
    }
}

fn read_rows(
    snapshot: &dyn Snapshot,
    go_on: &dyn Fn() -> bool,
    ranges: &[(Key, Key)],
    count_max: usize,
) -> Result<Found, Unfound> {
    let mut rows = Records::new();
    for (first, last) in ranges {
        let left = count_max - rows.len();
        if left == 0 {
            return Ok(Found::Rows { rows, all: false });
        }
        if !go_on() {
            return Err(Unfound::Stopped);
        }
        rows.extend(snapshot.range(first, last, left).map_err(|_| Unfound::Trouble)?);
    }
    let all = rows.len() < count_max;
    Ok(Found::Rows { rows, all })
}

/// The names of a folder; of a recursive inquiry those of each folder in order, the folders inside it
/// from the last to the first.
fn list(inquiry: &Listing, pages: &mut Pages<'_>) -> Result<Found, Unfound> {
    let mut names = json::List::new();
    // Bytes of the names of folders on the way: the work has a bound too.
    let mut folder_bytes = 0;
    let mut is_empty = true;
    let mut folders = alloc::vec![Wiped::new(inquiry.folder.clone())];
    while let Some(current) = folders.pop() {
        let relative = current.get(inquiry.folder.len()..).unwrap_or("");
        let flow =
            folder::walk(pages, inquiry.owner, &current, "", TASK_PAGES_AHEAD, &mut |name| {
                if inquiry.recursive && name.ends_with('/') {
                    folder_bytes += size_of::<String>() + current.len() + name.len();
                    folders.push(Wiped::new(alloc::format!("{}{name}", *current)));
                } else {
                    names.string(&Wiped::new(alloc::format!("{relative}{name}")));
                }
                is_empty = false;
                if names.bytes() + folder_bytes > LIST_BYTES_MAX {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
        if flow.is_break() {
            return Err(Unfound::TooMuch);
        }
    }
    if is_empty {
        return Ok(Found::Names(None));
    }
    let names = Wiped::new(names.finish());
    let data = json::Object::new().raw("keys", &names).finish();
    Ok(Found::Names(Some(Arc::new(data.into()))))
}

/// Index pages of a snapshot.
struct Pages<'s> {
    snapshot: &'s dyn Snapshot,
    barrier: &'s Barrier,
    go_on: &'s dyn Fn() -> bool,
}

impl Pages<'_> {
    /// The records of some keys, each if it is there.
    fn read(&self, keys: &[Key]) -> Result<Vec<Option<Arc<[u8]>>>, Unfound> {
        // A change of the barrier comes before any record that it does not open.
        if self.barrier.is_closed() {
            return Err(Unfound::Superseded);
        }
        if !(self.go_on)() {
            return Err(Unfound::Stopped);
        }
        Ok(self.snapshot.read(keys).map_err(|_| Unfound::Trouble)?.records)
    }

    fn open(&self, key: &Key, path: &str, sealed: &[u8]) -> Result<Arc<Page>, Unfound> {
        Ok(Arc::new(Page::read(&self.barrier.open(key, path, sealed)?)?))
    }
}

impl PageReader for Pages<'_> {
    type Halt = Unfound;

    fn page(&mut self, name: &Name<'_>) -> Result<Option<Arc<Page>>, Unfound> {
        let key = self.barrier.key(name);
        let record = self.read(&[key])?.pop().flatten();
        record.map(|sealed| self.open(&key, name.path, &sealed)).transpose()
    }

    fn pages(
        &mut self,
        owner: Owner,
        folder: &str,
        paths: &[Wiped<String>],
    ) -> Result<Vec<Option<Arc<Page>>>, Unfound> {
        let keys = self.barrier.page_keys(owner, folder, paths);
        let mut records = self.read(&keys)?.into_iter();
        // A record that the store does not speak of is missing: no page is passed over.
        let open = |(key, path): (&Key, &Wiped<String>)| {
            records.next().flatten().map(|sealed| self.open(key, path, &sealed)).transpose()
        };
        keys.iter().zip(paths).map(open).collect()
    }
}

impl RecordReader for Pages<'_> {
    fn payloads(&mut self, names: &[Name<'_>]) -> Result<Payloads, Unfound> {
        let keys: Vec<Key> = names.iter().map(|name| self.barrier.key(name)).collect();
        let mut records = self.read(&keys)?.into_iter();
        let open = |(key, name): (&Key, &Name<'_>)| {
            let sealed = records.next().flatten();
            sealed.map(|sealed| self.barrier.open(key, name.path, &sealed)).transpose()
        };
        Ok(keys.iter().zip(names).map(open).collect::<Result<_, _>>()?)
    }

    fn too_much() -> Unfound {
        Unfound::TooMuch
    }
}
