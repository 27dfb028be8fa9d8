//! Files → a [`Catalogue`] whose references resolve, or everything that is wrong with them.
//!
//! What is wrong itself is still declared, so that a mistake in a service is not found again at each of its prices.

mod agreements;
mod budget;
mod closing;
mod csv;
mod customers;
mod decisions;
mod entries;
mod financing;
mod invoicing;
mod meters;
mod organisation;
mod postings;
mod prices;
mod scopes;
mod services;
mod sources;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};

use domain::catalogue::{Catalogue, Meter, Service};

use crate::document;
use crate::files::Files;
use crate::finding::{Code, Finding, Findings, Place, Severity, say};
use crate::nearest::nearest;
use crate::rows::Object;
use crate::sheet::{self, Column};
use crate::table::{Cell, Table};
use crate::text;

/// The files that a catalogue may have, and whether it must. Services lie in any number of files under `tjanster/`.
const FILES: [(&str, bool); 15] = [
    ("organisation.toml", true),
    ("kunder.csv", true),
    ("kostnadsstallen.csv", true),
    ("priser.csv", true),
    ("paslag.toml", true),
    ("finansiering.toml", false),
    ("avtal.csv", false),
    ("kallor.toml", false),
    ("csv.toml", false),
    ("volymer.csv", false),
    ("beslut.csv", false),
    ("budget.toml", false),
    ("objektets-konto.csv", false),
    ("omfattning.toml", false),
    ("kontering.toml", false),
];
/// Where the services' files lie.
const SERVICES: &str = "tjanster/";

/// A catalogue that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What the files say.
    pub catalogue: Catalogue,
    /// What somebody should know, but need not mend.
    pub warnings: Vec<Finding>,
    /// Where each object stands, for findings about changes.
    pub(crate) places: Places,
}

/// Where each object stands, by its kind and key as in [`crate::rows`].
pub(crate) type Places = BTreeMap<(Object, String), Place>;

/// Checks a catalogue.
///
/// # Errors
/// Everything that was found, warnings too, ordered by file and line, when anything of it must be mended.
pub fn check(files: &Files) -> Result<Checked, Vec<Finding>> {
    let draft = draft(files);
    let mut findings = draft.findings.0;
    findings.sort_by(|a, b| (&a.file, a.line, &a.field, a.code).cmp(&(&b.file, b.line, &b.field, b.code)));
    if findings.iter().any(|finding| finding.severity() == Severity::Error) {
        return Err(findings);
    }
    let catalogue = Catalogue { version: files.version(), ..draft.catalogue };
    Ok(Checked { catalogue, warnings: findings, places: draft.places })
}

/// What a version says that passed when it was put in force: months were closed on it, so rules that came later are not held
/// against it.
pub fn recall(files: &Files) -> Catalogue {
    Catalogue { version: files.version(), ..draft(files).catalogue }
}

fn draft(files: &Files) -> Draft {
    let mut draft = Draft::read(files);
    decisions::read(&mut draft);
    organisation::read(&mut draft);
    services::read(&mut draft);
    customers::read(&mut draft);
    invoicing::find_incomplete(&mut draft);
    prices::read(&mut draft);
    financing::read(&mut draft);
    agreements::read(&mut draft);
    sources::read(&mut draft);
    csv::read(&mut draft);
    volumes::read(&mut draft);
    budget::read(&mut draft);
    entries::read(&mut draft);
    scopes::read(&mut draft);
    postings::read(&mut draft);
    draft
}

/// What was read so far.
#[derive(Default)]
struct Draft {
    texts: BTreeMap<String, String>,
    catalogue: Catalogue,
    findings: Findings,
    places: Places,
    /// The keys of objects that are there but wrong: references to them are not findings of their own.
    broken: BTreeSet<(Object, String)>,
}

