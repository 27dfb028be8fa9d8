//! Signed rows → the observations that are alive (counting §5).

use domain::{EventKey, Instant, Quantity};
use store::rollup::SignedObservation;
use store::rows::Position;

/// An observation that is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Observation<'a> {
    pub(super) source: &'a str,
    pub(super) subject: &'a str,
    pub(super) time: Instant,
    pub(super) id: &'a str,
    pub(super) seq: u32,
    pub(super) series: &'a str,
    pub(super) day: i32,
    pub(super) costcentre: &'a str,
    pub(super) class: &'a str,
    pub(super) quantity: Quantity,
    pub(super) retracted: bool,
}

/// Of the rows of one key it keeps the sum of their signs and the positive one of the greatest position. Rows that are
/// there twice (an insert was repeated) are told by their equal position and sign.
#[derive(Debug, Default)]
pub(super) struct Alive {
    group: Option<Group>,
    /// The group's source and subject.
    whose: String,
    text: String,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    key: EventKey,
    time: Instant,
    signs: i64,
    last: (u16, Position, i8),
    value: Option<Value>,
}

/// The positive row of the greatest position; its text lies in the buffer, end to end.
#[derive(Debug, Clone, Copy)]
struct Value {
    place: (u16, Position),
    /// Where source, subject, id, series, cost centre and class end in the buffer.
    ends: [usize; 6],
    seq: u32,
    day: i32,
    quantity: Quantity,
    retracted: bool,
}

impl Alive {
    pub(super) fn give(&mut self, row: &SignedObservation<'_>, each: impl FnMut(&Observation<'_>)) {
        let same = self
            .group
            .is_some_and(|group| group.key == row.key && group.time == row.time && self.is_same(row));
        if !same {
            self.end(each);
            self.whose.clear();
            self.whose.push_str(row.source);
            self.whose.push_str(row.subject);
        }
        let place = (row.generation, row.position);
        let this = (row.generation, row.position, row.sign);
        let group = self.group.get_or_insert(Group {
            key: row.key,
            time: row.time,
            signs: 0,
            last: (0, Position::default(), 0),
            value: None,
        });
        if group.last == this {
            return;
        }
        group.last = this;
        group.signs += i64::from(row.sign);
        if row.sign > 0 && group.value.is_none_or(|value| value.place <= place) {
            group.value = Some(keep(&mut self.text, row));
        }
    }

    pub(super) fn end(&mut self, mut each: impl FnMut(&Observation<'_>)) {
        let Some(group) = self.group.take() else { return };
        // More than 1 cannot be; a preview may see half of a revision and less.
        let Some(value) = group.value.filter(|_| group.signs > 0) else { return };
        let [source, subject, id, series, costcentre, class] = value.ends;
        let text = &self.text;
        each(&Observation {
            source: &text[..source],
            subject: &text[source..subject],
            time: group.time,
            id: &text[subject..id],
            seq: value.seq,
            series: &text[id..series],
            day: value.day,
            costcentre: &text[series..costcentre],
            class: &text[costcentre..class],
            quantity: value.quantity,
            retracted: value.retracted,
        });
    }

    /// Whether a row has the group's source and subject: one identity may have two subjects at one instant.
    fn is_same(&self, row: &SignedObservation<'_>) -> bool {
        let whose = &self.whose;
        whose.len() == row.source.len() + row.subject.len()
            && whose.starts_with(row.source)
            && whose.ends_with(row.subject)
    }
}

fn keep(text: &mut String, row: &SignedObservation<'_>) -> Value {
    text.clear();
    let ends = [row.source, row.subject, row.id, row.series, row.costcentre, row.class].map(|part| {
        text.push_str(part);
        text.len()
    });
    Value {
        place: (row.generation, row.position),
        ends,
        seq: row.seq,
        day: row.day,
        quantity: row.quantity,
        retracted: row.retracted,
    }
}
