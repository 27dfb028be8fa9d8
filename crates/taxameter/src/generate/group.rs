//! The flows that one source reports together, and the marker that completes their snapshot.

use domain::event::{DATASCHEMA, SNAPSHOT_COMPLETED};

/// The flows of one meter from one source: a snapshot, when the meter has snapshots.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) source: u16,
    pub(super) flows: std::ops::Range<usize>,
    pub(super) snapshot: bool,
    /// Read shortly after midnight, for the day before.
    pub(super) yesterday: bool,
    /// When the source is polled, in microseconds after the day's first instant.
    pub(super) poll: i64,
    pub(super) id_prefix: &'static str,
    pub(super) key: u64,
    pub(super) service: String,
    pub(super) meter: String,
}

impl Group {
    /// The JSON of the marker that completes a day's snapshot.
    pub(super) fn write_marker(
        &self,
        source: &str,
        date: &str,
        count: u32,
        refused: u32,
        time: &[u8],
        out: &mut Vec<u8>,
    ) {
        let mut put = |text: &str| out.extend_from_slice(text.as_bytes());
        put("{\"specversion\":\"1.0\",\"id\":\"");
        for part in [self.id_prefix, ":", &self.service, ":", &self.meter, ":", date] {
            put(part);
        }
        put(&format!(
            "\",\"source\":\"{source}\",\"type\":\"{SNAPSHOT_COMPLETED}\",\"subject\":\"snapshot:{}\",\"time\":\"",
            self.meter
        ));
        out.extend_from_slice(time);
        out.extend_from_slice(
            format!(
                "\",\"dataschema\":\"{DATASCHEMA}\",\"datacontenttype\":\"application/json\",\"data\":{{\"service\":\"{}\",\"meter\":\"{}\",\"day\":\"{date}\",\"count\":{count},\"refused\":{refused}}}}}",
                self.service, self.meter
            )
            .as_bytes(),
        );
    }
}
