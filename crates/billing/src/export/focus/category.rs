//! What kind of service it is, in FOCUS's closed lists of ServiceCategory and ServiceSubcategory.

use domain::catalogue::{Catalogue, Meter};
use domain::event::TYPE_PREFIX;

/// A category and its subcategory.
pub(super) type Category = (&'static str, &'static str);

const OTHER: Category = ("Other", "Other (Other)");

/// The category of a service: as the catalogue says. Where it does not, what its meters count says what it is: those that
/// are billed come first, then the order of their slugs decides, and what is billed by agreements alone is `Other`.
pub(super) fn category(catalogue: &Catalogue, service: &str) -> Category {
    if let Some(said) = catalogue.focus.get(service) {
        return (said.category(), said.name());
    }
    let Some(service) = catalogue.services.get(service) else { return OTHER };
    let (billed, shown): (Vec<&Meter>, Vec<&Meter>) = service.meters.values().partition(|meter| meter.billed);
    let types = billed.into_iter().chain(shown).filter_map(|meter| meter.event_type.as_deref());
    types.filter_map(of_event).next().unwrap_or(OTHER)
}

/// By what an event type is about: what stands after the prefix that all have.
fn of_event(event_type: &str) -> Option<Category> {
    let about = event_type.strip_prefix(TYPE_PREFIX)?.split('.').next()?;
    Some(match about {
        "account" | "card" | "login" | "signature" => ("Identity", "Identity and Access Management"),
        "connection" | "vpn" => ("Networking", "Network Connectivity"),
        "accesspoint" | "wifi" => ("Networking", "Network Infrastructure"),
        "storage" => ("Storage", "Storage Platforms"),
        "backup" => ("Storage", "Backup Storage"),
        "device" | "print" | "printqueue" => ("Compute", "End User Computing"),
        "server" => ("Compute", "Other (Compute)"),
        "vm" => ("Compute", "Virtual Machines"),
        "database" => ("Databases", "Other (Databases)"),
        "subscription" => ("Mobile", "Other (Mobile)"),
        "call" | "extension" | "meeting" | "room" => {
            ("Business Applications", "Productivity and Collaboration")
        }
        "eservice" => ("Business Applications", "Other (Business Applications)"),
        "integration" => ("Integration", "Other (Integration)"),
        "robot" => ("Integration", "Workflow Orchestration"),
        "monitored" => ("Management and Governance", "Observability"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use domain::focus::ServiceSubcategory;

    use super::*;

    #[test]
    fn every_service_is_what_the_catalogue_says_or_its_events_tell_and_focus_knows_it() {
        let mut linkoping = catalog::check(&catalog::linkoping()).unwrap().catalogue;
        for slug in linkoping.services.keys() {
            let (of, name) = category(&linkoping, slug);
            let known = ServiceSubcategory::from_name(name).map(ServiceSubcategory::category);
            assert_eq!(known, Some(of), "{slug}: {name}");
        }
        let mdm = |catalogue: &Catalogue| category(catalogue, "mdm").1;
        assert_eq!(mdm(&linkoping), "Endpoint Management");
        linkoping.focus.clear();
        assert_eq!(mdm(&linkoping), "End User Computing", "its meter counts devices");
        assert_eq!(category(&linkoping, "driftavtal"), OTHER, "agreements do not tell");
    }
}
