//! Streams that are read by time: from where the last turn ended until shortly before now, one step after another.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Failure, READ_RECORDS, Read, Record, utc};

/// How a stream is walked along.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    /// Where it begins.
    pub(super) from: DateTime<Utc>,
    /// How long a time is asked for at once. It is whole or it is not read.
    pub(super) step: TimeDelta,
    /// What is younger is left for later: it may not all be there yet.
    pub(super) settling: TimeDelta,
    /// What is read again by the next turn: it may have come late.
    pub(super) overlap: TimeDelta,
}

impl Walk {
    /// Reads step by step with `ask`, which gives what is in a time, until there is enough for one read.
    pub(super) async fn read<Asked>(
        &self,
        at: DateTime<Utc>,
        cursor: Option<&str>,
        ask: impl Fn(DateTime<Utc>, DateTime<Utc>) -> Asked,
    ) -> Result<Read, Failure>
    where
        Asked: Future<Output = Result<Vec<Record>, Failure>>,
    {
        let mut position = self.begin(cursor)?;
        let end = at - self.settling;
        let mut records = Vec::new();
        while position < end && records.len() < READ_RECORDS {
            let until = end.min(position + self.step);
            records.extend(ask(position, until).await?);
            position = until;
        }
        let more = position < end;
        let next = if more { position } else { self.from.max(position.min(end) - self.overlap) };
        Ok(Read { records, cursor: Some(utc(next)), more })
    }

    fn begin(&self, cursor: Option<&str>) -> Result<DateTime<Utc>, Failure> {
        let Some(text) = cursor else { return Ok(self.from) };
        let time = DateTime::parse_from_rfc3339(text).map_err(|error| {
            Failure::Refused(format!("{text:?} is no cursor of a stream by time: {error}"))
        })?;
        Ok(time.to_utc().max(self.from))
    }
}
