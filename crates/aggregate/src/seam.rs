//! What counting and roll-up need of a store, and no more: the seam where a simulator stands in for it.

use std::future::Future;
use std::ops::Range;

use domain::{EventKey, Instant, Month};
use store::counting::{Generation, Sealed, Step, StoredEvent};
use store::rollup::{
    Barriers, CellTotal, CutRow, Head, Marker, Prefix, RevisionRows, SignedObservation, TouchedUpto,
};
use store::rows::{Batch, Dictionary};
use store::{Result, Store};

/// The rows that counting reads and writes. An answer must have every insert that was acknowledged before.
pub trait Rows: Send + Sync + 'static {
    /// See [`Store::generations`].
    fn generations(&self) -> impl Future<Output = Result<Vec<Generation>>> + Send;
    /// See [`Store::put_generation`].
    fn put_generation(&self, generation: &Generation) -> impl Future<Output = Result<()>> + Send;
    /// See [`Store::sealed`].
    fn sealed(&self, generation: u16, partition: u32) -> impl Future<Output = Result<Sealed>> + Send;
    /// See [`Store::count_keys`].
    fn count_keys(&self) -> impl Future<Output = Result<u64>> + Send;
    /// See [`Store::each_key`].
    fn each_key(&self, each: &mut (dyn FnMut(EventKey) + Send)) -> impl Future<Output = Result<()>> + Send;
    /// See [`Store::identities`].
    fn identities(&self, keys: &[EventKey]) -> impl Future<Output = Result<Vec<StoredEvent>>> + Send;
    /// See [`Store::write`].
    fn write(
        &self,
        step: Step,
        batch: &Batch,
        dictionary: &Dictionary,
    ) -> impl Future<Output = Result<()>> + Send;
    /// See [`Store::quarantine_offset`].
    fn quarantine_offset(&self, first: u16, partition: u32) -> impl Future<Output = Result<u64>> + Send;
    /// See [`Store::write_quarantine`].
    fn write_quarantine(&self, batch: &Batch) -> impl Future<Output = Result<()>> + Send;
    /// See [`Store::quarantine_counts`].
    fn quarantine_counts(&self) -> impl Future<Output = Result<Vec<(String, u64)>>> + Send;
    /// See [`Store::windows_unsealed`].
    fn windows_unsealed(&self) -> impl Future<Output = Result<u64>> + Send;
    /// See [`Store::forget`].
    fn forget(&self, before: Instant) -> impl Future<Output = Result<u64>> + Send;
}

