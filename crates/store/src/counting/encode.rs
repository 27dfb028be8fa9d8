//! A batch as blocks: the rows of each table, sorted by its key, column by column.

use std::iter::once;

use domain::Instant;

use crate::native::Block;
use crate::rows::{
    Batch, Dictionary, Effect, EventRow, QuarantineRow, SignedRow, Symbol, Touched, days_of, nanos_of,
};

fn micros(instant: Instant) -> [u8; 8] {
    instant.micros().to_le_bytes()
}

pub(super) fn events(batch: &Batch, dictionary: &Dictionary) -> Block {
    let mut order: Vec<&EventRow> = batch.events.iter().filter(|row| !row.stored).collect();
    order.sort_unstable_by_key(|row| (row.key, row.seq, row.position));
    let rows = || order.iter().copied();
    let text = &batch.text;
    let mut block = Block::new(order.len());
    block.fixed("event_key", "UInt128", rows().map(|row| row.key.0.to_le_bytes()));
    block.fixed("seq", "UInt32", rows().map(|row| row.seq.to_le_bytes()));
    block.fixed("generation", "UInt16", rows().map(|row| row.generation.to_le_bytes()));
    block.fixed("partition", "UInt32", rows().map(|_| batch.partition.to_le_bytes()));
    block.fixed("position", "UInt64", rows().map(|row| row.position.0.to_le_bytes()));
    block.fixed(
        "precedence",
        "UInt64",
        rows().map(|row| row.position.precedence(row.generation).to_le_bytes()),
    );
    block.fixed("place", "UInt64", rows().map(|row| row.position.place(row.generation).to_le_bytes()));
    block.fixed("life", "UInt64", rows().map(|row| row.life.to_le_bytes()));
    block.fixed("fingerprint", "UInt128", rows().map(|row| row.fingerprint.0.to_le_bytes()));
    block.fixed("effect", Effect::COLUMN, rows().map(|row| (row.effect as i8).to_le_bytes()));
    block.symbols("service", dictionary, rows().map(|row| row.service));
    block.symbols("meter", dictionary, rows().map(|row| row.meter));
    block.symbols("costcentre", dictionary, rows().map(|row| row.costcentre));
    block.symbols("class", dictionary, rows().map(|row| row.class));
    block.strings("series", rows().map(|row| text.get(row.series).as_bytes()));
    block.fixed("day", "Date32", rows().map(|row| row.day.to_le_bytes()));
    block.fixed("quantity", "Decimal(38, 9)", rows().map(|row| nanos_of(row.quantity).to_le_bytes()));
    block.fixed("retracted", "UInt8", rows().map(|row| [u8::from(row.retracted)]));
    block.fixed("count", "UInt32", rows().map(|row| row.count.to_le_bytes()));
    block.fixed("refused", "UInt32", rows().map(|row| row.refused.to_le_bytes()));
    block.symbols("source", dictionary, rows().map(|row| row.source));
    block.strings("id", rows().map(|row| text.get(row.id).as_bytes()));
    block.strings("subject", rows().map(|row| text.get(row.subject).as_bytes()));
    block.fixed("time", "DateTime64(6, 'UTC')", rows().map(|row| micros(row.time)));
    block.fixed("received", "DateTime64(6, 'UTC')", rows().map(|row| micros(row.received)));
    block.symbols("customer", dictionary, rows().map(|row| row.customer));
    block.strings("object", rows().map(|row| text.get(row.object).as_bytes()));
    block.strings("dims", rows().map(|row| text.get(row.dims).as_bytes()));
    block
}

/// The rank of each symbol by its text, so that rows are sorted without looking at text.
fn ranks(dictionary: &Dictionary) -> Vec<u32> {
    let mut order: Vec<u32> = (0..dictionary.len() as u32).collect();
    order.sort_unstable_by_key(|symbol| dictionary.text(Symbol(*symbol)));
    let mut ranks = vec![0; order.len()];
    for (rank, symbol) in order.into_iter().enumerate() {
        ranks[symbol as usize] = rank as u32;
    }
    ranks
}

