//! What lies on the usage log and is not counted yet, and since when.

use domain::Instant;
use eventlog::topic::USAGE;
use futures::future::try_join_all;
use store::usage::Lag;

use crate::biller::Biller;
use crate::error::{logging, storing};

/// The first record that waits is enough: a read answers with one at least.
const READ_BYTES: usize = 1;

/// How far counting of a partition of the usage log is, and what waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// How far the tables say that it is.
    pub counted: Lag,
    /// The offset after the last record of the log.
    pub end: u64,
    /// When the oldest record that waits was received; none when nothing waits.
    pub oldest: Option<Instant>,
}

impl Waiting {
    /// How many records wait, about: offsets may have gaps.
    pub fn records(&self) -> u64 {
        self.end.saturating_sub(self.counted.counted)
    }
}

impl Biller {
    /// What waits in each partition of the usage log; empty before the first one is counted.
    pub async fn waiting(&self) -> crate::Result<Vec<Waiting>> {
        let lag = self.store().lag().await.map_err(storing("reading how far counting is"))?;
        try_join_all(lag.into_iter().map(|lag| self.waiting_in(lag))).await
    }

    async fn waiting_in(&self, lag: Lag) -> crate::Result<Waiting> {
        let failed = logging("reading what is not counted");
        let end = self.log().end_offset(USAGE, lag.partition).await.map_err(&failed)?;
        let oldest = if end > lag.counted {
            let records = self.log().read(USAGE, lag.partition, lag.counted, READ_BYTES).await;
            records.map_err(&failed)?.first().map(|record| Instant::from_micros(record.received()))
        } else {
            None
        };
        Ok(Waiting { counted: lag, end, oldest })
    }
}
