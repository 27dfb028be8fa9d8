//! What is configured of a folder.

use std::path::PathBuf;

use serde::Deserialize;

/// A folder and what stands in it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The folder.
    pub directory: PathBuf,
    /// Which files of it: `papercut-print-log-*.csv`. `*` stands for any characters, `?` for one; case does not matter.
    pub pattern: String,
    /// What the files are; by the ending of their names if it is not said (`.xlsx` and `.xlsm`, else CSV).
    #[serde(default)]
    pub form: Option<Form>,
    /// How many lines (in XLSX: rows) stand before the heading: 1 for PaperCut, whose first line is a banner.
    #[serde(default)]
    pub skip_lines: usize,
    /// The names of the columns, when the files have no heading. A column without a name is left out.
    #[serde(default)]
    pub header: Option<Vec<String>>,
    /// Columns that are left out, because they are about persons and nobody needs them: `["Document Name", "Client"]`.
    #[serde(default)]
    pub drop: Vec<String>,
    /// How letters are written.
    #[serde(default)]
    pub encoding: Encoding,
    /// What parts the cells.
    #[serde(default)]
    pub delimiter: Delimiter,
    /// The sheet of XLSX; the first one if it is not said.
    #[serde(default)]
    pub sheet: Option<String>,
    /// Whether files are appended to, as PaperCut's are. Then they stay where they are, and are read on from where the last
    /// read ended, whole rows only. Otherwise a file is read when it has been still for a while, and moved when its records
    /// are durable.
    #[serde(default)]
    pub growing: bool,
    /// Whether the file that was changed last is all that there is: a register. It stays where it is.
    #[serde(default)]
    pub snapshot: bool,
    /// How many seconds a file that does not grow has to be still.
    #[serde(default = "default_settle_seconds")]
    pub settle_seconds: u64,
    /// Where files go that are done with, on the same file system; `klara` in the folder if it is not said.
    #[serde(default)]
    pub done: Option<PathBuf>,
}

fn default_settle_seconds() -> u64 {
    30
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Rows of text (RFC 4180, and what Excel saves in Sweden).
    Csv,
    /// A workbook of Excel's (ECMA-376).
    Xlsx,
}

/// How letters are written in CSV.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-16 and UTF-8 as the mark at the beginning says; without one, each row is UTF-8 if it can be and Windows-1252 if not.
    #[default]
    Auto,
    /// UTF-8 only.
    #[serde(rename = "utf-8")]
    Utf8,
    /// Windows-1252 only.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// What parts the cells of CSV.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Delimiter {
    /// Whichever of semicolon, tab and comma the heading has most of.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// A semicolon.
    #[serde(rename = ";")]
    Semicolon,
    /// A comma.
    #[serde(rename = ",")]
    Comma,
    /// A tab.
    #[serde(rename = "tab", alias = "\t")]
    Tab,
}
