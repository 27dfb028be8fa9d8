//! What is asked of accounts whose changes are to be told: what is configured, their GUIDs and the numbers of their last changes.

use super::super::Record;
use super::super::renew::Records;
use super::Config;

/// What an entry keeps when it is renamed or moved.
pub(super) const GUID: &str = "objectGUID";
/// The number of its last change on the domain controller that answers.
pub(super) const USN: &str = "uSNChanged";

/// The attributes that are asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) attributes: Vec<String>,
    /// What the GUID and the number of the last change are called in records.
    guid: String,
    usn: String,
    /// What no record has.
    extra: Vec<String>,
}

impl Asked {
    pub(super) fn of(config: &Config) -> Self {
        let configured = |name: &str| config.attributes.iter().find(|asked| asked.eq_ignore_ascii_case(name));
        let extra = [GUID, USN].into_iter().filter(|name| configured(name).is_none()).map(str::to_owned);
        let extra: Vec<String> = extra.collect();
        let called = |name: &str| configured(name).map_or_else(|| name.to_owned(), Clone::clone);
        Self {
            attributes: config.attributes.iter().chain(&extra).cloned().collect(),
            guid: called(GUID),
            usn: called(USN),
            extra,
        }
    }

    /// Records by their GUIDs.
    ///
    /// # Errors
    /// Why they cannot be told apart or their changes not be seen, in words.
    pub(super) fn by_guid(&self, records: impl Iterator<Item = Record>) -> Result<Records, String> {
        let mut found = Records::new();
        for record in records {
            if !record.contains_key(&self.usn) {
                return Err(format!("{USN} may not be read of every account"));
            }
            let guid = record.get(&self.guid).ok_or("objectGUID may not be read of every account")?;
            found.insert(guid.clone(), self.plain(record.clone()));
        }
        Ok(found)
    }

    /// A record with what is configured and no more.
    pub(super) fn plain(&self, mut record: Record) -> Record {
        for name in &self.extra {
            record.remove(name);
        }
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(attributes: &str) -> Asked {
        let config = "url = 'ldaps://dc1'\nbind_dn = 'x'\npassword_file = 'x'\nbase = 'DC=x'\nattributes = ";
        Asked::of(&toml::from_str(&format!("{config}{attributes}")).unwrap())
    }

    fn record(fields: &[(&str, &str)]) -> Record {
        fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn records_are_told_apart_by_what_they_need_not_have() {
        let full = record(&[("objectGUID", "1"), ("uSNChanged", "7"), ("department", "441001")]);
        let few = asked("['department']");
        assert_eq!(few.attributes, ["department", "objectGUID", "uSNChanged"]);
        let found = few.by_guid([full.clone()].into_iter()).unwrap();
        assert_eq!(found, Records::from([("1".to_owned(), record(&[("department", "441001")]))]));
        // What is configured stays, called as it is configured.
        let named = asked("['objectguid']");
        assert_eq!(named.attributes, ["objectguid", "uSNChanged"]);
        let given = record(&[("objectguid", "1"), ("uSNChanged", "7")]);
        let found = named.by_guid([given].into_iter()).unwrap();
        assert_eq!(found, Records::from([("1".to_owned(), record(&[("objectguid", "1")]))]));
        for hidden in ["objectGUID", "uSNChanged"] {
            let mut record = full.clone();
            record.remove(hidden);
            let why = few.by_guid([record].into_iter()).unwrap_err();
            assert!(why.contains(hidden), "{why}");
        }
    }
}
