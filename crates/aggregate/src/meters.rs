//! What counting needs to know of meters: their kinds and dimensions. Neither ever changes (design §7), so results cannot
//! depend on when the catalogue was read; only a meter that is not known yet must be waited for.

use std::collections::BTreeMap;

use domain::catalogue::Catalogue;
use domain::usage::MeterKind;
use store::rows::{Dictionary, Symbol};

/// A meter, ready for the hot path.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    pub(crate) kind: MeterKind,
    pub(crate) service: Symbol,
    pub(crate) meter: Symbol,
    pub(crate) rating: Vec<Box<str>>,
    pub(crate) series: Vec<Box<str>>,
}

/// The meters that were met so far.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    known: BTreeMap<Box<str>, BTreeMap<Box<str>, Meter>>,
}

impl Meters {
    pub(crate) fn get(&self, service: &str, meter: &str) -> Option<&Meter> {
        self.known.get(service)?.get(meter)
    }

    /// Makes a meter ready; false when the catalogue does not know it.
    pub(crate) fn learn(
        &mut self,
        service: &str,
        meter: &str,
        catalogue: &Catalogue,
        dictionary: &mut Dictionary,
    ) -> bool {
        if self.get(service, meter).is_some() {
            return true;
        }
        let Some(found) = catalogue.meter(service, meter) else { return false };
        let names = |wanted: fn(&domain::catalogue::Dimension) -> bool| {
            found
                .dimensions
                .iter()
                .filter(|dimension| wanted(dimension))
                .map(|d| d.name.as_str().into())
                .collect()
        };
        let ready = Meter {
            kind: found.kind,
            service: dictionary.symbol(service),
            meter: dictionary.symbol(meter),
            rating: names(|dimension| dimension.rating),
            series: names(|dimension| dimension.series),
        };
        self.known.entry(service.into()).or_default().insert(meter.into(), ready);
        true
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }
}
