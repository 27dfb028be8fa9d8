//! What is said of each class, in Swedish.

use billing::retention::Class;
use domain::Month;

/// What it is.
pub(super) const fn what(class: Class) -> &'static str {
    match class {
        Class::EventDetails => "händelsers id, ämne, kund, objekt och dimensioner",
        Class::Quarantine => "händelser i karantänen, som de kom",
        Class::Identities => {
            "identiteter: det som skiljer händelser från dubbletter och som rättelser drar ifrån"
        }
        Class::Accounting => {
            "räkenskapsinformation: debiteringar, stängda månader, dokument, månadsvolymer, katalogversioner, beslutslogg"
        }
    }
}

/// For how long.
pub(super) fn time(class: Class, time: u32) -> String {
    match class {
        Class::EventDetails => format!("{time} hela månader"),
        Class::Quarantine => format!("{time} månader"),
        Class::Identities => format!("{time} månader och 2 till"),
        Class::Accounting => format!("{time} år efter räkenskapsårets slut"),
    }
}

/// By which rule.
pub(super) const fn rule(class: Class) -> &'static str {
    match class {
        Class::EventDetails => "gallringsbeslut (arkivlagen 1990:782 10 §); bara ur stängda månader",
        Class::Quarantine => "identitetshorisonten: så länge kan en händelse ännu räknas",
        Class::Identities => "identitetshorisonten; programmet gallrar själv",
        Class::Accounting => "LKBR 2018:597; gallras inte av programmet, kan arkiveras",
    }
}

/// Why something old stays.
pub(super) fn held(month: Month) -> String {
    format!("månaden {month} är inte stängd: dess händelser kan ännu behöva förklaras")
}
