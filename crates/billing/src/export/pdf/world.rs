//! A typesetter without file system, network and clock: one template, its data and two fonts.

use std::sync::{LazyLock, Mutex, PoisonError};

use chrono::{Datelike, Timelike};
use serde_json::Value;
use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Duration, Smart};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use super::page::Pages;

const TEMPLATE: &str = include_str!("report.typ");

/// Liberation Sans 2.1.5 (SIL Open Font License 1.1, see `fonts/LICENSE`): its figures are all equally wide.
const FONTS: [&[u8]; 2] =
    [include_bytes!("fonts/LiberationSans-Regular.ttf"), include_bytes!("fonts/LiberationSans-Bold.ttf")];

/// Stands for a character that the fonts do not have: PDF/UA-1 and PDF/A forbid glyphs that mean none.
const UNKNOWN: char = '?';

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetError {
    /// The data is no JSON.
    #[error("the report's data cannot be written")]
    Data(#[from] serde_json::Error),
    /// The template has a fault, or the document is not one that everybody can read.
    #[error("typesetting failed: {0}")]
    Typeset(String),
}

/// What is the same for all documents.
struct Shared {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
}

static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let fonts: Vec<Font> = FONTS.iter().flat_map(|font| Font::iter(Bytes::new(*font))).collect();
    let book = FontBook::from_infos(fonts.iter().map(|font| font.info().clone()));
    Shared { library: LazyHash::new(Library::default()), book: LazyHash::new(book), fonts }
});

/// One document at a time: what a document leaves in typst's memory is forgotten after each.
static TURN: Mutex<()> = Mutex::new(());

struct Desk {
    main: Source,
    data: FileId,
    bytes: Bytes,
}

impl World for Desk {
    fn library(&self) -> &LazyHash<Library> {
        &SHARED.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &SHARED.book
    }

    fn main(&self) -> FileId {
        self.main.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.main.id() { Ok(self.main.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == self.data { Ok(self.bytes.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn font(&self, index: usize) -> Option<Font> {
        SHARED.fonts.get(index).cloned()
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}

/// The document as a PDF/UA-1 (ISO 14289-1) and PDF/A-2a (ISO 19005-2) file: what it says comes only from `pages`.
pub(super) fn typeset(pages: &Pages) -> Result<Vec<u8>, SetError> {
    let mut data = serde_json::to_value(pages)?;
    keep_known(&mut data);
    let template = file("report.typ")?;
    let desk = Desk {
        main: Source::new(template, TEMPLATE.to_owned()),
        data: file("report.json")?,
        bytes: Bytes::new(serde_json::to_vec(&data)?),
    };
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let made = set(&desk, pages);
    typst::comemo::evict(0);
    made
}

fn set(desk: &Desk, pages: &Pages) -> Result<Vec<u8>, SetError> {
    let document = typst::compile::<PagedDocument>(desk).output.map_err(|errors| failed(&errors))?;
    let standards = PdfStandards::new(&[PdfStandard::A_2a, PdfStandard::Ua_1])
        .map_err(|error| SetError::Typeset(error.message().to_string()))?;
    let options = PdfOptions {
        ident: Smart::Custom(pages.identity.clone()),
        creator: Smart::Custom(Some("taxameter".to_owned())),
        timestamp: timestamp(pages),
        standards,
        ..PdfOptions::default()
    };
    typst_pdf::pdf(&document, &options).map_err(|errors| failed(&errors))
}

fn file(name: &str) -> Result<FileId, SetError> {
    let path = VirtualPath::new(name).map_err(|error| SetError::Typeset(error.to_string()))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

fn timestamp(pages: &Pages) -> Option<Timestamp> {
    let at = pages.created.to_utc();
    let part = |number: u32| u8::try_from(number).ok();
    let made = Datetime::from_ymd_hms(
        at.year(),
        part(at.month())?,
        part(at.day())?,
        part(at.hour())?,
        part(at.minute())?,
        part(at.second())?,
    );
    made.map(Timestamp::new_utc)
}

fn failed(errors: &[SourceDiagnostic]) -> SetError {
    let said: Vec<String> = errors.iter().map(|error| error.message.to_string()).collect();
    SetError::Typeset(said.join("; "))
}

/// Replaces what the fonts do not have: names come from others' catalogues.
fn keep_known(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.chars().map(known).collect(),
        Value::Array(values) => values.iter_mut().for_each(keep_known),
        Value::Object(fields) => fields.values_mut().for_each(keep_known),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn known(character: char) -> char {
    let covers = |font: &Font| font.info().coverage.contains(u32::from(character));
    match character {
        '\n' => character,
        _ if character.is_control() => ' ',
        _ if SHARED.fonts.iter().all(covers) => character,
        _ => UNKNOWN,
    }
}