impl Draft {
    /// Decodes the files and finds those that are missing, unknown or no text.
    fn read(files: &Files) -> Self {
        let mut draft = Draft::default();
        for (path, bytes) in files.iter() {
            let place = Place::file(path);
            let is_services = path.starts_with(SERVICES) && path.ends_with(".toml");
            if !is_services && !FILES.iter().any(|(name, _)| *name == path) {
                let known = || FILES.iter().map(|(name, _)| *name);
                let fix = match nearest(path, known()) {
                    Some(meant) => say(format!("menades {meant}?"), format!("did you mean {meant}?")),
                    None => {
                        let all = known().collect::<Vec<_>>().join(", ");
                        say(
                            format!("ta bort den; filerna är {all} och {SERVICES}*.toml"),
                            format!("remove it; the files are {all} and {SERVICES}*.toml"),
                        )
                    }
                };
                draft.findings.add(Code::UnknownFile, &place, say("okänd fil", "unknown file"), fix);
                continue;
            }
            match text::decode(path, bytes) {
                Ok(text) => draft.take(path, text),
                Err(undecodable) => draft.findings.add(
                    Code::Undecodable,
                    &Place::line(path, undecodable.line),
                    say("filen är inte text i UTF-8", "the file is not text in UTF-8"),
                    say("spara den som UTF-8 (i Excel: CSV UTF-8)", "save it as UTF-8 (in Excel: CSV UTF-8)"),
                ),
            }
        }
        draft.find_missing(files);
        draft
    }

    fn take(&mut self, path: &str, text: String) {
        for (line, garbled) in text::garbled_lines(&text) {
            self.findings.add(
                Code::GarbledText,
                &Place::line(path, line),
                say(format!("förstörda bokstäver: {garbled}"), format!("spoiled letters: {garbled}")),
                say(
                    "hämta en äldre version av raden och spara filen som UTF-8",
                    "take an older version of the line and save the file as UTF-8",
                ),
            );
        }
        self.texts.insert(path.to_owned(), text);
    }

    fn find_missing(&mut self, files: &Files) {
        let services = files.iter().any(|(path, _)| path.starts_with(SERVICES) && path.ends_with(".toml"));
        let missing = FILES.iter().filter(|(name, needed)| *needed && files.get(name).is_none());
        let missing = missing.map(|(name, _)| (*name).to_owned());
        for name in missing.chain((!services).then(|| format!("{SERVICES}tjanster.toml"))) {
            self.findings.add(
                Code::MissingFile,
                &Place::file(&name),
                say("filen saknas", "the file is missing"),
                say(
                    format!("skapa {name}; Linköpings katalog visar hur den ser ut"),
                    format!("create {name}; Linköping's catalogue shows what it looks like"),
                ),
            );
        }
    }

    /// A TOML file; none when it is not there or not TOML.
    fn document(&mut self, path: &str) -> Option<Table> {
        document::read(path, self.texts.get(path)?, &mut self.findings)
    }

    /// The rows of a CSV file; none when it is not there.
    fn sheet(&mut self, path: &str, columns: &[Column]) -> Option<Vec<Table>> {
        Some(sheet::read(path, self.texts.get(path)?, columns, &mut self.findings))
    }

    /// Whether a file, or one of a directory, could not be read whole: then what it lacks may stand in the rest.
    fn is_damaged(&self, path: &str) -> bool {
        self.findings.0.iter().any(|finding| finding.file.starts_with(path) && finding.code.is_damage())
    }

    /// Finds a reference to something that is not in the file where it should stand.
    fn unknown(
        &mut self,
        code: Code,
        cell: &Cell,
        (swedish, english): (&str, &str),
        home: &str,
        known: &[String],
    ) {
        if self.is_damaged(home) {
            return;
        }
        let text = &cell.text;
        let fix = match nearest(text, known.iter().map(String::as_str)) {
            Some(meant) => say(format!("menades {meant}?"), format!("did you mean {meant}?")),
            None => say(
                format!("rätta koden, eller lägg till det som saknas i {home}"),
                format!("correct the code, or add what is missing to {home}"),
            ),
        };
        let message =
            say(format!("{swedish} {text:?} finns inte"), format!("there is no {english} {text:?}"));
        self.find(code, &cell.place, message, fix);
    }

