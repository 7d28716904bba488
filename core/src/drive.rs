//! The loop of a synchronous driver: reads of the store are done at once, and everything else is
//! handed back.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::effect::{Failed, Loaded, Output};
use crate::store::Key;
use crate::time::Step;
use crate::vault::Vault;

/// What a store must offer to [`drive`].
pub trait Read {
    /// Reads these keys, all as of one batch.
    ///
    /// # Errors
    ///
    /// [`Failed`], if the store cannot be read; it has logged why.
    fn read(&self, keys: &[Key]) -> Result<Loaded, Failed>;
}

/// A view of a store that does not change while writes go on: as of one batch that is durable.
pub trait Snapshot: Read {
    /// The first records, in the order of their keys, from `first` to `last`, both included; at most
    /// `count_max` of them.
    ///
    /// # Errors
    ///
    /// [`Failed`], if the store cannot be read; it has logged why.
    fn range(&self, first: &Key, last: &Key, count_max: usize) -> Result<Records, Failed>;
}

/// Keys and their records, in order.
pub type Records = Vec<(Key, Arc<[u8]>)>;

/// Serves every load and every task from `store` until the vault asks for no more, and gives what else
/// it asked for, in order. `step` makes a fresh step for each.
pub fn drive(
    vault: &mut Vault,
    store: &impl Snapshot,
    mut step: impl FnMut() -> Step,
) -> Vec<Output> {
    let mut rest = Vec::new();
    while let Some(output) = vault.poll_output() {
        match output {
            Output::Load(id, keys) => vault.handle_loaded(&step(), id, store.read(&keys)),
            Output::Range(id, task) => {
                let finding = task.run(store, &|| true);
                vault.handle_range(&step(), id, finding);
            }
            output @ (Output::Persist(_)
            | Output::Audit(..)
            | Output::Run(..)
            | Output::Respond(..)) => rest.push(output),
        }
    }
    rest
}
