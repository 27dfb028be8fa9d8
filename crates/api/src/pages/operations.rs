//! `GET /operations`: whether all is taken in and counted, and what to do if not. Its reader was woken by an alert.

mod books;
mod codes;
pub(crate) mod entry;
mod facts;
mod gathered;
pub(crate) mod quarantine;
mod since;
mod tables;
mod verdict;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::access::Permission;

use super::frame::{Frame, Section};
use super::visit::Visit;
use crate::Shared;
use crate::problem::Problem;
use crate::session::Asker;
use crate::texts::{Texts, texts};
use books::BooksPart;
use facts::Facts;
use tables::{CheckRow, CollectorRow, DecisionRow, GatheredRow, LagRow, ReasonRow};
use verdict::Verdict;

texts! {
    /// The texts of the page of operations.
    Words {
        title: "Drift", "Operations";
        todo: "Gör så här", "What to do";
        says: "Felet lyder", "The error reads";
        more: "Visa", "Show";
        table: "Tabell", "Table";
        findings: "Det här behöver ses över", "What needs to be looked at";
        unread: "Gick inte att läsa just nu.", "Could not be read just now.";
        data: "Data", "Data";
        parts: "Programmets delar", "The parts of the program";
        parts_note: "Det som måste fungera för att händelser ska tas emot och räknas.", "What must work for events to be taken in and counted.";
        state: "Läge", "State";
        counting: "Räkning", "Counting";
        counting_note: "Händelser ligger i loggen, uppdelad i partitioner, tills de räknas. I vanliga fall tar det några sekunder.", "Events lie on the log, in partitions, until they are counted. In the ordinary way that takes seconds.";
        counting_none: "Räkningen har inte börjat.", "Counting has not begun.";
        partition: "Partition", "Partition";
        counted: "Räknad till", "Counted up to";
        waiting: "Väntar", "Waiting";
        oldest: "Äldsta väntande", "Oldest that waits";
        unsealed: "Avsnitt av loggen som är påbörjade men inte avslutade", "Sections of the log that are begun and not finished";
        collectors: "Insamlare", "Collectors";
        collectors_note: "De som tar emot händelser. Varje insamlare säger en gång i minuten att den inte har något kvar att lämna.", "Those that take events in. Each says once a minute that it has nothing left to hand over.";
        collectors_none: "Ingen insamlare har hörts av ännu.", "No collector was heard of yet.";
        collector: "Insamlare", "Collector";
        mark: "Senast tom", "Last empty";
        why: "Varför", "Why";
        gathering: "Hämtningar från andra system", "Gathering from other systems";
        gathering_none: "Den här processen hämtar inget från andra system.", "This process gathers nothing from other systems.";
        name: "Namn", "Name";
        source: "Källa", "Source";
        last: "Senast klar", "Last done";
        next: "Nästa", "Next";
        records: "Lästa", "Read";
        taken: "Mottagna", "Taken";
        refused: "Avvisade", "Refused";
        quarantine: "Karantän", "Quarantine";
        quarantine_note: "Händelser som inte räknades, efter orsak. De ligger kvar även sedan felet är åtgärdat.", "Events that were not counted, by reason. They stay, also once the fault is mended.";
        quarantine_none: "Karantänen är tom.", "The quarantine is empty.";
        quarantine_all: "Visa alla händelser i karantänen", "Show all events in the quarantine";
        reason: "Orsak", "Reason";
        events: "Händelser", "Events";
        lately: "Senaste dygnet", "Within a day";
        seen: "Senast sedd", "Last seen";
        books: "Avstämning", "Reconciliation";
        books_note: "Allt som tas emot ska få ett utfall. En skillnad är händelser som har försvunnit (över noll) eller tillkommit (under noll).", "Whatever is taken in must have an outcome. A difference is events that were lost (above zero) or made up (below zero).";
        books_even: "Allt går ihop.", "Everything adds up.";
        books_none: "Inga händelser de här dagarna.", "No events on these days.";
        differing: "Rader som inte går ihop", "Lines that differ";
        even: "Det som går ihop, per dag", "What adds up, by day";
        day: "Dag", "Day";
        sources: "Källor", "Sources";
        accepted: "Mottagna", "Accepted";
        resent: "Omsända", "Resent";
        released: "Frisläppta", "Released";
        logged: "Räknade", "Counted";
        duplicate: "varav dubbletter", "of them duplicates";
        parked: "Väntar på katalogen", "Waiting for the catalogue";
        quarantined: "I karantän", "In quarantine";
        difference: "Skillnad", "Difference";
        sent: "Enligt avsändaren", "As the sender says";
        sent_difference: "Skillnad mot avsändaren", "Difference from the sender";
        unknown_source: "okänd källa", "unknown source";
        decisions: "Senaste besluten", "The latest decisions";
        decisions_whole: "Beslutsloggen är hel: inget beslut har ändrats, flyttats eller tagits bort.", "The control log is whole: no decision was changed, moved or taken out.";
        decisions_wrong: "Beslutsloggen är inte hel.", "The control log is not whole.";
        decisions_none: "Inga beslut ännu.", "No decisions yet.";
        decisions_hidden: "Besluten visas för den som får granska dem.", "The decisions are shown to those who may audit them.";
        at: "När", "When";
        decision: "Beslut", "Decision";
        about: "Om", "About";
        outcome: "Utfall", "Outcome";
        program: "Program och katalog", "Program and catalogue";
        version: "Version", "Version";
        catalogue: "Katalog", "Catalogue";
        catalogue_services: "Tjänster i katalogen", "Services in the catalogue";
    }
}

