//! The end of a world: faults stop, everything that is under way finishes, and what is left is checked.

use std::time::Duration;

use strongroom_core::limit;

use super::World;
use crate::check::{self, Broken};
use crate::op::{Ask, Op, Spot};

impl World {
    /// Stops faults, lets everything that is under way finish, and checks what is left.
    pub(super) fn settle(&mut self) -> Result<(), Broken> {
        self.faults_on = false;
        let mut has_waited = false;
        self.become_quiet()?;
        // The background works on an open server only, and what failed is tried again later.
        while self.model.is_sealed() || !has_waited {
            if self.model.is_sealed() {
                self.reconnect(0);
                let keys = self.keys.clone().into_iter().map(Op::Unseal);
                for op in std::iter::once(Op::UnsealReset).chain(keys) {
                    self.submit(0, Ask { op, token: None, spot: Spot::default() });
                }
            } else {
                has_waited = true;
                // Longer than a spent token stays, and than a chore rests.
                let rest = 2 * limit::REQUEST_TIME_MAX + limit::CHORE_RETRY;
                self.now = self.now.after(rest + Duration::from_secs(1));
                let step = self.step();
                self.vault.handle_timeout(&step);
                self.pump()?;
            }
            self.become_quiet()?;
        }
        check::books::check(&self.vault)?;
        let now = self.now.unix_nanos();
        check::books::check_store(self.disk.durable_image(), &self.model, now)?;
        self.count();
        Ok(())
    }

    fn become_quiet(&mut self) -> Result<(), Broken> {
        let mut moves = 0;
        while !self.is_quiet() && moves < check::liveness::MOVES_MAX {
            moves += 1;
            match self.random.below(7) {
                6 => self.run_task()?,
                0 => self.arrive()?,
                1 => self.disk.apply(),
                2 => self.sync()?,
                3 => {
                    let random = &mut self.random;
                    self.disk.read(random);
                    self.deliver()?;
                }
                4 => self.run_job()?,
                _ => self.finish_audit()?,
            }
        }
        let unanswered = self.clients.iter().map(|client| client.pending.len()).sum();
        check::liveness::check(moves, unanswered)
    }

    fn is_quiet(&self) -> bool {
        !self.disk.has_batches()
            && !self.disk.has_loads()
            && self.jobs.is_empty()
            && self.audits.is_empty()
            && self.tasks.is_empty()
            && self.findings.is_empty()
            && self.clients.iter().all(|client| client.pending.is_empty() && !client.has_bytes())
    }
}
