//! What is wrong with a catalogue: where it stands and how it is mended.

mod code;

use std::fmt;

pub use code::{Code, Severity};

/// The language of what users read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Swedish.
    #[default]
    Swedish,
    /// English.
    English,
}

/// The same text in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// In Swedish.
    pub swedish: String,
    /// In English.
    pub english: String,
}

impl Text {
    /// In one language.
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::Swedish => &self.swedish,
            Language::English => &self.english,
        }
    }
}

/// The same text in both languages.
pub(crate) fn say(swedish: impl Into<String>, english: impl Into<String>) -> Text {
    Text { swedish: swedish.into(), english: english.into() }
}

/// Something to mend, or to know, in a catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of mistake it is.
    pub code: Code,
    /// The file, relative to the catalogue's directory.
    pub file: String,
    /// The line, from 1; none when the whole file is meant.
    pub line: Option<u32>,
    /// The field or column, as the file writes it.
    pub field: Option<String>,
    /// What is wrong.
    pub message: Text,
    /// What to do about it.
    pub fix: Text,
}

impl Finding {
    /// Whether it must be mended.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// On one line: `priser.csv:14: pris: … — rätta: …`.
    pub fn render(&self, language: Language) -> String {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        let field = self.field.as_deref().map(|field| format!("{field}: ")).unwrap_or_default();
        let (note, fix) = match (language, self.severity()) {
            (Language::Swedish, Severity::Error) => ("", "rätta"),
            (Language::Swedish, Severity::Warning) => ("varning: ", "råd"),
            (Language::English, Severity::Error) => ("", "fix"),
            (Language::English, Severity::Warning) => ("warning: ", "advice"),
        };
        let (message, advice) = (self.message.get(language), self.fix.get(language));
        format!("{}{line}: {note}{field}{message} — {fix}: {advice} [{}]", self.file, self.code)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Language::Swedish))
    }
}

/// Where something stands in the files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: Option<u32>,
    pub(crate) field: Option<String>,
}

impl Place {
    /// A whole file.
    pub(crate) fn file(file: &str) -> Self {
        Self { file: file.to_owned(), line: None, field: None }
    }

    /// A line of a file.
    pub(crate) fn line(file: &str, line: u32) -> Self {
        Self { file: file.to_owned(), line: Some(line), field: None }
    }

    /// The same line, a field of it.
    pub(crate) fn field(&self, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..self.clone() }
    }

    /// The line number for a text, 0 for a whole file.
    pub(crate) fn number(&self) -> u32 {
        self.line.unwrap_or_default()
    }
}

/// The findings so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(pub(crate) Vec<Finding>);

impl Findings {
    pub(crate) fn add(&mut self, code: Code, place: &Place, message: Text, fix: Text) {
        let Place { file, line, field } = place.clone();
        self.0.push(Finding { code, file, line, field, message, fix });
    }
}
