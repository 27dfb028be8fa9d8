//! A decision → a barrier in every partition → a consistent cut (counting §4).

use std::time::Duration;

use bytes::Bytes;
use eventlog::topic::USAGE;
use eventlog::{Kind, Record};

use crate::biller::Biller;
use crate::control::{Decision, header};
use crate::error::{Error, logging, storing};

/// How often is asked whether a cut is rolled up: it takes tenths of a second.
const CUT_POLL: Duration = Duration::from_millis(25);

impl Biller {
    /// Ends every partition's window with a barrier, and waits until everything before them is counted and rolled up.
    pub(crate) async fn make_cut(&self, decision: &Decision) -> crate::Result<()> {
        if self.is_cut(decision.control).await? {
            return Ok(());
        }
        self.append_barriers(decision).await?;
        while !self.is_cut(decision.control).await? {
            tokio::time::sleep(CUT_POLL).await;
        }
        Ok(())
    }

    /// Ends every partition's window with a barrier. Of several for the same decision the first in each counts.
    pub(crate) async fn append_barriers(&self, decision: &Decision) -> crate::Result<()> {
        let topic = self.log().topic(USAGE).await.map_err(logging("asking for the usage log"))?;
        let barrier = Record {
            header: header(Kind::Barrier { control: Some(decision.control) }, decision.at),
            value: Bytes::new(),
        };
        let barriers = (0..topic.partitions).map(|partition| (partition, barrier.clone())).collect();
        let appended = self.log().append_batch(USAGE, barriers).await;
        appended.map_err(|source| Error::Append { what: "barriers", source: Box::new(source) })?;
        Ok(())
    }

    /// Whether everything before a decision's barriers is rolled up.
    pub(crate) async fn is_cut(&self, control: u64) -> crate::Result<bool> {
        self.store().cut_ready(control).await.map_err(storing("waiting for a cut"))
    }
}
