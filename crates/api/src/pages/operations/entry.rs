//! `GET /operations/quarantine/{id}`: one event that was not counted, why, and what to do; and how it is tried again.

mod text;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use billing::Replay;
use domain::Code;
use domain::access::Permission;
use store::quarantine::Entry;

use super::codes;
use crate::numbers;
use crate::pages::frame::{Frame, Section};
use crate::pages::visit::Visit;
use crate::problem::{Kind, Problem};
use crate::query::Params;
use crate::session::{Asker, Deciding};
use crate::texts::{Texts, texts};
use crate::{Shared, form};
use text::Shown;

texts! {
    /// The texts of an entry of the quarantine.
    Words {
        quarantine: "Karantän", "Quarantine";
        why: "Varför den är här", "Why it is here";
        unknown_code: "Orsaken är skriven av en annan version av programmet, och förklaras inte här.", "The reason was written by another version of the program, and is not explained here.";
        detail: "Vad som är fel", "What is wrong";
        todo: "Vad som ska göras", "What to do";
        whence: "Var den kommer ifrån", "Where it comes from";
        source: "Källa", "Source";
        unknown_source: "okänd: källan gick inte att läsa", "unknown: the source could not be read";
        event_id: "Händelsens id", "The event's id";
        no_id: "gick inte att läsa, eller såg ut som en personuppgift", "could not be read, or seemed to be personal data";
        found: "Hittad", "Found";
        found_intake: "vid mottagningen, av en insamlare", "when it was taken in, by a collector";
        found_counting: "i loggen, när den skulle räknas", "on the log, when it was to be counted";
        first: "Först sedd", "First seen";
        last: "Senast sedd", "Last seen";
        times: "Antal gånger", "How often";
        code: "Kod", "Code";
        same_source: "Visa allt i karantänen från samma källa", "Show everything in the quarantine from the same source";
        event: "Händelsen", "The event";
        content: "Händelsens innehåll", "The event's content";
        as_base64: "Händelsen är inte text. Den visas i base64.", "The event is not text. It is shown in base64.";
        cut: "Händelsen är lång. Bara början visas här; hela finns i data nedan.", "The event is long. Only its beginning is shown here; all of it is in the data below.";
        not_kept: "Händelsens innehåll är inte sparat: det kan ha innehållit personuppgifter, eller så har det gallrats.", "The event's content was not kept: it may have held personal data, or had its time.";
        replay: "Pröva händelsen igen", "Try the event again";
        replay_note: "Händelsen skickas genom mottagningen en gång till. Är den rätt nu räknas den, annars kommer den tillbaka hit. Ingenting räknas två gånger.", "The event goes through the intake once more. If it is right now it is counted, else it comes back here. Nothing is counted twice.";
        replay_not: "Händelsen kan inte prövas igen, för den är inte sparad hel.", "The event cannot be tried again, as it was not kept whole.";
        replay_role: "Den som har rollen operator eller admin kan pröva händelsen igen.", "Who has the role operator or admin can try the event again.";
        replayed: "Händelsen är på väg att prövas igen. Är den rätt nu räknas den inom några sekunder; annars ökar antalet gånger här.", "The event is on its way to be tried again. If it is right now it is counted within seconds; else the number of times here grows.";
        not_replayed: "Händelsen kunde inte prövas igen, för den är inte sparad hel.", "The event could not be tried again, as it was not kept whole.";
        unsure: "Det är inte säkert att händelsen prövas igen, för något svarade inte i tid. Försök om en stund: ingenting räknas två gånger.", "It is not sure that the event is tried again, as something did not answer in time. Try in a while: nothing is counted twice.";
    }
}

/// What became of a replay, as the address of the page afterwards says.
const DONE: [&str; 3] = ["replayed", "not_replayed", "unsure"];

#[derive(Template)]
#[template(path = "quarantined.html")]
pub(super) struct EntryPage {
    pub(super) page: Frame,
    t: &'static Texts,
    w: &'static Words,
    id: String,
    title: String,
    notice: Option<Notice>,
    meaning: &'static str,
    todo: &'static str,
    detail: String,
    source: String,
    source_name: String,
    same_source: Option<String>,
    event_id: String,
    found: &'static str,
    first: String,
    last: String,
    times: String,
    code: String,
    shown: Option<Shown>,
    is_whole: bool,
    may_replay: bool,
}

