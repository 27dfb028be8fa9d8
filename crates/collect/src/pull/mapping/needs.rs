//! What a mapping needs of a record: what is kept from turn to turn has no more.

use std::collections::BTreeSet;

use super::{Amount, Condition, Costcentre, Dimension, Mapping, Subject};
use crate::pull::source::Record;

impl Mapping {
    /// The fields that it reads.
    fn fields(&self) -> BTreeSet<&String> {
        // All fields are named, so that a new one is not forgotten here.
        let Self {
            service: _,
            meter: _,
            id,
            subject,
            costcentre: Costcentre { field: costcentre, values: _, by_prefix: _, otherwise: _ },
            object,
            quantity,
            time,
            measured,
            seq,
            dimensions,
            only,
        } = self;
        let mut fields: BTreeSet<_> = id.iter().chain([costcentre]).collect();
        match subject {
            Subject::Pseudonym { pseudonym } => fields.extend(pseudonym),
            Subject::Object { prefix: _, field } => fields.extend([field]),
        }
        if let Some(Amount { field, times, divide_by: _ }) = quantity {
            fields.extend([field]);
            fields.extend(times);
        }
        fields.extend([object, time, seq].into_iter().flatten());
        fields.extend(measured.iter().flatten());
        for Dimension { field, values: _, otherwise: _, pseudonym: _ } in dimensions.values() {
            fields.extend(field);
        }
        fields.extend(only.iter().map(|Condition { field, .. }| field));
        fields
    }

    /// Whether a record has what tells it apart. If not, all of it does.
    pub(super) fn names(&self, record: &Record) -> bool {
        self.id.iter().filter_map(|name| record.get(name)).any(|value| !value.is_empty())
    }
}

/// What mappings need of a record: each makes the same event of this as of the whole.
pub(in crate::pull) fn needed(mappings: &[Mapping], record: &Record) -> Record {
    if !mappings.iter().all(|mapping| mapping.names(record)) {
        return record.clone();
    }
    let fields = mappings.iter().flat_map(Mapping::fields);
    fields.filter_map(|name| Some((name.clone(), record.get(name)?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> Record {
        text.split_whitespace().map(|name| (name.to_owned(), format!("of {name}"))).collect()
    }

    fn mapping(text: &str) -> Mapping {
        toml::from_str(&format!("service = 's'\nmeter = 'm'\n{text}")).unwrap()
    }

    #[test]
    fn what_no_mapping_reads_is_left_out() {
        let all = "id subject cc object q times t from to seq dim only name mail";
        let everything = mapping(
            "id = ['id', 'lacks']\nsubject = { pseudonym = ['subject'] }\ncostcentre = { field = 'cc' }\nobject = 'object'\n\
             quantity = { field = 'q', times = 'times' }\ntime = 't'\nmeasured = ['from', 'to']\nseq = 'seq'\n\
             dimensions.a = { field = 'dim' }\nonly = [{ field = 'only', is = ['x'] }]",
        );
        let little = mapping(
            "id = ['id']\nsubject = { prefix = 'vol:', field = 'name' }\ncostcentre = { field = 'cc' }",
        );
        let left_out = |mappings: &[Mapping]| -> Vec<String> {
            let needed = needed(mappings, &record(all));
            record(all).into_keys().filter(|name| !needed.contains_key(name)).collect()
        };
        assert_eq!(left_out(std::slice::from_ref(&everything)), ["mail", "name"]);
        assert_eq!(left_out(&[everything, little]), ["mail"]);
    }

    #[test]
    fn a_record_that_only_all_of_it_tells_apart_is_kept_whole() {
        let mapping = mapping("id = ['id']\nsubject = { pseudonym = ['id'] }\ncostcentre = { field = 'cc' }");
        assert_eq!(needed(&[mapping], &record("cc name mail")), record("cc name mail"));
    }
}
