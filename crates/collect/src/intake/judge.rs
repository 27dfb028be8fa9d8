//! event + catalogue + clock + sender → counts, parked or refused (V3, V5–V7)

use domain::catalogue::{Catalogue, Meter, Service};
use domain::event::{AHEAD_MICROS_MAX, Usage};
use domain::rejection::{Code, Rejection};
use domain::usage::MeterKind;
use domain::{Body, Event, Instant};

use super::Principal;

/// What is to be done with an event that is not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on the usage log.
    Counts {
        /// Whether its cost centre has a payer on its day; a marker has no cost centre and needs none.
        attributed: bool,
    },
    /// It waits in the quarantine until the catalogue knows its service and meter.
    Parked(Rejection),
}

/// Judges the events of one batch.
pub(super) struct Judge<'a> {
    catalogue: &'a Catalogue,
    received: Instant,
    principal: &'a Principal,
    /// The last event's: a batch mostly has one meter, and two comparisons are cheaper than two searches.
    last: Option<(&'a Service, &'a Meter)>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(catalogue: &'a Catalogue, received: Instant, principal: &'a Principal) -> Self {
        Self { catalogue, received, principal, last: None }
    }

    /// Everything that the event alone does not tell. [`Event::check`] has found it right in itself.
    pub(super) fn verdict(&mut self, event: &Event<'_>) -> Result<Verdict, Rejection> {
        if !self.principal.may_send(&event.source) {
            return Err(Rejection::new(
                Code::SourceNotAllowed,
                "the key is not registered for this source; register it, or send with the key that is",
            ));
        }
        if event.time.micros() > self.received.micros().saturating_add(AHEAD_MICROS_MAX) {
            let detail = format!("time is {} but the collector's clock shows {}", event.time, self.received);
            return Err(Rejection::new(Code::TimeInFuture, detail));
        }
        let (service, meter) = match self.find(event.service(), event.meter()) {
            Ok(found) => found,
            Err(unknown) => return Ok(Verdict::Parked(unknown)),
        };
        if meter.kind == MeterKind::Fixed {
            let detail = format!("{}/{} is billed from the catalogue's agreements", service.slug, meter.slug);
            return Err(Rejection::new(Code::MeterTakesNoEvents, detail));
        }
        let day = match &event.body {
            Body::Usage(usage) => {
                check_usage(service, meter, &event.event_type, usage)?;
                usage.day
            }
            Body::SnapshotCompleted(_) if meter.kind.is_summed() => {
                let detail =
                    format!("{}/{} adds up single events and has no snapshots", service.slug, meter.slug);
                return Err(Rejection::new(Code::TypeNotOfMeter, detail));
            }
            Body::SnapshotCompleted(marker) => marker.day,
        };
        // The date of `time` is that day or the next, so it need not be asked for when the day is late enough.
        if day < service.start && event.time.day() < service.start {
            let detail = format!("{} is delivered from {} on", service.slug, service.start);
            return Err(Rejection::new(Code::BeforeServiceStart, detail));
        }
        Ok(Verdict::Counts { attributed: self.is_attributed(&event.body) })
    }

    fn find(&mut self, service: &str, meter: &str) -> Result<(&'a Service, &'a Meter), Rejection> {
        if let Some(last) = self.last.filter(|(s, m)| s.slug == service && m.slug == meter) {
            return Ok(last);
        }
        let Some(known) = self.catalogue.services.get(service) else {
            let detail = format!("the catalogue has no service {service} yet; the event waits for it");
            return Err(Rejection::new(Code::UnknownService, detail));
        };
        let Some(found) = known.meters.get(meter) else {
            let detail =
                format!("{service} has no meter {meter} in the catalogue yet; the event waits for it");
            return Err(Rejection::new(Code::UnknownMeter, detail));
        };
        self.last = Some((known, found));
        Ok((known, found))
    }

    fn is_attributed(&self, body: &Body<'_>) -> bool {
        match body {
            Body::Usage(usage) => self.catalogue.payer(&usage.customer.costcentre, usage.day).is_some(),
            Body::SnapshotCompleted(_) => true,
        }
    }
}

fn check_usage(
    service: &Service,
    meter: &Meter,
    event_type: &str,
    usage: &Usage<'_>,
) -> Result<(), Rejection> {
    let (service, slug) = (&service.slug, &meter.slug);
    if meter.event_type.as_deref() != Some(event_type) {
        let wanted = meter.event_type.as_deref().unwrap_or("none");
        return Err(Rejection::new(
            Code::TypeNotOfMeter,
            format!("{service}/{slug} is fed by events of type {wanted}"),
        ));
    }
    if usage.unit != meter.unit {
        return Err(Rejection::new(
            Code::WrongUnit,
            format!("{service}/{slug} is measured in {}", meter.unit),
        ));
    }
    if usage.quantity.micros() < 0 && !(meter.negative && meter.kind.is_summed()) {
        let detail =
            format!("{service}/{slug} takes no negative quantity; correct an event with a higher seq");
        return Err(Rejection::new(Code::NegativeQuantity, detail));
    }
    for dimension in meter.dimensions.iter().filter(|dimension| dimension.rating) {
        let name = &dimension.name;
        let Some((_, value)) = usage.dims.iter().find(|(given, _)| given == name) else {
            let detail =
                format!("{service}/{slug} is priced by dims.{name}: one of {}", dimension.values.join(", "));
            return Err(Rejection::new(Code::MissingDimension, detail));
        };
        if !dimension.values.iter().any(|known| known == value) {
            let detail =
                format!("dims.{name} of {service}/{slug} must be one of {}", dimension.values.join(", "));
            return Err(Rejection::new(Code::UnknownDimensionValue, detail));
        }
    }
    Ok(())
}
