//! An event as a row: its text goes into the batch's arena or dictionary.

use std::borrow::Cow;

use domain::usage::MeterKind;
use domain::{Body, Event, EventKey, Fingerprint, Quantity};
use store::rows::{Effect, EventRow, Position, Span, Symbol, days_of};

use super::Counter;
use crate::record::Decoded;

impl Counter {
    pub(super) fn row(
        &mut self,
        record: &Decoded<'_>,
        position: Position,
        event: &Event<'_>,
        key: EventKey,
        fingerprint: Fingerprint,
    ) -> EventRow {
        let meter = self.meter_of(event);
        let (kind, service, meter_symbol) = (meter.kind, meter.service, meter.meter);
        let row = EventRow {
            key,
            seq: event.seq(),
            generation: self.place.generation,
            position,
            life: position.place(self.place.generation),
            fingerprint,
            effect: Effect::Marker,
            service,
            meter: meter_symbol,
            costcentre: Symbol::default(),
            class: Symbol::default(),
            series: Span::default(),
            day: 0,
            quantity: Quantity::ZERO,
            retracted: false,
            count: 0,
            refused: 0,
            source: self.dictionary.symbol(&event.source),
            id: self.batch.text.push(&event.id),
            subject: self.batch.text.push(&event.subject),
            time: event.time,
            received: record.received,
            customer: Symbol::default(),
            object: Span::default(),
            dims: Span::default(),
            stored: false,
            previous: 0,
        };
        match &event.body {
            Body::SnapshotCompleted(marker) => {
                EventRow { day: days_of(marker.day), count: marker.count, refused: marker.refused, ..row }
            }
            Body::Usage(usage) => EventRow {
                effect: effect(kind, usage.retracted),
                costcentre: self.dictionary.symbol(&usage.customer.costcentre),
                class: self.class(event),
                series: self.series(event),
                day: days_of(usage.day),
                quantity: usage.quantity,
                retracted: usage.retracted,
                customer: self.dictionary.symbol(&usage.customer.code),
                object: self.batch.text.push(usage.customer.object.as_deref().unwrap_or("")),
                dims: self.dims(&usage.dims),
                ..row
            },
        }
    }

    /// The values of the rating dimensions, joined by `/`: those that are missing were refused before.
    fn class(&mut self, event: &Event<'_>) -> Symbol {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        join(&mut scratch, event, &self.meter_of(event).rating);
        let class = self.dictionary.symbol(&scratch);
        self.scratch = scratch;
        class
    }

    /// The values of the series dimensions, joined by `/`; a missing one is empty.
    fn series(&mut self, event: &Event<'_>) -> Span {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        join(&mut scratch, event, &self.meter_of(event).series);
        let series = self.batch.text.push(&scratch);
        self.scratch = scratch;
        series
    }

    /// The dimensions as a JSON object, in their order by name.
    fn dims(&mut self, dims: &[(Cow<'_, str>, Cow<'_, str>)]) -> Span {
        if dims.is_empty() {
            return Span::default();
        }
        let start = self.batch.text.end();
        let out = self.batch.text.as_mut_string();
        for (n, (name, value)) in dims.iter().enumerate() {
            out.push(if n == 0 { '{' } else { ',' });
            quote(out, name);
            out.push(':');
            quote(out, value);
        }
        out.push('}');
        self.batch.text.since(start)
    }
}

fn effect(kind: MeterKind, retracted: bool) -> Effect {
    match kind {
        MeterKind::Sum | MeterKind::Count if retracted => Effect::None,
        MeterKind::Sum => Effect::Sum,
        MeterKind::Count => Effect::Count,
        MeterKind::Unique => Effect::Subject,
        MeterKind::AvgDaily | MeterKind::TimeWeighted | MeterKind::Peak | MeterKind::Latest => {
            Effect::Observation
        }
        // Refused before it gets here.
        MeterKind::Fixed => Effect::None,
    }
}

fn join(out: &mut String, event: &Event<'_>, names: &[Box<str>]) {
    let Body::Usage(usage) = &event.body else { return };
    for (n, name) in names.iter().enumerate() {
        if n > 0 {
            out.push('/');
        }
        if let Some((_, value)) = usage.dims.iter().find(|(dim, _)| **dim == **name) {
            out.push_str(value);
        }
    }
}

/// A JSON string. Control characters cannot be in it: the event was checked.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}
