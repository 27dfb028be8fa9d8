//! A CSV file → rows with lines, as editors and Swedish Excel write it.
//!
//! Every row is a line of its own: a cell with a line break in it would be a mistake here. That makes line numbers
//! exact, also after blank lines and comments.

use crate::finding::{Code, Findings, Place, say};
use crate::nearest::nearest;
use crate::table::{Cell, Node, Table};

/// A column: its name as it is best written, and whether every file must have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) needed: bool,
}

/// A column that must be there.
pub(crate) const fn needed(name: &'static str) -> Column {
    Column { name, needed: true }
}

/// A column that may be left out.
pub(crate) const fn optional(name: &'static str) -> Column {
    Column { name, needed: false }
}

/// A name without case, accents and surrounding space: how columns are recognised and asked for.
pub(crate) fn fold(name: &str) -> String {
    let plain = |letter: char| match letter {
        'å' | 'ä' => 'a',
        'ö' => 'o',
        other => other,
    };
    name.trim().to_lowercase().chars().map(plain).collect()
}

/// Reads the rows of a file. Blank rows and rows that begin with `#` are skipped.
pub(crate) fn read(file: &str, text: &str, columns: &[Column], findings: &mut Findings) -> Vec<Table> {
    let lines = (1u32..).zip(text.lines()).filter(|(_, line)| !is_comment(line));
    let mut lines = lines.filter(|(_, line)| !line.trim_matches([';', ',', '\t', ' ', '"']).is_empty());
    let Some((at, first)) = lines.next() else {
        let all = columns.iter().map(|c| c.name).collect::<Vec<_>>().join(";");
        findings.add(
            Code::MissingColumn,
            &Place::file(file),
            say("filen har ingen rubrikrad", "the file has no header row"),
            say(format!("börja med raden {all}"), format!("begin with the row {all}")),
        );
        return Vec::new();
    };
    let separator = separator(first);
    let Some(header) = cells(file, at, first, separator, findings) else { return Vec::new() };
    let found = findings.0.len();
    let names = header_names(file, at, &header, columns, findings);
    if findings.0.len() > found {
        // With a wrong header every row would be wrong too.
        return Vec::new();
    }
    let mut rows = Vec::new();
    for (at, line) in lines {
        let Some(row) = cells(file, at, line, separator, findings) else { continue };
        let surplus = row.iter().skip(header.len()).any(|cell| !cell.is_empty());
        if row.len() < header.len() || surplus {
            findings.add(
                Code::CellCount,
                &Place::line(file, at),
                say(
                    format!("raden har {} celler men rubriken {}", row.len(), header.len()),
                    format!("the row has {} cells but the header {}", row.len(), header.len()),
                ),
                say(
                    format!("skilj cellerna med {separator:?}, även de tomma"),
                    format!("separate the cells by {separator:?}, the empty ones too"),
                ),
            );
            continue;
        }
        rows.push(table(file, at, &names, &header, &row));
    }
    rows
}

fn is_comment(line: &str) -> bool {
    // Excel puts quotation marks around a comment that has its separator in it.
    line.trim_start_matches('"').starts_with('#')
}

fn separator(header: &str) -> char {
    let count = |separator: char| header.matches(separator).count();
    [';', ',', '\t'].into_iter().rev().max_by_key(|s| count(*s)).unwrap_or(';')
}

fn cells(file: &str, at: u32, line: &str, separator: char, findings: &mut Findings) -> Option<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(u8::try_from(separator).unwrap_or(b';'))
        .buffer_capacity(line.len().max(1))
        .from_reader(line.as_bytes());
    let mut record = csv::StringRecord::new();
    let read = reader.read_record(&mut record);
    if line.matches('"').count() % 2 == 1 || read.is_err() {
        findings.add(
            Code::InvalidCsv,
            &Place::line(file, at),
            say("ett citattecken saknar sin motsvarighet", "a quotation mark has no counterpart"),
            say(
                "omge cellen med \" och skriv \"\" för ett citattecken i den",
                "put \" around the cell and write \"\" for a quotation mark in it",
            ),
        );
        return None;
    }
    Some(record.iter().map(|cell| cell.trim_matches([' ', '\u{a0}']).to_owned()).collect())
}

/// What each cell of the header stands for; none for one that means nothing.
fn header_names(
    file: &str,
    at: u32,
    header: &[String],
    columns: &[Column],
    findings: &mut Findings,
) -> Vec<Option<String>> {
    let place = Place::line(file, at);
    let mut names: Vec<Option<String>> = Vec::new();
    for cell in header {
        let name = fold(cell);
        if columns.iter().any(|column| fold(column.name) == name) {
            if names.contains(&Some(name.clone())) {
                let message = say(format!("kolumnen {cell} två gånger"), format!("column {cell} twice"));
                let fix = say("ta bort den ena", "remove one of them");
                findings.add(Code::ColumnTwice, &place.field(cell), message, fix);
            }
            names.push(Some(name));
            continue;
        }
        names.push(None);
        if cell.is_empty() {
            continue;
        }
        let all = columns.iter().map(|c| c.name).collect::<Vec<_>>().join(", ");
        let fix = match nearest(cell, columns.iter().map(|c| c.name)) {
            Some(meant) => say(format!("menades {meant}?"), format!("did you mean {meant}?")),
            None => {
                say(format!("ta bort den; kolumnerna är {all}"), format!("remove it; the columns are {all}"))
            }
        };
        let message = say(format!("okänd kolumn {cell}"), format!("unknown column {cell}"));
        findings.add(Code::UnknownColumn, &place.field(cell), message, fix);
    }
    for column in columns.iter().filter(|column| column.needed) {
        if !names.contains(&Some(fold(column.name))) {
            let name = column.name;
            findings.add(
                Code::MissingColumn,
                &place,
                say(format!("kolumnen {name:?} saknas"), format!("column {name:?} is missing")),
                say(
                    format!("skriv in {name:?} i rubrikraden"),
                    format!("write {name:?} into the header row"),
                ),
            );
        }
    }
    names
}

fn table(file: &str, at: u32, names: &[Option<String>], header: &[String], row: &[String]) -> Table {
    let place = Place::line(file, at);
    let mut table = Table { place: place.clone(), ..Table::default() };
    for ((name, label), text) in names.iter().zip(header).zip(row) {
        if let Some(name) = name {
            let cell = Cell { text: text.clone(), place: place.field(label), is_number: false };
            table.nodes.insert(name.clone(), Node::Cell(cell));
        }
    }
    table
}