/// Signed rows with their events, in the order of the tables' keys; `inner` compares what comes after the source.
fn signed<'b>(
    batch: &'b Batch,
    dictionary: &Dictionary,
    rows: &'b [SignedRow],
    inner: impl Fn(&EventRow, &EventRow) -> std::cmp::Ordering,
) -> Vec<(&'b SignedRow, &'b EventRow)> {
    let ranks = ranks(dictionary);
    let rank = |symbol: Symbol| ranks[symbol.0 as usize];
    let mut order: Vec<_> = rows.iter().map(|row| (row, &batch.events[row.event as usize])).collect();
    order.sort_unstable_by(|(row_a, a), (row_b, b)| {
        (rank(a.service), rank(a.meter), rank(a.source))
            .cmp(&(rank(b.service), rank(b.meter), rank(b.source)))
            .then_with(|| inner(a, b))
            .then_with(|| {
                (a.time, a.key, row_a.position, row_a.sign).cmp(&(b.time, b.key, row_b.position, row_b.sign))
            })
    });
    order
}

pub(super) fn observations(batch: &Batch, dictionary: &Dictionary) -> Block {
    let text = &batch.text;
    let order =
        signed(batch, dictionary, &batch.observations, |a, b| text.get(a.subject).cmp(text.get(b.subject)));
    let events = || order.iter().map(|(_, event)| *event);
    let mut block = Block::new(order.len());
    block.symbols("service", dictionary, events().map(|row| row.service));
    block.symbols("meter", dictionary, events().map(|row| row.meter));
    block.symbols("source", dictionary, events().map(|row| row.source));
    block.strings("subject", events().map(|row| text.get(row.subject).as_bytes()));
    block.fixed("time", "DateTime64(6, 'UTC')", events().map(|row| micros(row.time)));
    signed_columns(&mut block, batch, &order);
    block.strings("id", events().map(|row| text.get(row.id).as_bytes()));
    block.fixed("seq", "UInt32", events().map(|row| row.seq.to_le_bytes()));
    block.strings("series", events().map(|row| text.get(row.series).as_bytes()));
    block.fixed("day", "Date32", events().map(|row| row.day.to_le_bytes()));
    block.symbols("costcentre", dictionary, events().map(|row| row.costcentre));
    block.symbols("class", dictionary, events().map(|row| row.class));
    block.fixed("quantity", "Decimal(38, 9)", events().map(|row| nanos_of(row.quantity).to_le_bytes()));
    block.fixed("retracted", "UInt8", events().map(|row| [u8::from(row.retracted)]));
    block
}

pub(super) fn snapshots(batch: &Batch, dictionary: &Dictionary) -> Block {
    let order = signed(batch, dictionary, &batch.snapshots, |a, b| a.day.cmp(&b.day));
    let events = || order.iter().map(|(_, event)| *event);
    let mut block = Block::new(order.len());
    block.symbols("service", dictionary, events().map(|row| row.service));
    block.symbols("meter", dictionary, events().map(|row| row.meter));
    block.symbols("source", dictionary, events().map(|row| row.source));
    block.fixed("day", "Date32", events().map(|row| row.day.to_le_bytes()));
    block.fixed("time", "DateTime64(6, 'UTC')", events().map(|row| micros(row.time)));
    signed_columns(&mut block, batch, &order);
    block.strings("id", events().map(|row| batch.text.get(row.id).as_bytes()));
    block.fixed("count", "UInt32", events().map(|row| row.count.to_le_bytes()));
    block.fixed("refused", "UInt32", events().map(|row| row.refused.to_le_bytes()));
    block
}

