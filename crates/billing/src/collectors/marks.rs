//! The newest mark of each collector, counted or not: a close must not take a collector for silent because counting is
//! behind.

use std::collections::BTreeMap;

use domain::Instant;
use eventlog::topic::USAGE;
use eventlog::{Kind, Stored};
use store::collectors::Collector;

use crate::biller::Biller;
use crate::error::{logging, storing};

/// The partition that marks are written to.
const PARTITION: u32 = 0;
/// How many bytes of the log are read at once.
const READ_BYTES: usize = 1 << 20;

/// What is known of marks: those that are counted, and those on the log behind them.
pub(super) struct Marks {
    biller: Biller,
    /// Where the log was read up to; none before it was read.
    next: Option<u64>,
    /// The newest mark of each collector on the part of the log that was read.
    uncounted: BTreeMap<String, Instant>,
}

impl Marks {
    pub(super) fn new(biller: Biller) -> Self {
        Self { biller, next: None, uncounted: BTreeMap::new() }
    }

    /// The collectors whose marks are counted, with the newest mark of each that is on the log by now.
    pub(super) async fn newest(&mut self) -> crate::Result<Vec<Collector>> {
        self.read_on().await?;
        let mut collectors = self.biller.store().collectors().await.map_err(storing("reading marks"))?;
        for collector in &mut collectors {
            if let Some(until) = self.uncounted.get(&collector.name) {
                // Those that are counted by now lie on the part that was read, too: the newest is there.
                collector.spool_empty_until = *until;
            }
        }
        Ok(collectors)
    }

    async fn read_on(&mut self) -> crate::Result<()> {
        let log = self.biller.log();
        let failed = logging("reading marks on the usage log");
        let mut next = match self.next {
            Some(next) => next,
            None => {
                let lag = self.biller.store().lag().await.map_err(storing("asking how far counting is"))?;
                let counted = lag.iter().find(|lag| lag.partition == PARTITION).map_or(0, |lag| lag.counted);
                let start = log.start_offset(USAGE, PARTITION).await.map_err(&failed)?;
                let end = log.end_offset(USAGE, PARTITION).await.map_err(&failed)?;
                counted.clamp(start, end.max(start))
            }
        };
        loop {
            let records = log.read(USAGE, PARTITION, next, READ_BYTES).await.map_err(&failed)?;
            let Some(last) = records.last() else { break };
            next = last.offset + 1;
            self.uncounted.extend(records.iter().filter_map(mark));
        }
        self.next = Some(next);
        Ok(())
    }
}

fn mark(stored: &Stored) -> Option<(String, Instant)> {
    let header = stored.header.as_ref().ok()?;
    match header.kind {
        Kind::Mark { spool_empty_until } => {
            Some((header.collector.clone(), Instant::from_micros(spool_empty_until)))
        }
        Kind::Events | Kind::Barrier { .. } | Kind::Control | Kind::Quarantine => None,
    }
}