    /// Adds a finding.
    fn find(&mut self, code: Code, place: &Place, message: crate::Text, fix: crate::Text) {
        self.findings.add(code, place, message, fix);
    }

    /// Notes that an object is there, though wrong.
    fn declare(&mut self, object: Object, key: impl Into<String>) {
        self.broken.insert((object, key.into()));
    }

    fn is_broken(&self, object: Object, key: &str) -> bool {
        self.broken.contains(&(object, key.to_owned()))
    }

    /// The service that a cell names.
    fn service(&mut self, cell: &Cell) -> Option<Service> {
        let slug = &cell.text;
        if let Some(service) = self.catalogue.services.get(slug) {
            return Some(service.clone());
        }
        if !self.is_broken(Object::Service, slug) {
            let known: Vec<String> = self.catalogue.services.keys().cloned().collect();
            self.unknown(Code::UnknownService, cell, ("tjänsten", "service"), SERVICES, &known);
        }
        None
    }

    /// The meter that the fields `tjanst` and `matare` name, with its service's slug.
    fn meter(&mut self, row: &Table) -> Option<(String, Meter)> {
        let service = row.required("tjanst", &mut self.findings).cloned();
        let cell = row.required("matare", &mut self.findings).cloned();
        let (service, cell) = (self.service(&service?)?, cell?);
        let meter = self.meter_of(&service, &cell)?;
        Some((service.slug, meter))
    }

    /// The meter of a service that a cell names.
    fn meter_of(&mut self, service: &Service, cell: &Cell) -> Option<Meter> {
        if let Some(meter) = service.meters.get(&cell.text) {
            return Some(meter.clone());
        }
        if !self.is_broken(Object::Meter, &format!("{}/{}", service.slug, cell.text)) {
            let names = (format!("mätaren i {}", service.slug), format!("meter in {}", service.slug));
            let known: Vec<String> = service.meters.keys().cloned().collect();
            self.unknown(Code::UnknownMeter, cell, (&names.0, &names.1), SERVICES, &known);
        }
        None
    }

    /// The field `klass`, which must be a class of the meter.
    fn class(&mut self, row: &Table, meter: &Meter) -> Option<String> {
        let class = row.cell("klass").map(|cell| cell.text.clone()).unwrap_or_default();
        let known = classes(meter);
        if known.contains(&class) {
            return Some(class);
        }
        let place = row.cell("klass").map_or_else(|| row.place.field("klass"), |cell| cell.place.clone());
        let fix = if known == [""] {
            say("lämna klassen tom: mätaren har ingen prisklass", "leave the class empty: the meter has none")
        } else {
            let known = known.join(", ");
            say(format!("skriv en av {known}"), format!("write one of {known}"))
        };
        let message = say(
            format!("{class:?} är ingen klass för {}", meter.slug),
            format!("{class:?} is not a class of {}", meter.slug),
        );
        self.find(Code::UnknownClass, &place, message, fix);
        None
    }

    /// The field `beslut`, which must be filled in.
    fn decision(&mut self, row: &Table) -> Option<String> {
        if let Some(cell) = row.cell("beslut") {
            decisions::find_unknown(self, cell);
            return Some(cell.text.clone());
        }
        self.find(
            Code::MissingDecision,
            &row.place.field("beslut"),
            say("beslut saknas", "no decision is named"),
            say("ange beslutets beteckning", "give the decision's reference"),
        );
        None
    }
}

/// The classes of a meter: every combination of the values of its rating dimensions, `""` when it has none.
fn classes(meter: &Meter) -> Vec<String> {
    let mut classes = vec![String::new()];
    for (n, dimension) in meter.dimensions.iter().filter(|d| d.rating).enumerate() {
        let joined =
            |class: &String, value: &String| if n == 0 { value.clone() } else { format!("{class}/{value}") };
        classes = classes.iter().flat_map(|c| dimension.values.iter().map(move |v| joined(c, v))).collect();
    }
    classes
}
