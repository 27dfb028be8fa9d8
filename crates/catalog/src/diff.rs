//! What one catalogue has that another has not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::catalogue::Catalogue;

use crate::finding::Language;
use crate::rows::{Field, Object, rows};

/// A difference between two catalogues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What changed.
    pub object: Object,
    /// Which of its kind.
    pub key: String,
    /// Its fields before; none when it was added.
    pub old: Option<Vec<Field>>,
    /// Its fields after; none when it was removed.
    pub new: Option<Vec<Field>>,
}

/// Everything that was added, removed or changed, ordered by kind and key.
pub fn diff(old: &Catalogue, new: &Catalogue) -> Vec<Change> {
    let (mut old, mut new) = (keyed(old), keyed(new));
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).cloned().collect();
    let changes = keys.into_iter().map(|key| {
        let (old, new) = (old.remove(&key), new.remove(&key));
        Change { object: key.0, key: key.1, old, new }
    });
    changes.filter(|change| change.old != change.new).collect()
}

/// Rows by kind and key; several drafts of the same price are told apart by their number.
fn keyed(catalogue: &Catalogue) -> BTreeMap<(Object, String), Vec<Field>> {
    let mut keyed = BTreeMap::new();
    for row in rows(catalogue) {
        let mut key = (row.object, row.key.clone());
        for number in 2.. {
            if !keyed.contains_key(&key) {
                break;
            }
            key.1 = format!("{} #{number}", row.key);
        }
        keyed.insert(key, row.fields);
    }
    keyed
}

impl Change {
    /// On one line: `+` added, `-` removed, `~` changed with the fields that differ.
    pub fn render(&self, language: Language) -> String {
        let label = |field: &Field| match language {
            Language::Swedish => field.label,
            Language::English => field.name,
        };
        let value = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
        let all = |fields: &[Field]| {
            let filled = fields.iter().filter(|field| !field.value.is_empty());
            filled.map(|field| format!("{} {}", label(field), field.value)).collect::<Vec<_>>().join("; ")
        };
        let (sign, what) = match (&self.old, &self.new) {
            (None, None) => ('=', String::new()),
            (None, Some(new)) => ('+', all(new)),
            (Some(old), None) => ('-', all(old)),
            (Some(old), Some(new)) => {
                let pairs = old.iter().zip(new).filter(|(old, new)| old != new);
                let changed = pairs.map(|(old, new)| {
                    format!("{} {} → {}", label(old), value(&old.value), value(&new.value))
                });
                ('~', changed.collect::<Vec<_>>().join("; "))
            }
        };
        let name = self.object.label(language);
        let key = if self.key.is_empty() { String::new() } else { format!(" {}", self.key) };
        format!("{sign} {name}{key}: {what}")
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Language::Swedish))
    }
}
