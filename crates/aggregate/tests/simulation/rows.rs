//! What the core writes, as rows of the tables in memory.

use domain::usage::{DailyUsage, MonthlyUsage};
use domain::{EventKey, Instant, Quantity};
use store::counting::{Step, StoredEvent};
use store::rollup::{CutRow, Head, RevisionRows};
use store::rows::{Batch, Dictionary, Position, ProgressRow, SignedRow};

use crate::closer::Lines;

/// The key of an observation or a marker, in its order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SignedKey {
    pub(crate) meter: String,
    pub(crate) source: String,
    pub(crate) subject: String,
    pub(crate) time: Instant,
    pub(crate) key: EventKey,
    pub(crate) generation: u16,
    pub(crate) partition: u32,
    pub(crate) position: Position,
    pub(crate) sign: i8,
}

/// Its other columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) id: String,
    pub(crate) seq: u32,
    pub(crate) series: String,
    pub(crate) day: i32,
    pub(crate) costcentre: String,
    pub(crate) class: String,
    pub(crate) quantity: Quantity,
    pub(crate) retracted: bool,
    pub(crate) count: u32,
    pub(crate) refused: u32,
}

/// The key of a cell; the service is always the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CellKey {
    pub(crate) meter: String,
    pub(crate) costcentre: String,
    pub(crate) class: String,
    pub(crate) day: i32,
    pub(crate) generation: u16,
    pub(crate) partition: u32,
    pub(crate) window: u64,
}

/// A place in the log: generation, partition, position.
pub(crate) type Placed = (u16, u32, Position);

/// A row of any table.
#[derive(Debug, Clone)]
pub(crate) enum Row {
    Event(u32, Box<StoredEvent>),
    Observation(SignedKey, Box<Value>),
    Snapshot(SignedKey, Box<Value>),
    Cell(CellKey, u64, i128),
    Quarantine(Placed, String),
    Mark((String, u16, u32), Position, Instant),
    Progress(u16, u32, Box<ProgressRow>),
    Month(u128, Box<MonthlyUsage>),
    Day(u128, Box<DailyUsage>),
    Head(Box<Head>),
    Cut(Box<CutRow>),
    Charge(u64, domain::Month, Lines),
}

/// What is written at once.
pub(crate) type Effect = Vec<Row>;

fn stored(batch: &Batch, dictionary: &Dictionary, index: usize) -> StoredEvent {
    let (row, text) = (&batch.events[index], &batch.text);
    let symbol = |symbol| dictionary.text(symbol).to_owned();
    StoredEvent {
        key: row.key,
        seq: row.seq,
        generation: row.generation,
        position: row.position,
        life: row.life,
        fingerprint: row.fingerprint,
        effect: row.effect,
        service: symbol(row.service),
        meter: symbol(row.meter),
        costcentre: symbol(row.costcentre),
        class: symbol(row.class),
        series: text.get(row.series).to_owned(),
        day: row.day,
        quantity: row.quantity,
        retracted: row.retracted,
        count: row.count,
        refused: row.refused,
        source: symbol(row.source),
        id: text.get(row.id).to_owned(),
        subject: text.get(row.subject).to_owned(),
        time: row.time,
        received: row.received,
    }
}

fn signed(batch: &Batch, dictionary: &Dictionary, row: &SignedRow) -> (SignedKey, Box<Value>) {
    let event = stored(batch, dictionary, row.event as usize);
    let key = SignedKey {
        meter: event.meter,
        source: event.source,
        subject: event.subject,
        time: event.time,
        key: event.key,
        generation: batch.generation,
        partition: batch.partition,
        position: row.position,
        sign: row.sign,
    };
    let value = Value {
        id: event.id,
        seq: event.seq,
        series: event.series,
        day: event.day,
        costcentre: event.costcentre,
        class: event.class,
        quantity: event.quantity,
        retracted: event.retracted,
        count: event.count,
        refused: event.refused,
    };
    (key, Box::new(value))
}

fn signed_rows(
    rows: &[SignedRow],
    batch: &Batch,
    dictionary: &Dictionary,
    make: impl Fn(SignedKey, Box<Value>) -> Row,
) -> Effect {
    let one = |row| {
        let (key, value) = signed(batch, dictionary, row);
        make(key, value)
    };
    rows.iter().map(one).collect()
}

/// The rows of a step of an emission.
pub(crate) fn of_step(step: Step, batch: &Batch, dictionary: &Dictionary) -> Effect {
    let text = |symbol| dictionary.text(symbol).to_owned();
    let Batch { generation, partition, .. } = *batch;
    match step {
        Step::Events => (0..batch.events.len())
            .filter(|index| !batch.events[*index].stored)
            .map(|index| Row::Event(partition, Box::new(stored(batch, dictionary, index))))
            .collect(),
        Step::Observations => signed_rows(&batch.observations, batch, dictionary, Row::Observation),
        Step::Snapshots => signed_rows(&batch.snapshots, batch, dictionary, Row::Snapshot),
        Step::Cells => batch
            .cells
            .iter()
            .map(|cell| {
                let key = CellKey {
                    meter: text(cell.meter),
                    costcentre: text(cell.costcentre),
                    class: text(cell.class),
                    day: cell.day,
                    generation,
                    partition,
                    window: cell.window,
                };
                Row::Cell(key, cell.upto, cell.amount)
            })
            .collect(),
        Step::Quarantine => batch
            .quarantine
            .iter()
            .map(|row| Row::Quarantine((generation, partition, row.position), row.code.clone()))
            .collect(),
        Step::Marks => batch
            .marks
            .iter()
            .map(|(collector, (position, until))| {
                Row::Mark((collector.clone(), generation, partition), *position, *until)
            })
            .collect(),
        Step::Progress(window) => {
            vec![Row::Progress(generation, partition, Box::new(batch.progress[window].clone()))]
        }
    }
}

/// The rows of a revision.
pub(crate) fn of_revision(revision: u128, rows: &RevisionRows) -> Effect {
    let months = rows.months.iter().map(|row| Row::Month(revision, Box::new(row.clone())));
    let days = rows.days.iter().map(|row| Row::Day(revision, Box::new(row.clone())));
    months.chain(days).collect()
}
