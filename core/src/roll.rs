//! Lists that show more than names: of mounts, namespaces, policies.
//!
//! A roll is made from the index of a namespace and the records that its names lead to. The same code
//! makes a short one inside of a step and a long one in a task, over whatever reads records for it.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use crate::limit::{LIST_BYTES_MAX, ROLL_BYTES_MAX, ROLL_READS_MAX, TASK_PAGES_AHEAD};
use crate::reject::Corrupt;
use crate::secret::Wiped;
use crate::store::folder::{Page, PageReader, walk};
use crate::store::{Name, Owner};
use crate::sys;
use crate::task::Inquiry;
use crate::vault::{Halt, Tx};

/// What some records say, each if it is there.
pub(crate) type Payloads = Vec<Option<Wiped<Vec<u8>>>>;

/// Where records are read for a roll.
pub(crate) trait RecordReader: PageReader {
    /// The payloads of some records, each if it is there. They are loaded together.
    fn payloads(&mut self, names: &[Name<'_>]) -> Result<Payloads, Self::Halt>;

    /// The roll is longer than an answer may be.
    fn too_much() -> Self::Halt;
}

/// Which list.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Roll {
    /// `sys/mounts` and `sys/auth`.
    Mounts(sys::mount::List),
    /// `sys/policies`.
    Policies(sys::policy::List),
    /// `sys/internal/ui/mounts`.
    Sight(sys::mount::Sight),
    /// `sys/namespaces`.
    Namespaces(sys::namespace::List),
    /// `sys/internal/ui/namespaces`.
    NamespaceSight(sys::namespace::Sight),
}

impl Roll {
    /// The `data` of the answer; `None` if there is nothing to show.
    pub(crate) fn read<R: RecordReader>(&self, reader: &mut R) -> Result<Option<String>, R::Halt> {
        match self {
            Self::Mounts(list) => list.read(reader),
            Self::Policies(list) => list.read(reader),
            Self::Sight(sight) => sight.read(reader),
            Self::Namespaces(list) => list.read(reader),
            Self::NamespaceSight(sight) => sight.read(reader),
        }
    }
}

/// The `data` of a list: at once if it is short, or else from a task.
pub(crate) fn read(tx: &mut Tx<'_>, roll: Roll) -> Result<Option<String>, Halt> {
    let inquiry = Inquiry::Roll(roll);
    if let Inquiry::Roll(roll) = &inquiry
        && !tx.has_inquired(&inquiry)
    {
        match roll.read(&mut Few { tx, left: ROLL_READS_MAX, bytes_left: ROLL_BYTES_MAX }) {
            Ok(data) => return Ok(data),
            Err(FewHalt::Halt(halt)) => return Err(halt),
            Err(FewHalt::Many) => {}
        }
    }
    Ok(tx.inquire(inquiry)?.map(ToOwned::to_owned))
}

/// The names in a folder of an index, which is empty or ends in a slash.
pub(crate) fn names<R: RecordReader>(
    reader: &mut R,
    owner: Owner,
    folder: &str,
) -> Result<Vec<String>, R::Halt> {
    let mut names = Vec::new();
    let mut bytes = 0;
    let flow = walk(reader, owner, folder, "", TASK_PAGES_AHEAD, &mut |name| {
        bytes += size_of::<String>() + name.len();
        names.push(name.to_owned());
        if bytes > LIST_BYTES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if flow.is_break() { Err(R::too_much()) } else { Ok(names) }
}

/// Reads a bounded number of pages and records in a step.
struct Few<'t, 'v> {
    tx: &'t mut Tx<'v>,
    left: usize,
    bytes_left: usize,
}

enum FewHalt {
    Halt(Halt),
    /// There are more than a step may read.
    Many,
}

impl From<Corrupt> for FewHalt {
    fn from(corrupt: Corrupt) -> Self {
        Self::Halt(corrupt.into())
    }
}

impl Few<'_, '_> {
    fn take(&mut self, count: usize) -> Result<(), FewHalt> {
        self.left = self.left.checked_sub(count).ok_or(FewHalt::Many)?;
        Ok(())
    }
}

impl PageReader for Few<'_, '_> {
    type Halt = FewHalt;

    fn page(&mut self, name: &Name<'_>) -> Result<Option<Arc<Page>>, FewHalt> {
        self.take(1)?;
        self.tx.page(name).map_err(FewHalt::Halt)
    }

    fn pages(
        &mut self,
        owner: Owner,
        folder: &str,
        paths: &[Wiped<String>],
    ) -> Result<Vec<Option<Arc<Page>>>, FewHalt> {
        self.take(paths.len())?;
        self.tx.pages(owner, folder, paths).map_err(FewHalt::Halt)
    }
}

impl RecordReader for Few<'_, '_> {
    fn payloads(&mut self, names: &[Name<'_>]) -> Result<Payloads, FewHalt> {
        self.take(names.len())?;
        let payloads = self.tx.payloads(names).map_err(FewHalt::Halt)?;
        let bytes: usize = payloads.iter().flatten().map(|payload| payload.len()).sum();
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or(FewHalt::Many)?;
        Ok(payloads)
    }

    fn too_much() -> FewHalt {
        FewHalt::Many
    }
}
