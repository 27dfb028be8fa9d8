//! Who asks for a page, in which language, and with which parameters.

use std::sync::Arc;

use askama::Template;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::access::{Belongs, Permission, Viewer};
use domain::catalogue::Catalogue;
use domain::{Instant, Month};

use super::frame::{self, Frame, Section};
use super::named::Named;
use crate::Shared;
use crate::language::Language;
use crate::numbers;
use crate::problem::{Kind, Problem};
use crate::query::Params;
use crate::session::{Asker, Session};

/// One request for a page.
pub(crate) struct Visit {
    pub(crate) viewer: Viewer,
    session: Option<Session>,
    pub(crate) language: Language,
    pub(crate) params: Params,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) now: Instant,
    path: String,
    chosen: bool,
}

impl Visit {
    /// Reads a request for a page that takes the parameters in `known`, besides `lang`.
    pub(crate) fn read(
        shared: &Shared,
        asker: Asker,
        uri: &Uri,
        headers: &HeaderMap,
        known: &[&str],
    ) -> Result<Self, Problem> {
        let known: Vec<&str> = known.iter().copied().chain(["lang"]).collect();
        Self::with(shared, asker, uri, headers, Params::read(uri, &known)?)
    }

    /// Reads a request for a page with a form, whose empty fields count as not given.
    pub(crate) fn read_form(
        shared: &Shared,
        asker: Asker,
        uri: &Uri,
        headers: &HeaderMap,
        known: &[&str],
    ) -> Result<Self, Problem> {
        let known: Vec<&str> = known.iter().copied().chain(["lang"]).collect();
        Self::with(shared, asker, uri, headers, Params::read_form(uri, &known)?)
    }

    fn with(
        shared: &Shared,
        Asker { viewer, session }: Asker,
        uri: &Uri,
        headers: &HeaderMap,
        params: Params,
    ) -> Result<Self, Problem> {
        Ok(Self {
            viewer,
            session,
            language: frame::language(&params, headers)?,
            chosen: params.get("lang").is_some(),
            path: uri.path().to_owned(),
            catalogue: shared.catalogue.load_full(),
            now: (shared.now)(),
            params,
        })
    }

    /// The month that a page begins with: the last one that is over.
    pub(crate) fn focus(&self, last: Month) -> Month {
        if last >= self.now.month() { self.now.month().previous() } else { last }
    }

    /// The month that a page shows: the one that is asked for, else where it begins; the nearest that has usage.
    pub(crate) fn shown(&self, begins: Month, (first, last): (Month, Month)) -> Result<Month, Problem> {
        Ok(self.params.month("month")?.unwrap_or(begins).clamp(first, last))
    }

    /// The frame of a page that shows a month, and says so where another was asked for.
    pub(crate) fn frame_of(&self, section: Section, shown: Month) -> Frame {
        let asked = self.params.month("month").ok().flatten().filter(|asked| *asked != shown);
        let notice = asked.map(|asked| {
            let name = numbers::long_month(self.language, shown);
            match self.language {
                Language::Swedish => format!("{asked} har ingen användning; här visas {name}."),
                Language::English => format!("{asked} has no usage; this is {name}."),
            }
        });
        Frame { notice, ..self.frame(section) }
    }

    /// The frame of the page.
    pub(crate) fn frame(&self, section: Section) -> Frame {
        let here = self.params.path(&self.path, "lang");
        let frame = Frame::new(self.language, section, &here, &self.catalogue, &self.viewer, self.now);
        Frame { session: self.session.clone(), ..frame }
    }

    /// Renders the page.
    pub(crate) fn respond(&self, page: &impl Template) -> Result<Response, Problem> {
        frame::respond(page, self.language, self.chosen)
    }

    /// Refuses who may not see something of a page.
    pub(crate) fn must(&self, permission: Permission) -> Result<(), Problem> {
        if self.viewer.may(permission) { Ok(()) } else { Err(Problem::new(Kind::NotFound)) }
    }

    /// What things are called in the visitor's language.
    pub(crate) fn named(&self) -> Named<'_> {
        Named { catalogue: &self.catalogue, language: self.language }
    }

    /// Whether a payer is seen, at least in part.
    pub(crate) fn sees_payer(&self, code: &str) -> bool {
        self.viewer.sees_all()
            || self.catalogue.costcentres.values().any(|centre| {
                let is_payers = centre.owners.iter().any(|owner| owner.customer == code);
                is_payers
                    && self.viewer.sees(Belongs {
                        service: "",
                        customer: Some(code),
                        costcentre: &centre.code,
                    })
            })
    }
}

#[cfg(test)]
impl Visit {
    /// A visit of the page at an address, to an empty catalogue.
    pub(crate) fn sample(language: Language, viewer: Viewer, address: &str, now: Instant) -> Self {
        let uri: Uri = address.parse().unwrap();
        let known = ["code", "source", "cursor", "done"];
        Self {
            viewer,
            session: None,
            language,
            params: Params::read(&uri, &known).unwrap(),
            catalogue: Arc::default(),
            now,
            path: uri.path().to_owned(),
            chosen: false,
        }
    }
}
