//! What every page has: its language, its frame and where it came from.

use std::collections::BTreeSet;

use askama::Template;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};
use domain::Instant;
use domain::access::{Permission, Scope, Viewer};
use domain::catalogue::Catalogue;

use super::named::Named;
use super::words;
use crate::assets;
use crate::language::{COOKIE, Language};
use crate::numbers;
use crate::problem::Problem;
use crate::query::Params;
use crate::session::Session;
use crate::texts::Texts;

/// A part of the site, as its head lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Overview,
    Services,
    Payers,
    Object,
    Prices,
    Operations,
}

impl Section {
    const LISTED: [Section; 6] = [
        Section::Overview,
        Section::Services,
        Section::Payers,
        Section::Object,
        Section::Prices,
        Section::Operations,
    ];

    const fn href(self) -> &'static str {
        match self {
            Section::Overview => "/",
            Section::Services => "/services",
            Section::Payers => "/payers",
            Section::Object => "/object",
            Section::Prices => "/prices",
            Section::Operations => "/operations",
        }
    }

    fn label(self, t: &Texts) -> &'static str {
        match self {
            Section::Overview => t.overview,
            Section::Services => t.services,
            Section::Payers => t.payers,
            Section::Object => t.object,
            Section::Prices => t.prices,
            Section::Operations => t.operations,
        }
    }

    const fn needs(self) -> Permission {
        match self {
            Section::Overview | Section::Services | Section::Payers | Section::Prices => Permission::Figures,
            Section::Object => Permission::Object,
            Section::Operations => Permission::Operations,
        }
    }
}

/// A link of the head.
pub(crate) struct Link {
    pub(crate) href: &'static str,
    pub(crate) label: &'static str,
    pub(crate) is_current: bool,
}

/// The frame of a page.
pub(crate) struct Frame {
    pub(crate) language: Language,
    pub(crate) style: String,
    pub(crate) icon: String,
    pub(crate) links: Vec<Link>,
    pub(crate) other_language: String,
    pub(crate) other_tag: &'static str,
    pub(crate) organisation: String,
    pub(crate) generated: String,
    pub(crate) generated_at: String,
    pub(crate) version: &'static str,
    pub(crate) catalogue: String,
    pub(crate) session: Option<Session>,
    /// What alone the reader sees; none who sees everything.
    pub(crate) scope: Option<String>,
    /// What the page shows instead of what was asked for.
    pub(crate) notice: Option<String>,
}

impl Frame {
    /// The frame of a page that knows nothing of the catalogue: something went wrong. It leads to what the one who asks
    /// may see, where that is known.
    pub(crate) fn bare(language: Language, viewer: Option<&Viewer>) -> Self {
        Self {
            language,
            style: assets::style(),
            icon: assets::icon(),
            links: viewer.map_or_else(Vec::new, |viewer| links(language, viewer, None)),
            other_language: String::new(),
            other_tag: "",
            organisation: String::new(),
            generated: String::new(),
            generated_at: String::new(),
            version: env!("CARGO_PKG_VERSION"),
            catalogue: String::new(),
            session: None,
            scope: None,
            notice: None,
        }
    }

    /// The frame of the page at `path` (with its query, but for the language).
    pub(crate) fn new(
        language: Language,
        section: Section,
        path: &str,
        catalogue: &Catalogue,
        viewer: &Viewer,
        now: Instant,
    ) -> Self {
        let other = match language {
            Language::Swedish => Language::English,
            Language::English => Language::Swedish,
        };
        let organisation = &catalogue.organisation;
        let joint = if path.contains('?') { '&' } else { '?' };
        Self {
            language,
            style: assets::style(),
            icon: assets::icon(),
            links: links(language, viewer, Some(section)),
            other_language: format!("{path}{joint}lang={}", other.tag()),
            other_tag: other.tag(),
            organisation: format!("{} · {}", organisation.name, organisation.unit),
            generated: numbers::instant(now),
            generated_at: now.to_string(),
            version: env!("CARGO_PKG_VERSION"),
            catalogue: catalogue.version.chars().take(12).collect(),
            session: None,
            scope: scope(Named { catalogue, language }, viewer),
            notice: None,
        }
    }

    /// What the one who has logged in may do, in words.
    pub(crate) fn roles(&self) -> String {
        self.session.as_ref().map_or_else(String::new, |session| session.role_names(self.language))
    }
}

/// The parts of the site that somebody may see.
fn links(language: Language, viewer: &Viewer, current: Option<Section>) -> Vec<Link> {
    let seen = Section::LISTED.into_iter().filter(|listed| viewer.may(listed.needs()));
    let link = |listed: Section| Link {
        href: listed.href(),
        label: listed.label(Texts::of(language)),
        is_current: Some(listed) == current,
    };
    seen.map(link).collect()
}

/// How many services, payers or cost centres are named: who sees more knows what they are.
const SCOPE_NAMED: usize = 5;

/// What alone somebody sees: services by name, payers and cost centres by code. None who sees everything, or no figures.
fn scope(named: Named<'_>, viewer: &Viewer) -> Option<String> {
    if viewer.sees_all() {
        return None;
    }
    let all = |pick: fn(&Scope) -> &BTreeSet<String>| -> BTreeSet<&str> {
        viewer.grants().flat_map(|grant| pick(&grant.scope)).map(String::as_str).collect()
    };
    let services = all(|scope| &scope.services).into_iter().map(|slug| named.service(slug)).collect();
    let said = |sv, en| words::of(named.language, sv, en);
    let kinds = [
        (said("", ""), services),
        (said("betalare ", "payer "), all(|scope| &scope.customers)),
        (said("kostnadsställe ", "cost centre "), all(|scope| &scope.costcentres)),
    ];
    let seen = kinds.iter().filter(|(_, names)| !names.is_empty());
    let seen =
        seen.map(|(kind, names)| format!("{kind}{}", words::some_of(named.language, names, SCOPE_NAMED)));
    let seen = seen.collect::<Vec<_>>().join("; ");
    (!seen.is_empty()).then(|| format!("{} {seen}", said("Du ser bara:", "You see only:")))
}

/// The language of a page: `?lang=`, else what was chosen before, else what the browser prefers.
pub(crate) fn language(params: &Params, headers: &HeaderMap) -> Result<Language, Problem> {
    let asked = params.one_of("lang", &["sv", "en"])?.and_then(Language::from_tag);
    Ok(asked.unwrap_or_else(|| Language::chosen(headers)))
}

/// Renders a page; a language that was asked for is remembered for a year.
pub(crate) fn respond(
    template: &impl Template,
    language: Language,
    asked: bool,
) -> Result<Response, Problem> {
    let html = template.render().map_err(|error| Problem::internal(&error))?;
    let mut response =
        ([(header::VARY, "accept-language, cookie"), (header::CONTENT_LANGUAGE, language.tag())], Html(html))
            .into_response();
    if asked {
        let cookie = format!("{COOKIE}={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly", language.tag());
        if let Ok(value) = cookie.parse() {
            response.headers_mut().insert(header::SET_COOKIE, value);
        }
    }
    Ok(response)
}
