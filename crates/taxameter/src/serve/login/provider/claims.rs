//! What the provider tells of somebody.

use std::collections::{BTreeMap, BTreeSet};

use openidconnect::core::CoreGenderClaim;
use openidconnect::{AdditionalClaims, IdTokenClaims};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::config::Login;

/// The claims that OpenID Connect does not name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Claims(BTreeMap<String, Value>);

impl AdditionalClaims for Claims {}

/// The longest name that is shown, in characters.
const NAME_CHARACTERS_MAX: usize = 60;

/// Somebody whom the provider knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Identity {
    /// The person, the same at each login, as logs and decisions may name them.
    pub(in super::super) pseudonym: String,
    /// What they are called; empty when the provider does not say.
    pub(in super::super) name: String,
    /// Their groups; none when the provider does not tell.
    groups: Option<BTreeSet<String>>,
    /// There are too many groups for a token (Microsoft's "groups overage": `_claim_names` leads elsewhere).
    pub(in super::super) has_too_many: bool,
    /// The token that all of it came in.
    pub(in super::super) id_token: String,
}

impl Identity {
    pub(super) fn new(
        login: &Login,
        claims: &IdTokenClaims<Claims, CoreGenderClaim>,
        id_token: String,
    ) -> Self {
        let name = claims.name().and_then(|names| names.get(None)).map(|name| name.as_str());
        let name = name.or_else(|| claims.preferred_username().map(|name| name.as_str()));
        let more = claims.additional_claims();
        Self {
            pseudonym: pseudonym(&login.issuer_text, claims.subject().as_str()),
            name: name.unwrap_or_default().chars().take(NAME_CHARACTERS_MAX).collect(),
            groups: groups(&login.groups_claim, more),
            has_too_many: has_too_many(&login.groups_claim, more),
            id_token,
        }
    }

    /// Whether the ID token says nothing of groups.
    pub(super) fn lacks_groups(&self) -> bool {
        self.groups.is_none() && !self.has_too_many
    }

    /// Takes over what the userinfo endpoint says of groups.
    pub(super) fn add(&mut self, login: &Login, more: &Claims) {
        self.groups = groups(&login.groups_claim, more);
        self.has_too_many = has_too_many(&login.groups_claim, more);
    }

    /// The groups.
    pub(in super::super) fn groups(&self) -> BTreeSet<String> {
        self.groups.clone().unwrap_or_default()
    }
}

/// A list of texts, or one text: some providers write a single group so.
fn groups(claim: &str, Claims(claims): &Claims) -> Option<BTreeSet<String>> {
    match claims.get(claim)? {
        Value::Array(values) => Some(values.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        Value::String(one) => Some(BTreeSet::from([one.clone()])),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn has_too_many(claim: &str, Claims(claims): &Claims) -> bool {
    claims.get("_claim_names").is_some_and(|names| names.get(claim).is_some())
        || claims.get("hasgroups").is_some_and(|has| has.as_bool() == Some(true) || has == "true")
}

/// 64 bits of a hash: enough that no two people of a municipality share them, and nobody's subject can be read off.
fn pseudonym(issuer: &str, subject: &str) -> String {
    let hash = Sha256::digest(format!("{issuer}\n{subject}"));
    data_encoding::HEXLOWER.encode(&hash[..8])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn groups_are_a_list_or_a_text() {
        let of = |value: Value| {
            groups("roles", &claims(value)).map(|groups| groups.into_iter().collect::<Vec<_>>())
        };
        assert_eq!(of(json!({"roles": ["b", "a", 1, "b"]})).unwrap(), ["a", "b"]);
        assert_eq!(of(json!({"roles": "a"})).unwrap(), ["a"]);
        assert_eq!(of(json!({"roles": []})).unwrap(), [""; 0]);
        for none in
            [json!({}), json!({"groups": ["a"]}), json!({"roles": {"a": true}}), json!({"roles": null})]
        {
            assert_eq!(of(none.clone()), None, "{none}");
        }
    }

    #[test]
    fn too_many_groups_are_noticed() {
        let of = |value: Value| has_too_many("groups", &claims(value));
        assert!(of(
            json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "x"}}})
        ));
        assert!(of(json!({"hasgroups": true})) && of(json!({"hasgroups": "true"})));
        assert!(!of(json!({"groups": ["a"]})) && !of(json!({"_claim_names": {"email": "src1"}})));
    }

    #[test]
    fn a_pseudonym_is_of_one_person_at_one_provider() {
        let of = |issuer: &str, subject: &str| pseudonym(issuer, subject);
        assert_eq!(of("https://a", "1"), of("https://a", "1"));
        assert_ne!(of("https://a", "1"), of("https://a", "2"));
        assert_ne!(of("https://a", "1"), of("https://b", "1"));
        assert_eq!(of("https://a", "1").len(), 16);
    }
}
