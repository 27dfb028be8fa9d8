//! The tables as an owner of a process sees them.

use aggregate::seam::Rows;
use domain::{EventKey, Instant};
use store::counting::{Generation, Sealed, Step, StoredEvent};
use store::rows::{Batch, Dictionary};
use store::{Error, Result};

use crate::rows;
use crate::seam::Seam;
use crate::world::World;

fn failed() -> Error {
    Error::Unreadable { what: "answer", value: String::new() }
}

impl Rows for Seam {
    async fn generations(&self) -> Result<Vec<Generation>> {
        self.desk().pause().await;
        Ok(self.desk().world().generations.clone())
    }

    async fn put_generation(&self, generation: &Generation) -> Result<()> {
        self.desk().pause().await;
        let mut world = self.desk().world();
        if !world.generations.contains(generation) {
            world.generations.push(generation.clone());
        }
        Ok(())
    }

    async fn sealed(&self, generation: u16, partition: u32) -> Result<Sealed> {
        self.desk().pause().await;
        let World { tables, random, .. } = &mut *self.desk().world();
        Ok(tables.sealed(generation, partition, random))
    }

    async fn count_keys(&self) -> Result<u64> {
        self.desk().pause().await;
        Ok(self.desk().world().tables.keys().count() as u64)
    }

    async fn each_key(&self, each: &mut (dyn FnMut(EventKey) + Send)) -> Result<()> {
        self.desk().pause().await;
        if self.desk().world().may(3, "look-up failed") {
            return Err(failed());
        }
        self.desk().world().tables.keys().for_each(each);
        Ok(())
    }

    async fn identities(&self, keys: &[EventKey]) -> Result<Vec<StoredEvent>> {
        self.desk().pause().await;
        if self.desk().world().may(3, "look-up failed") {
            return Err(failed());
        }
        Ok(self.desk().world().tables.identities(keys))
    }

    async fn write(&self, step: Step, batch: &Batch, dictionary: &Dictionary) -> Result<()> {
        let effect = rows::of_step(step, batch, dictionary);
        if self.desk().world().may(5, "insert failed half-way") {
            let half = self.desk().world().part(effect);
            self.desk().write(&half).await;
            return Err(failed());
        }
        self.desk().write(&effect).await;
        if self.desk().world().may(8, "insert repeated") { Err(failed()) } else { Ok(()) }
    }

    async fn quarantine_offset(&self, _: u16, _: u32) -> Result<u64> {
        self.desk().pause().await;
        Ok(0)
    }

    async fn write_quarantine(&self, _: &Batch) -> Result<()> {
        Ok(())
    }

    async fn quarantine_counts(&self) -> Result<Vec<(String, u64)>> {
        Ok(Vec::new())
    }

    async fn windows_unsealed(&self) -> Result<u64> {
        Ok(0)
    }

    async fn forget(&self, before: Instant) -> Result<u64> {
        self.desk().pause().await;
        Ok(self.desk().world().forget(before))
    }
}
