//! `GET /operations/quarantine`: what was not counted, the newest first.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::access::Permission;
use domain::{Code, Instant};
use store::quarantine::{Entry, QuarantineFilter};

use super::codes;
use crate::language::Language;
use crate::numbers;
use crate::pages::frame::{Frame, Section};
use crate::pages::visit::Visit;
use crate::problem::Problem;
use crate::query::Params;
use crate::session::Asker;
use crate::texts::{Texts, texts};
use crate::{Shared, cursor};

/// How many entries a page has: what one looks through, and far below 100 kB.
const ENTRIES_MAX: usize = 40;

/// How much of an explanation a row has; the entry has all of it.
const DETAIL_CHARS_MAX: usize = 160;

texts! {
    /// The texts of the list of the quarantine.
    Words {
        title: "Karantän", "Quarantine";
        lead: "Händelser som inte räknades, de senaste först. Välj en för att se den hel, varför den är här och vad som ska göras.", "Events that were not counted, the latest first. Choose one to see it whole, why it is here and what is to be done.";
        filter: "Urval", "Filter";
        code: "Orsak", "Reason";
        any: "Alla orsaker", "All reasons";
        source: "Källa", "Source";
        source_hint: "Hela källan, så som den står i händelsen.", "The whole source, as it stands in the event.";
        show: "Visa", "Show";
        clear: "Rensa urvalet", "Clear the filter";
        nothing: "Karantänen är tom.", "The quarantine is empty.";
        nothing_so: "Inga händelser passar urvalet.", "No event fits the filter.";
        caption: "Händelser i karantänen, de senaste först", "Events in the quarantine, the latest first";
        last: "Senast sedd", "Last seen";
        first: "Först sedd", "First seen";
        times: "Gånger", "Times";
        detail: "Vad som är fel", "What is wrong";
        event: "Händelse", "Event";
        no_id: "utan läsbart id", "without a readable id";
        unknown_source: "okänd källa", "unknown source";
        waits: "Väntar på katalogen", "Waits for the catalogue";
        entries: "händelser", "events";
        entry: "händelse", "event";
        newest: "Till de senaste", "To the latest";
        more: "Visa äldre", "Show older";
        pages: "Bläddra i karantänen", "Pages of the quarantine";
        meaning: "Betyder", "It means";
        todo: "Gör så här", "What to do";
    }
}

#[derive(Template)]
#[template(path = "quarantine.html")]
pub(super) struct QuarantinePage {
    page: Frame,
    t: &'static Texts,
    w: &'static Words,
    choices: Vec<Choice>,
    source: String,
    is_filtered: bool,
    chosen: Option<codes::Explained>,
    total: String,
    rows: Vec<Row>,
    newest: Option<String>,
    older: Option<String>,
    data: String,
}

/// A reason that may be chosen.
struct Choice {
    code: &'static str,
    title: &'static str,
    is_chosen: bool,
}

struct Row {
    href: String,
    title: String,
    is_parked: bool,
    event: String,
    source: String,
    detail: String,
    times: String,
    first: String,
    last: String,
}

/// `GET /operations/quarantine`
pub(crate) async fn get(
    State(shared): State<Shared>,
    asker: Asker,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let visit = Visit::read_form(&shared, asker, &uri, &headers, &["code", "source", "cursor"])?;
    visit.must(Permission::Operations)?;
    let after = match cursor::after(uri.path(), &visit.params)? {
        None => None,
        Some(key) => Some(place(key).ok_or_else(cursor::foreign)?),
    };
    let after = after.as_ref().map(|(at, id)| (*at, id.as_str()));
    let filter = filter(&visit.params);
    let (entries, counts) = futures::join!(
        shared.store.quarantine_newest(&filter, after),
        shared.store.quarantine_counts_of(&filter)
    );
    let failed = |error: store::Error| crate::store_problem(&error);
    let (entries, counts) = (entries.map_err(failed)?, counts.map_err(failed)?);
    let total = counts.iter().map(|(_, entries)| entries).sum();
    visit.respond(&page(&visit, &filter, entries, total, after.is_some()))
}

/// What the parameters ask for: one entry more than a page has shows whether there is another.
pub(super) fn filter(params: &Params) -> QuarantineFilter {
    QuarantineFilter {
        code: params.text("code"),
        source: params.text("source"),
        after: None,
        limit: u32::try_from(ENTRIES_MAX + 1).unwrap_or(u32::MAX),
    }
}

