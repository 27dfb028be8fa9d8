//! What stands on the pages: the title, the footer and the blocks between them. How they look is `report.typ`'s.
//!
//! Every figure is text when it comes here; lengths of bars are thousandths of the greatest.

use domain::{Instant, Money};
use serde::Serialize;

use super::swedish;

/// A document.
#[derive(Debug, Serialize)]
pub(super) struct Pages {
    /// Its title, in the metadata too.
    pub(super) title: String,
    /// Below the title.
    pub(super) subtitle: String,
    /// Who delivers and bills.
    pub(super) organisation: String,
    /// What every page says while something may still change.
    pub(super) preliminary: Option<String>,
    /// The lines of the footer.
    pub(super) footer: Vec<String>,
    /// The content.
    pub(super) blocks: Vec<Block>,
    /// The date that the file says that it was made.
    #[serde(skip)]
    pub(super) created: Instant,
    /// What the file's identity is made from.
    #[serde(skip)]
    pub(super) identity: String,
}

/// A part of the content.
#[derive(Debug, Serialize)]
#[serde(tag = "block", rename_all = "snake_case")]
pub(super) enum Block {
    /// A section begins.
    Section { name: String },
    /// A subsection begins.
    Subsection { name: String },
    /// A paragraph.
    Text { text: String },
    /// A paragraph that must be seen.
    Notice { text: String },
    /// Headline figures.
    Tiles { tiles: Vec<Tile> },
    /// A table.
    Table(Table),
    /// Bars from left to right, one for each name.
    Bars(Chart),
    /// Bars from below, one for each month.
    Columns(Chart),
}

/// A headline figure.
#[derive(Debug, Serialize)]
pub(super) struct Tile {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) note: String,
}

/// A table with a heading for each column.
#[derive(Debug, Default, Serialize)]
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Row>,
}

/// A column of a table.
#[derive(Debug, Serialize)]
pub(super) struct Column {
    name: String,
    number: bool,
    /// What it takes of the width that is left; 0 when it is as wide as its content.
    share: u8,
}

#[derive(Debug, Serialize)]
struct Row {
    strong: bool,
    cells: Vec<String>,
}

/// A chart. Whoever cannot see it reads `alt`.
#[derive(Debug, Serialize)]
pub(super) struct Chart {
    alt: String,
    bars: Vec<Bar>,
}

#[derive(Debug, Serialize)]
struct Bar {
    name: String,
    value: String,
    /// Thousandths of the greatest absolute value.
    length: i64,
}

impl Block {
    pub(super) fn section(name: impl Into<String>) -> Self {
        Block::Section { name: name.into() }
    }

    pub(super) fn subsection(name: impl Into<String>) -> Self {
        Block::Subsection { name: name.into() }
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Block::Text { text: text.into() }
    }

    pub(super) fn notice(text: impl Into<String>) -> Self {
        Block::Notice { text: text.into() }
    }
}

impl Column {
    /// Short text: codes, months, units.
    pub(super) fn short(name: impl Into<String>) -> Self {
        Self { name: name.into(), number: false, share: 0 }
    }

    /// Text that may take several lines, and what it takes of the width that is left.
    pub(super) fn text(name: impl Into<String>, share: u8) -> Self {
        Self { name: name.into(), number: false, share }
    }

    /// Numbers.
    pub(super) fn number(name: impl Into<String>) -> Self {
        Self { name: name.into(), number: true, share: 0 }
    }
}

impl Table {
    /// A table without rows.
    pub(super) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.push(false, cells);
    }

    /// Adds a row that is a sum, or the head of those below it.
    pub(super) fn strong(&mut self, cells: impl IntoIterator<Item = String>) {
        self.push(true, cells);
    }

    fn push(&mut self, strong: bool, cells: impl IntoIterator<Item = String>) {
        let mut cells: Vec<String> = cells.into_iter().collect();
        // A short row would move the cells of all that follow.
        cells.resize(self.columns.len(), String::new());
        self.rows.push(Row { strong, cells });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Chart {
    /// A chart of amounts; `about` says what they are, and `value` writes one beside its bar.
    pub(super) fn new(about: &str, amounts: &[(String, Money)], value: impl Fn(Money) -> String) -> Self {
        let greatest =
            amounts.iter().map(|(_, amount)| amount.ore().unsigned_abs()).max().unwrap_or(0).max(1);
        let length = |amount: Money| {
            let thousandths = i128::from(amount.ore()) * 1000 / i128::from(greatest);
            i64::try_from(thousandths).unwrap_or(0)
        };
        let bar = |(name, amount): &(String, Money)| Bar {
            name: name.clone(),
            value: value(*amount),
            length: length(*amount),
        };
        let said: Vec<String> =
            amounts.iter().map(|(name, amount)| format!("{name} {}", swedish::kronor(*amount))).collect();
        Self { alt: format!("{about}: {}.", said.join("; ")), bars: amounts.iter().map(bar).collect() }
    }
}