fn signed_columns(block: &mut Block, batch: &Batch, order: &[(&SignedRow, &EventRow)]) {
    block.fixed("event_key", "UInt128", order.iter().map(|(_, event)| event.key.0.to_le_bytes()));
    block.fixed("generation", "UInt16", order.iter().map(|_| batch.generation.to_le_bytes()));
    block.fixed("partition", "UInt32", order.iter().map(|_| batch.partition.to_le_bytes()));
    block.fixed("position", "UInt64", order.iter().map(|(row, _)| row.position.0.to_le_bytes()));
    block.fixed("sign", "Int8", order.iter().map(|(row, _)| row.sign.to_le_bytes()));
}

pub(super) fn cells(batch: &Batch, dictionary: &Dictionary) -> Block {
    let mut order: Vec<_> = batch.cells.iter().map(|cell| (first_of_month(cell.day), cell)).collect();
    let ranks = ranks(dictionary);
    let rank = |symbol: Symbol| ranks[symbol.0 as usize];
    order.sort_unstable_by_key(|(month, cell)| {
        let key = (rank(cell.service), rank(cell.meter), rank(cell.costcentre), rank(cell.class));
        (*month, key, cell.day, cell.window)
    });
    let cells = || order.iter().map(|(_, cell)| *cell);
    let mut block = Block::new(order.len());
    block.fixed("month", "Date32", order.iter().map(|(month, _)| month.to_le_bytes()));
    block.symbols("service", dictionary, cells().map(|cell| cell.service));
    block.symbols("meter", dictionary, cells().map(|cell| cell.meter));
    block.symbols("costcentre", dictionary, cells().map(|cell| cell.costcentre));
    block.symbols("class", dictionary, cells().map(|cell| cell.class));
    block.fixed("day", "Date32", cells().map(|cell| cell.day.to_le_bytes()));
    block.fixed("generation", "UInt16", cells().map(|_| batch.generation.to_le_bytes()));
    block.fixed("partition", "UInt32", cells().map(|_| batch.partition.to_le_bytes()));
    block.fixed("window", "UInt64", cells().map(|cell| cell.window.to_le_bytes()));
    block.fixed("upto", "UInt64", cells().map(|cell| cell.upto.to_le_bytes()));
    block.fixed("amount", "Int128", cells().map(|cell| cell.amount.to_le_bytes()));
    block
}

/// The first day of the month of a day.
fn first_of_month(day: i32) -> i32 {
    use chrono::Datelike;
    // Days come from dates, so they are in range.
    crate::rows::date_of(day).map_or(day, |date| day - date.day0() as i32)
}

pub(super) fn progress(batch: &Batch, window: usize) -> Block {
    let row = &batch.progress[window];
    let (barrier, received) = match row.barrier {
        Some((control, at)) => (i64::try_from(control).unwrap_or(i64::MAX), at.micros()),
        None => (-1, 0),
    };
    let mut block = Block::new(1);

    block.fixed("generation", "UInt16", once(batch.generation.to_le_bytes()));
    block.fixed("partition", "UInt32", once(batch.partition.to_le_bytes()));
    block.fixed("window", "UInt64", once(row.window.to_le_bytes()));
    block.fixed("version", "UInt64", once((row.upto * 2 + u64::from(row.sealed)).to_le_bytes()));
    block.fixed("upto", "UInt64", once(row.upto.to_le_bytes()));
    block.fixed("sealed", "UInt8", once([u8::from(row.sealed)]));
    block.fixed("barrier", "Int64", once(barrier.to_le_bytes()));
    block.fixed("barrier_received", "Int64", once(received.to_le_bytes()));
    let touched = || once(row.touched.len());
    let month = |touched: &Touched| days_of(touched.month.first_day()).to_le_bytes();
    block.fixed_arrays("touched_month", "Array(Date32)", touched(), row.touched.iter().map(month));
    block.string_arrays("touched_service", touched(), row.touched.iter().map(|t| t.service.as_bytes()));
    block.string_arrays("touched_meter", touched(), row.touched.iter().map(|t| t.meter.as_bytes()));
    block.fixed_arrays(
        "touched_carries",
        "Array(UInt8)",
        touched(),
        row.touched.iter().map(|t| [u8::from(t.carries)]),
    );
    let outcomes = || once(row.outcomes.len());
    block.string_arrays(
        "outcome_source",
        outcomes(),
        row.outcomes.iter().map(|(source, ..)| source.as_bytes()),
    );
    block.fixed_arrays(
        "outcome_day",
        "Array(Date32)",
        outcomes(),
        row.outcomes.iter().map(|(_, day, ..)| day.to_le_bytes()),
    );
    block.string_arrays(
        "outcome_name",
        outcomes(),
        row.outcomes.iter().map(|(_, _, name, _)| name.as_bytes()),
    );
    block.fixed_arrays(
        "outcome_count",
        "Array(UInt64)",
        outcomes(),
        row.outcomes.iter().map(|(.., n)| n.to_le_bytes()),
    );
    let batches = || once(row.batches.len());
    block.string_arrays("batch_collector", batches(), row.batches.iter().map(|(name, ..)| name.as_bytes()));
    block.fixed_arrays(
        "batch_epoch",
        "Array(UInt64)",
        batches(),
        row.batches.iter().map(|(_, epoch, _)| epoch.to_le_bytes()),
    );
    block.fixed_arrays(
        "batch_greatest",
        "Array(UInt64)",
        batches(),
        row.batches.iter().map(|(.., batch)| batch.to_le_bytes()),
    );
    block
}