struct Notice {
    class: &'static str,
    text: &'static str,
}

/// `GET /operations/quarantine/{id}`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    asker: Asker,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let visit = Visit::read(&shared, asker, &uri, &headers, &["done"])?;
    visit.must(Permission::Operations)?;
    let done = visit.params.one_of("done", &DONE)?;
    let found = shared.store.quarantine_entry(&id).await.map_err(|error| crate::store_problem(&error))?;
    let entry = found.ok_or_else(|| crate::quarantine::not_found(&id))?;
    visit.respond(&page(&visit, entry, done))
}

/// `POST /operations/quarantine/{id}/replay`: back to the entry, which says what became of it.
pub(crate) async fn replay(
    Deciding(biller): Deciding,
    Path(id): Path<String>,
    asker: Asker,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    Params::read(&uri, &[])?;
    if !asker.viewer.may(Permission::Operate) {
        return Err(Problem::new(Kind::NotFound));
    }
    form::read(&headers, &body)?;
    let done = match biller.replay(&id).await {
        Ok(Replay::Replayed { .. }) => "replayed",
        Ok(Replay::NotKept) => "not_replayed",
        Ok(Replay::NotFound) => return Err(crate::quarantine::not_found(&id)),
        Err(error) if error.is_temporary() => {
            tracing::warn!(entry = id, error = &error as &dyn std::error::Error, "a replay is not sure");
            "unsure"
        }
        Err(error) => return Err(crate::billing_problem(&error)),
    };
    // An entry that was found has an id of hexadecimal digits; nothing else is sent back. See Other (RFC 9110 §15.4.4).
    let id: String = id.chars().filter(char::is_ascii_hexdigit).collect();
    Ok(Redirect::to(&format!("/operations/quarantine/{id}?done={done}")).into_response())
}

pub(super) fn page(visit: &Visit, entry: Entry, done: Option<&'static str>) -> EntryPage {
    let language = visit.language;
    let w = Words::of(language);
    let explained = codes::named(language, &entry.code);
    let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
    let source = visit.catalogue.sources.get(&entry.source);
    EntryPage {
        page: visit.frame(Section::Operations),
        t: Texts::of(language),
        w,
        title: explained.map_or_else(|| entry.code.clone(), |explained| explained.title.to_owned()),
        notice: done.map(|done| notice(w, done)),
        meaning: explained.map_or(w.unknown_code, |explained| explained.meaning),
        todo: explained.map_or("", |explained| explained.todo),
        detail: entry.detail,
        source_name: source.map_or_else(String::new, |source| source.name.clone()),
        same_source: (!entry.source.is_empty()).then(|| of_source(&entry.source)),
        source: or(entry.source, w.unknown_source),
        event_id: or(entry.event_id, w.no_id),
        found: if entry.origin == "usage" { w.found_counting } else { w.found_intake },
        first: numbers::instant(entry.first_seen),
        last: numbers::instant(entry.last_seen),
        times: numbers::whole(language, i64::try_from(entry.times).unwrap_or(i64::MAX)),
        is_whole: entry.event.is_some() && entry.code != Code::EventTooLarge.name(),
        shown: entry.event.map(Shown::of),
        code: entry.code,
        may_replay: visit.viewer.may(Permission::Operate),
        id: entry.id,
    }
}

fn of_source(source: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("source", source).finish();
    format!("/operations/quarantine?{query}")
}

fn notice(w: &'static Words, done: &str) -> Notice {
    match done {
        "replayed" => Notice { class: "good", text: w.replayed },
        "not_replayed" => Notice { class: "warn", text: w.not_replayed },
        _ => Notice { class: "warn", text: w.unsure },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn every_end_of_a_replay_has_its_notice() {
        let w = Words::of(Language::Swedish);
        let notices: std::collections::BTreeSet<&str> =
            DONE.iter().map(|done| notice(w, done).text).collect();
        assert_eq!(notices.len(), DONE.len());
    }

    #[test]
    fn a_source_is_asked_for_as_it_is() {
        assert_eq!(of_source("/källa?a&b"), "/operations/quarantine?source=%2Fk%C3%A4lla%3Fa%26b");
    }
}
