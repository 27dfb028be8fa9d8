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
    /// Reads step by step with `ask`, which gives what is in a time, until there is enough for one read. No read ends within
    /// what the next turn reads again: the rest may be read much later, and what came late before it would be passed by.
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
        let again = end - self.overlap;
        while position < end && (records.len() < READ_RECORDS || position > again) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn no_part_ends_within_what_the_next_turn_reads_again() {
        let overlap = TimeDelta::hours(12);
        let walk = Walk {
            from: at("2021-03-10T00:00:00Z"),
            step: TimeDelta::hours(1),
            settling: TimeDelta::minutes(2),
            overlap,
        };
        // An hour has enough for a read.
        let ask = async |_, _| Ok(vec![Record::new(); READ_RECORDS]);
        let end = at("2021-03-11T12:00:00Z");
        let (mut cursor, mut parts) = (None, Vec::new());
        loop {
            let read = walk.read(end, cursor.as_deref(), ask).await.unwrap();
            parts.push(read.records.len() / READ_RECORDS);
            cursor = read.cursor;
            let position = at(cursor.as_deref().unwrap());
            assert!(position <= end - walk.settling - overlap, "{position}");
            if !read.more {
                break;
            }
        }
        // 23 of an hour each until 23:00; the step beyond 23:58 is followed by all the rest.
        assert_eq!(parts, [vec![1; 23], vec![13]].concat());
        assert_eq!(cursor.as_deref(), Some("2021-03-10T23:58:00Z"));
    }
}
