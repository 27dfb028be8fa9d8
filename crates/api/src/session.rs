//! Who has logged in, for the pages that greet them and for what they decide.

use std::convert::Infallible;

use axum::Extension;
use axum::extract::FromRequestParts;
use axum::extract::rejection::ExtensionRejection;
use axum::http::request::Parts;
use billing::{Biller, Requester, Signature};
use domain::access::{Role, Viewer};

use crate::Shared;
use crate::language::Language;

/// A person who has logged in. Whoever checks access puts it among a request's extensions; it is not there for keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// What the provider of identities calls the person; shown to them alone, and written down nowhere.
    pub name: String,
    /// What they may do.
    pub roles: Vec<Role>,
    /// What a form or a request that changes something must bring, as the field `csrf` or in the header `X-CSRF-Token`.
    pub csrf: String,
    /// The person, as logs and decisions know them: the same at each login, and no name.
    pub pseudonym: String,
}

impl Session {
    /// How a decision is signed when its maker does not say: the strongest role, and the pseudonym.
    pub(crate) fn signature(&self) -> Option<Signature> {
        let role = self.roles.iter().max().map_or("", |role| role.name());
        Signature::try_from(format!("{role} {}", self.pseudonym)).ok()
    }

    /// The roles in words.
    pub(crate) fn role_names(&self, language: Language) -> String {
        self.roles.iter().map(|role| role_name(*role, language)).collect::<Vec<_>>().join(", ")
    }
}

/// What a role is called.
pub(crate) const fn role_name(role: Role, language: Language) -> &'static str {
    let (sv, en) = match role {
        Role::Collector => ("insamlare", "collector"),
        Role::Payer => ("betalare", "payer"),
        Role::ObjectLeader => ("objektledare", "object leader"),
        Role::Operator => ("drift", "operator"),
        Role::Finance => ("ekonom", "finance"),
        Role::Auditor => ("revisor", "auditor"),
        Role::Admin => ("administratör", "administrator"),
    };
    match language {
        Language::Swedish => sv,
        Language::English => en,
    }
}

/// The session of a request, if it has one.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Option<Session>);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().cloned()))
    }
}

/// Who asks for a page: what they see, and who has logged in, if it is no key.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) viewer: Viewer,
    pub(crate) session: Option<Session>,
}

impl<S: Sync + Send> FromRequestParts<S> for Asker {
    type Rejection = ExtensionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ExtensionRejection> {
        let Extension(viewer) = Extension::from_request_parts(parts, state).await?;
        Ok(Self { viewer, session: parts.extensions.get().cloned() })
    }
}

/// The months, as somebody has them who decides: who asked for it is written down with each decision.
pub(crate) struct Deciding(pub(crate) Biller);

impl FromRequestParts<Shared> for Deciding {
    type Rejection = ExtensionRejection;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, ExtensionRejection> {
        let Extension(requester) = Extension::<Requester>::from_request_parts(parts, shared).await?;
        Ok(Self(shared.biller.asked_by(requester)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_signed_by_role_and_pseudonym_never_by_name() {
        let session = Session {
            name: "Ekonomichef".to_owned(),
            roles: vec![Role::Payer, Role::Finance],
            csrf: "c".to_owned(),
            pseudonym: "1f3a9c2d5e6b7a80".to_owned(),
        };
        assert_eq!(session.signature().unwrap().as_str(), "finance 1f3a9c2d5e6b7a80");
        assert_eq!(session.role_names(Language::Swedish), "betalare, ekonom");
    }
}