pub(super) fn marks(batch: &Batch) -> Block {
    let marks = || batch.marks.iter();
    let mut block = Block::new(batch.marks.len());
    block.strings("collector", marks().map(|(collector, _)| collector.as_bytes()));
    block.fixed("generation", "UInt16", marks().map(|_| batch.generation.to_le_bytes()));
    block.fixed("partition", "UInt32", marks().map(|_| batch.partition.to_le_bytes()));
    block.fixed("position", "UInt64", marks().map(|(_, (position, _))| position.0.to_le_bytes()));
    block.fixed("spool_empty_until", "DateTime64(6, 'UTC')", marks().map(|(_, (_, until))| micros(*until)));
    block
}

pub(super) fn quarantine(origin: &str, batch: &Batch) -> Block {
    let mut order: Vec<&QuarantineRow> = batch.quarantine.iter().collect();
    order.sort_by_key(|row| row.position);
    let rows = || order.iter().copied();
    let text = |name, block: &mut Block, column: fn(&QuarantineRow) -> &str| {
        block.strings(name, order.iter().map(|row| column(row).as_bytes()));
    };
    let mut block = Block::new(order.len());
    text("code", &mut block, |row| &row.code);
    text("detail", &mut block, |row| &row.detail);
    text("source", &mut block, |row| &row.source);
    text("id", &mut block, |row| &row.id);
    text("hash", &mut block, |row| &row.hash);
    block.strings("origin", rows().map(|_| origin.as_bytes()));
    block.fixed("generation", "UInt16", rows().map(|_| batch.generation.to_le_bytes()));
    block.fixed("partition", "UInt32", rows().map(|_| batch.partition.to_le_bytes()));
    block.fixed("position", "UInt64", rows().map(|row| row.position.0.to_le_bytes()));
    block.fixed("entry", "UInt128", rows().map(|row| crate::quarantine::entry_of(row).to_le_bytes()));
    block.fixed("received", "DateTime64(6, 'UTC')", rows().map(|row| micros(row.received)));
    block.fixed("day", "Date32", rows().map(|row| days_of(row.received.day()).to_le_bytes()));
    text("collector", &mut block, |row| &row.record.0);
    block.fixed("epoch", "UInt64", rows().map(|row| row.record.1.to_le_bytes()));
    block.fixed("batch", "UInt64", rows().map(|row| row.record.2.to_le_bytes()));
    block.fixed("released", "UInt8", rows().map(|row| [u8::from(row.released)]));
    block.nullable_strings("event", rows().map(|row| row.event.as_deref()));
    block
}
