//! `volymer.csv`: the volumes that the year was planned with.

use std::collections::BTreeMap;

use domain::catalogue::PlannedVolume;

use super::Draft;
use crate::finding::{Code, say};
use crate::sheet::{Column, needed};
use crate::table::Table;
use crate::values;

const FILE: &str = "volymer.csv";
const COLUMNS: &[Column] = &[needed("tjänst"), needed("mätare"), needed("klass"), needed("volym")];

pub(super) fn read(draft: &mut Draft) {
    let Some(rows) = draft.sheet(FILE, COLUMNS) else { return };
    let mut seen = BTreeMap::new();
    for row in &rows {
        let Some(planned) = read_volume(draft, row) else { continue };
        let key = (planned.service.clone(), planned.meter.clone(), planned.class.clone());
        if let Some(line) = seen.insert(key, row.place.number()) {
            draft.find(
                Code::VolumeTwice,
                &row.place,
                say(
                    format!("volymen finns redan på rad {line}"),
                    format!("the volume is already on line {line}"),
                ),
                say("ta bort den ena raden", "remove one of the rows"),
            );
        }
        draft.catalogue.volumes.push(planned);
    }
}

fn read_volume(draft: &mut Draft, row: &Table) -> Option<PlannedVolume> {
    let volume = row.required("volym", &mut draft.findings).cloned();
    let volume = volume.and_then(|cell| values::quantity(&cell, &mut draft.findings));
    let (service, meter) = draft.meter(row)?;
    let class = draft.class(row, &meter)?;
    Some(PlannedVolume { service, meter: meter.slug, class, volume: volume? })
}
