//! The columns of a table: which are kept, and how a row becomes a record.

use super::{Config, Record};

/// What becomes of the columns of a table.
pub(super) struct Columns {
    /// None for columns that are left out.
    pub(super) names: Vec<Option<String>>,
}

/// The fields that a record has besides its columns.
const OWN_FIELDS: [&str; 3] = ["file", "line", "hash"];

impl Columns {
    /// The columns of a heading.
    pub(super) fn new(names: impl IntoIterator<Item = String>, config: &Config) -> Result<Self, String> {
        let names: Vec<String> = names.into_iter().map(|name| name.trim().to_owned()).collect();
        for (index, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            if names[..index].contains(name) {
                return Err(format!("two columns are named {name:?}: name them in `header`"));
            }
            if OWN_FIELDS.contains(&name.as_str()) && !config.drop.contains(name) {
                return Err(format!(
                    "a column is named {name:?}, as a field that every record has: leave it out with `drop`, or name the \
                     columns in `header`"
                ));
            }
        }
        let all = names.join(", ");
        if let Some(missing) = config.drop.iter().find(|name| !names.contains(name)) {
            return Err(format!("there is no column {missing:?} to leave out; there are {all}"));
        }
        let keep = |name: &String| !name.is_empty() && !config.drop.contains(name);
        let names: Vec<Option<String>> = names.into_iter().map(|name| keep(&name).then_some(name)).collect();
        if names.iter().all(Option::is_none) {
            return Err("the heading names no column: see `skip_lines` and `header`".to_owned());
        }
        Ok(Self { names })
    }

    /// A row as a record; None when all its cells are empty.
    pub(super) fn record(&self, cells: &[String], file: &str, line: u64, text: &str) -> Option<Record> {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            return None;
        }
        let named = self.names.iter().zip(cells);
        let mut record: Record =
            named.filter_map(|(name, cell)| Some((name.clone()?, cell.trim().to_owned()))).collect();
        let hash = blake3::hash(text.as_bytes()).to_hex()[..32].to_owned();
        let own = [file.to_owned(), line.to_string(), hash];
        record.extend(OWN_FIELDS.into_iter().map(str::to_owned).zip(own));
        Some(record)
    }
}