#[derive(Template)]
#[template(path = "operations.html")]
struct OperationsPage {
    page: Frame,
    t: &'static Texts,
    w: &'static Words,
    verdict: Verdict,
    checks: Option<Vec<CheckRow>>,
    lag: Option<Vec<LagRow>>,
    unsealed: Option<String>,
    collectors: Option<Vec<CollectorRow>>,
    gathered: Vec<GatheredRow>,
    reasons: Option<Vec<ReasonRow>>,
    books: Option<BooksPart>,
    books_data: String,
    is_whole: Option<bool>,
    decisions: Option<Vec<DecisionRow>>,
    services: usize,
    catalogue: String,
}

/// `GET /operations`
pub(crate) async fn get(
    State(shared): State<Shared>,
    asker: Asker,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let visit = Visit::read(&shared, asker, &uri, &headers, &[])?;
    visit.must(Permission::Operations)?;
    let facts = facts::load(&shared, visit.now).await;
    visit.respond(&page(&visit, &facts))
}

fn page(visit: &Visit, facts: &Facts) -> OperationsPage {
    let language = visit.language;
    let w = Words::of(language);
    let write = tables::Writer { visit, now: facts.now };
    let decisions = facts.decisions.as_ref().ok();
    let (from, to) = (facts.days.start(), facts.days.end());
    OperationsPage {
        page: visit.frame(Section::Operations),
        t: Texts::of(language),
        w,
        verdict: Verdict::of(language, facts),
        checks: facts
            .checks
            .as_ref()
            .ok()
            .map(|checks| checks.iter().map(|check| write.check(check)).collect()),
        lag: facts.waiting.as_ref().ok().map(|all| all.iter().map(|waiting| write.lag(waiting)).collect()),
        unsealed: facts.unsealed.as_ref().ok().map(|windows| write.count(*windows)),
        collectors: facts
            .collectors
            .as_ref()
            .ok()
            .map(|all| all.iter().map(|one| write.collector(one)).collect()),
        gathered: facts.gathered.iter().map(|status| write.gathered(status)).collect(),
        reasons: facts.quarantine.as_ref().ok().map(|all| all.iter().map(|one| write.reason(one)).collect()),
        books: facts.books.as_ref().ok().map(|lines| BooksPart::of(language, w, lines)),
        books_data: format!("/v1/reconciliation?from={from}&to={to}"),
        is_whole: decisions.map(|records| records.iter().all(|record| record.problem.is_none())),
        decisions: decisions
            .filter(|_| visit.viewer.may(Permission::Audit))
            .map(|records| write.latest(records)),
        services: visit.catalogue.services.len(),
        catalogue: visit.catalogue.version.clone(),
    }
}

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