pub(super) fn page(
    visit: &Visit,
    filter: &QuarantineFilter,
    mut entries: Vec<Entry>,
    total: u64,
    is_later: bool,
) -> QuarantinePage {
    const PATH: &str = "/operations/quarantine";
    let (language, params) = (visit.language, &visit.params);
    let w = Words::of(language);
    let more = entries.len() > ENTRIES_MAX;
    entries.truncate(ENTRIES_MAX);
    let here = params.path(PATH, "cursor");
    let older = entries.last().filter(|_| more).map(|last| {
        let key = vec![Some(last.last_seen.micros().to_string()), Some(last.id.clone())];
        let joint = if here.contains('?') { '&' } else { '?' };
        format!("{here}{joint}cursor={}", cursor::next(PATH, params, key))
    });
    QuarantinePage {
        page: visit.frame(Section::Operations),
        t: Texts::of(language),
        w,
        choices: choices(language, params.get("code")),
        source: params.text("source").unwrap_or_default(),
        is_filtered: filter.code.is_some() || filter.source.is_some(),
        chosen: params.get("code").and_then(|code| codes::named(language, code)),
        total: total_of(language, w, total),
        rows: entries.into_iter().map(|entry| row(language, w, entry)).collect(),
        newest: is_later.then_some(here),
        older,
        data: data(filter),
    }
}

/// The place of a cursor: when the last entry of the page before was last seen, and its id.
fn place(key: cursor::Key) -> Option<(Instant, String)> {
    let [at, id] = <[Option<String>; 2]>::try_from(key).ok()?;
    let at = at?.parse().ok().map(Instant::from_micros)?;
    let id = id.filter(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some((at, id))
}

/// Every reason by its title, as the language sorts it well enough, and the chosen one.
fn choices(language: Language, chosen: Option<&str>) -> Vec<Choice> {
    let choice = |code: Code| {
        let title = codes::explained(language, code)?.title;
        Some(Choice { code: code.name(), title, is_chosen: chosen == Some(code.name()) })
    };
    let mut choices: Vec<Choice> = Code::ALL.into_iter().filter_map(choice).collect();
    choices.sort_by_key(|choice| choice.title);
    choices
}

fn total_of(language: Language, w: &'static Words, total: u64) -> String {
    let noun = if total == 1 { w.entry } else { w.entries };
    format!("{} {noun}", numbers::whole(language, i64::try_from(total).unwrap_or(i64::MAX)))
}

/// The same list for programs.
fn data(filter: &QuarantineFilter) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("code", &filter.code), ("source", &filter.source)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() { "/v1/quarantine".to_owned() } else { format!("/v1/quarantine?{query}") }
}

fn row(language: Language, w: &'static Words, entry: Entry) -> Row {
    let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
    let mut detail: String = entry.detail.chars().take(DETAIL_CHARS_MAX).collect();
    if detail.len() < entry.detail.len() {
        detail.push('…');
    }
    let explained = codes::named(language, &entry.code);
    Row {
        href: format!("/operations/quarantine/{}", entry.id),
        title: explained.map_or_else(|| entry.code.clone(), |explained| explained.title.to_owned()),
        is_parked: Code::from_name(&entry.code).is_some_and(Code::is_parked),
        event: or(entry.event_id, w.no_id),
        source: or(entry.source, w.unknown_source),
        detail,
        times: numbers::whole(language, i64::try_from(entry.times).unwrap_or(i64::MAX)),
        first: numbers::instant(entry.first_seen),
        last: numbers::instant(entry.last_seen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_has_a_time_and_an_id() {
        let id = "0123456789abcdef0123456789abcdef";
        let of = |parts: &[&str]| place(parts.iter().map(|part| Some((*part).to_owned())).collect());
        assert_eq!(of(&["5", id]), Some((Instant::from_micros(5), id.to_owned())));
        for wrong in [&["x", id][..], &["5", "12"], &["5"], &[id], &["5", id, id]] {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
        assert_eq!(place(vec![Some("5".to_owned()), None]), None);
    }

    #[test]
    fn every_reason_can_be_chosen() {
        let choices = choices(Language::Swedish, Some("conflict"));
        assert_eq!(choices.len(), Code::ALL.len());
        let chosen: Vec<&str> = choices.iter().filter(|one| one.is_chosen).map(|one| one.code).collect();
        assert_eq!(chosen, ["conflict"]);
    }

    #[test]
    fn a_row_has_the_reason_in_words_and_the_beginning_of_its_detail() {
        let entry = Entry {
            id: "0".repeat(32),
            origin: "usage".to_owned(),
            code: "unknown_meter".to_owned(),
            detail: "å".repeat(200),
            source: String::new(),
            event_id: String::new(),
            times: 1_200,
            first_seen: Instant::from_micros(0),
            last_seen: Instant::from_micros(0),
            event: None,
        };
        let row = row(Language::Swedish, Words::of(Language::Swedish), entry);
        assert_eq!((row.title.as_str(), row.is_parked), ("Okänd mätare", true));
        assert_eq!((row.source.as_str(), row.event.as_str()), ("okänd källa", "utan läsbart id"));
        assert_eq!(row.detail.chars().count(), DETAIL_CHARS_MAX + 1);
        assert_eq!(row.times, "1\u{a0}200");
    }
}
