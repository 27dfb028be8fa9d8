//! The control log goes along to another log: decisions are known by their offsets in it, in the store and in every barrier.

use anyhow::{Context, bail};
use bytes::Bytes;
use domain::Instant;
use eventlog::topic::CONTROL;
use eventlog::{EventLog, Header, Kind, Record, Stored};
use store::Store;

/// How many bytes are read at once.
const READ_BYTES: usize = 1 << 20;

/// Copies the decisions of the log before, if there is one, to the same offsets. Offsets that the store refers to and that
/// are lost are filled with records that decide nothing. Interrupted, it goes on where it was.
pub(super) async fn take_along(
    old: Option<&dyn EventLog>,
    new: &dyn EventLog,
    store: &Store,
    now: Instant,
) -> anyhow::Result<()> {
    let failed = "could not take the control log along";
    if let Some(old) = old {
        let (had, have) = (all(old).await.context(failed)?, all(new).await.context(failed)?);
        let same = |(a, b): (&Stored, &Stored)| (a.offset, &a.value) == (b.offset, &b.value);
        if have.len() > had.len() || !had.iter().zip(&have).all(same) {
            bail!("the control topic of the new log has other decisions already; make its topics anew");
        }
        for stored in had.into_iter().skip(have.len()) {
            let header = stored.header.context("a record of the control log has no header of ours")?;
            let record = Record { header, value: stored.value };
            let at = new.append(CONTROL, 0, vec![record]).await.context(failed)?;
            if at != [stored.offset] {
                bail!("the decision at {} of the control log got another offset: {at:?}", stored.offset);
            }
        }
    }
    let last = store.last_control_offset().await.context(failed)?;
    let mut end = new.end_offset(CONTROL, 0).await.context(failed)?;
    while last.is_some_and(|last| end <= last) {
        new.append(CONTROL, 0, vec![lost(now)]).await.context(failed)?;
        end += 1;
    }
    Ok(())
}

async fn all(log: &dyn EventLog) -> eventlog::Result<Vec<Stored>> {
    let mut all: Vec<Stored> = Vec::new();
    let mut next = log.start_offset(CONTROL, 0).await?;
    loop {
        let some = log.read(CONTROL, 0, next, READ_BYTES).await?;
        let Some(last) = some.last() else { return Ok(all) };
        next = last.offset + 1;
        all.extend(some);
    }
}

/// A record in the place of one that is lost.
fn lost(now: Instant) -> Record {
    let header = Header {
        kind: Kind::Control,
        collector: "generation".to_owned(),
        epoch: 0,
        batch: 0,
        received: now.micros(),
        sources: Vec::new(),
        released: false,
    };
    Record { header, value: Bytes::from_static(br#"{"action":"lost"}"#) }
}
