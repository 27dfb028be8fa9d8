//! a spool of a usage log with other partitions → the same events in their new partitions
//!
//! Records of the spool belong to partitions. When the log got more of them meanwhile (counting §4, a new generation), their
//! events are packed anew, before anything else is taken. They keep the instant at which they were received; what also
//! reached the old partitions is a duplicate.

use std::sync::Arc;

use domain::{EventKey, Instant};
use eventlog::{Error, Kind, Stored, wire};

use super::Unavailable;
use super::packer::{Packer, Placed};
use super::quarantine::{Entry, Origin};
use crate::outbox::FormerSpool;

/// Puts everything of a former spool where it belongs now, and removes it.
pub(super) async fn reroute(
    former: FormerSpool,
    packer: &Arc<Packer>,
    hash_key: &[u8; 32],
) -> Result<(), Error> {
    for (topic, partition) in former.lanes() {
        let mut from = former.start(topic, partition).await?;
        loop {
            let records = former.read(topic, partition, from).await?;
            let Some(last) = records.last() else { break };
            from = last.offset + 1;
            for record in &records {
                put(record, packer, hash_key).await.map_err(|unavailable| Error::Unavailable {
                    operation: "moving the spool to other partitions",
                    object: topic.to_owned(),
                    source: Box::new(unavailable),
                })?;
            }
        }
    }
    former.remove()
}

async fn put(record: &Stored, packer: &Arc<Packer>, hash_key: &[u8; 32]) -> Result<(), Unavailable> {
    let received = Instant::from_micros(record.received());
    let header = record.header.as_ref().ok();
    let released = header.is_some_and(|header| header.released);
    if header.is_some_and(|header| header.kind == Kind::Quarantine) {
        let source = header.and_then(|header| header.sources.first()).map(|(source, _)| source.clone());
        let entry = Entry { source, value: record.value.to_vec(), released };
        return packer.quarantine(vec![entry], received).await;
    }
    let (mut placed, mut entries) = (Vec::new(), Vec::new());
    let events = wire::split(&record.value).unwrap_or_else(|_| vec![&record.value]);
    for (index, bytes) in events.into_iter().enumerate() {
        match wire::decode(bytes) {
            Ok(event) => {
                let partition = EventKey::of(&event.source, &event.id).partition(packer.partitions());
                placed.push(Placed { partition, index, bytes, source: event.source, released });
            }
            // It was right when it was taken; another version of the program thinks otherwise.
            Err(rejection) => {
                let origin = Origin { released, ..Origin::default() };
                entries.push(Entry::new(bytes, &rejection, origin, hash_key));
            }
        }
    }
    let (usage, quarantine) =
        futures::join!(packer.append(placed, received), packer.quarantine(entries, received));
    usage.and(quarantine)
}