/// What the roll-up reads and writes.
pub trait Revisions: Send + Sync + 'static {
    /// See [`Store::counted_prefix`].
    fn counted_prefix(&self, generation: u16, partitions: u32)
    -> impl Future<Output = Result<Prefix>> + Send;
    /// See [`Store::touched_since`].
    fn touched_since(&self, since: Option<&Prefix>) -> impl Future<Output = Result<Vec<TouchedUpto>>> + Send;
    /// See [`Store::touched_within`].
    fn touched_within(
        &self,
        prefix: &Prefix,
        but: Option<&Prefix>,
    ) -> impl Future<Output = Result<Vec<TouchedUpto>>> + Send;
    /// See [`Store::cells`].
    fn cells(
        &self,
        month: Month,
        service: &str,
        meter: &str,
        prefix: Option<&Prefix>,
    ) -> impl Future<Output = Result<Vec<CellTotal>>> + Send;
    /// See [`Store::each_observation`].
    fn each_observation(
        &self,
        service: &str,
        meter: &str,
        time: Range<Instant>,
        prefix: Option<&Prefix>,
        each: &mut (dyn FnMut(&SignedObservation<'_>) + Send),
    ) -> impl Future<Output = Result<()>> + Send;
    /// See [`Store::markers`].
    fn markers(
        &self,
        service: &str,
        meter: &str,
        prefix: Option<&Prefix>,
    ) -> impl Future<Output = Result<Vec<Marker>>> + Send;
    /// See [`Store::heads`].
    fn heads(&self, cut: Option<u64>) -> impl Future<Output = Result<Vec<Head>>> + Send;
    /// See [`Store::put_heads`].
    fn put_heads(&self, heads: &[Head]) -> impl Future<Output = Result<()>> + Send;
    /// See [`Store::write_revision`].
    fn write_revision(&self, revision: u128, rows: &RevisionRows) -> impl Future<Output = Result<()>> + Send;
    /// See [`Store::pending_cuts`].
    fn pending_cuts(&self) -> impl Future<Output = Result<Vec<Barriers>>> + Send;
    /// See [`Store::last_cut`].
    fn last_cut(&self) -> impl Future<Output = Result<Option<CutRow>>> + Send;
    /// See [`Store::put_cut`].
    fn put_cut(&self, cut: &CutRow) -> impl Future<Output = Result<()>> + Send;
    /// See [`Store::collect_superseded`].
    fn collect_superseded(&self, before: Instant) -> impl Future<Output = Result<u64>> + Send;
}

impl Rows for Store {
    async fn generations(&self) -> Result<Vec<Generation>> {
        Store::generations(self).await
    }

    async fn put_generation(&self, generation: &Generation) -> Result<()> {
        Store::put_generation(self, generation).await
    }

    async fn sealed(&self, generation: u16, partition: u32) -> Result<Sealed> {
        Store::sealed(self, generation, partition).await
    }

    async fn count_keys(&self) -> Result<u64> {
        Store::count_keys(self).await
    }

    async fn each_key(&self, each: &mut (dyn FnMut(EventKey) + Send)) -> Result<()> {
        Store::each_key(self, each).await
    }

    async fn identities(&self, keys: &[EventKey]) -> Result<Vec<StoredEvent>> {
        Store::identities(self, keys).await
    }

    async fn write(&self, step: Step, batch: &Batch, dictionary: &Dictionary) -> Result<()> {
        Store::write(self, step, batch, dictionary).await
    }

    async fn quarantine_offset(&self, first: u16, partition: u32) -> Result<u64> {
        Store::quarantine_offset(self, first, partition).await
    }

    async fn write_quarantine(&self, batch: &Batch) -> Result<()> {
        Store::write_quarantine(self, batch).await
    }

    async fn quarantine_counts(&self) -> Result<Vec<(String, u64)>> {
        Store::quarantine_counts(self).await
    }

    async fn windows_unsealed(&self) -> Result<u64> {
        Store::windows_unsealed(self).await
    }

    async fn forget(&self, before: Instant) -> Result<u64> {
        Store::forget(self, before).await
    }
}

impl Revisions for Store {
    async fn counted_prefix(&self, generation: u16, partitions: u32) -> Result<Prefix> {
        Store::counted_prefix(self, generation, partitions).await
    }

    async fn touched_since(&self, since: Option<&Prefix>) -> Result<Vec<TouchedUpto>> {
        Store::touched_since(self, since).await
    }

    async fn touched_within(&self, prefix: &Prefix, but: Option<&Prefix>) -> Result<Vec<TouchedUpto>> {
        Store::touched_within(self, prefix, but).await
    }

    async fn cells(
        &self,
        month: Month,
        service: &str,
        meter: &str,
        prefix: Option<&Prefix>,
    ) -> Result<Vec<CellTotal>> {
        Store::cells(self, month, service, meter, prefix).await
    }

    async fn each_observation(
        &self,
        service: &str,
        meter: &str,
        time: Range<Instant>,
        prefix: Option<&Prefix>,
        each: &mut (dyn FnMut(&SignedObservation<'_>) + Send),
    ) -> Result<()> {
        Store::each_observation(self, service, meter, time, prefix, each).await
    }

    async fn markers(&self, service: &str, meter: &str, prefix: Option<&Prefix>) -> Result<Vec<Marker>> {
        Store::markers(self, service, meter, prefix).await
    }

    async fn heads(&self, cut: Option<u64>) -> Result<Vec<Head>> {
        Store::heads(self, cut).await
    }

    async fn put_heads(&self, heads: &[Head]) -> Result<()> {
        Store::put_heads(self, heads).await
    }

    async fn write_revision(&self, revision: u128, rows: &RevisionRows) -> Result<()> {
        Store::write_revision(self, revision, rows).await
    }

    async fn pending_cuts(&self) -> Result<Vec<Barriers>> {
        Store::pending_cuts(self).await
    }

    async fn last_cut(&self) -> Result<Option<CutRow>> {
        Store::last_cut(self).await
    }

    async fn put_cut(&self, cut: &CutRow) -> Result<()> {
        Store::put_cut(self, cut).await
    }

    async fn collect_superseded(&self, before: Instant) -> Result<u64> {
        Store::collect_superseded(self, before).await
    }
}
