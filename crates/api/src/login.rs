//! The pages around a login: who may not come in and why, and that somebody is logged out.
//!
//! The login itself (`/login`, `/login/callback`, `/logout`) is answered by whoever joins the routers; here is what people see.

use askama::Template;
use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use domain::Instant;
use domain::access::{Role, Viewer};
use domain::catalogue::Catalogue;
use tower_http::catch_panic::CatchPanicLayer;

use crate::language::Language;
use crate::pages::frame::{self, Frame, Section};
use crate::problem::{self, Kind, Problem};
use crate::routes::{protect, shield};
use crate::session::{Session, role_name};
use crate::texts::{Texts, texts};

texts! {
    /// What the pages around a login say.
    LoginTexts {
        login_again: "Logga in", "Log in";
        login_not_granted: "Du är inloggad men saknar behörighet", "No role comes with your login";
        login_groups_lead: "Ingen av dina grupper ger en roll här. Be den som sköter grupperna om att få vara med i en av dessa, och logga in igen.", "None of your groups gives a role here. Ask those who see to the groups for one of these, and log in again.";
        login_too_many: "Du är med i så många grupper att inloggningstjänsten inte skickar dem. Be den som sköter den att skicka bara de grupper som hör till taxameter.", "You are in so many groups that the identity provider does not send them. Ask those who see to it to send only the groups that belong to taxameter.";
        login_group: "Grupp", "Group";
        login_role: "Roll", "Role";
        login_stale: "Inloggningen gäller inte längre", "The login does not hold any more";
        login_stale_lead: "Den påbörjades inte här, för mer än tio minuter sedan, eller en annan påbörjades efter den. Logga in igen.", "It was not begun here, was begun more than ten minutes ago, or another one was begun after it. Log in again.";
        login_refused: "Inloggningen avbröts", "The login was broken off";
        login_refused_lead: "Inloggningstjänsten svarade med detta:", "The identity provider answered with this:";
        login_failed: "Inloggningen gick inte att genomföra", "The login could not be completed";
        login_failed_lead: "Inloggningstjänsten svarar inte, eller svarar med något som inte går att lita på. Varför står i programmets logg.", "The identity provider does not answer, or its answer cannot be trusted. The program's log says why.";
        login_not_allowed: "Din roll räcker inte till den här sidan", "Your role does not cover this page";
        login_not_allowed_lead: "Be den som sköter behörigheterna om en roll till, om du behöver sidan.", "Ask those who see to roles for another one if you need the page.";
        logged_out: "Du är utloggad", "You are logged out";
        logged_out_lead: "Stäng webbläsaren om datorn används av andra.", "Close the browser if others use this computer.";
        logged_out_next: "Nu loggas du ut också från inloggningstjänsten.", "Now you are logged out at the identity provider too.";
        logged_out_provider: "Fortsätt till inloggningstjänsten", "Go on to the identity provider";
    }
}

/// What a page around a login says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// None of the person's groups gives a role.
    NotGranted {
        /// The groups that would, and the role that each gives.
        groups: Vec<(String, Role)>,
        /// The provider did not send the groups, because there are too many of them.
        has_too_many: bool,
    },
    /// The login was not begun here, was begun too long ago, or another one was begun since.
    Stale,
    /// The provider refused, or the person gave up: its error code (OpenID Connect Core §3.1.2.6).
    Refused(String),
    /// What the provider sent cannot be trusted, or it does not answer.
    Failed,
    /// The person's roles do not cover the page.
    NotAllowed,
    /// Logged out; the browser goes on to this address, if there is one, where the provider logs out too.
    LoggedOut(Option<String>),
}

impl Notice {
    const fn status(&self) -> StatusCode {
        match self {
            Notice::NotGranted { .. } | Notice::NotAllowed => StatusCode::FORBIDDEN,
            Notice::Stale | Notice::Refused(_) => StatusCode::BAD_REQUEST,
            Notice::Failed => StatusCode::BAD_GATEWAY,
            Notice::LoggedOut(_) => StatusCode::OK,
        }
    }

    const fn words(&self, l: &'static LoginTexts) -> (&'static str, &'static str) {
        match self {
            Notice::NotGranted { has_too_many: true, .. } => (l.login_not_granted, l.login_too_many),
            Notice::NotGranted { has_too_many: false, .. } => (l.login_not_granted, l.login_groups_lead),
            Notice::Stale => (l.login_stale, l.login_stale_lead),
            Notice::Refused(_) => (l.login_refused, l.login_refused_lead),
            Notice::Failed => (l.login_failed, l.login_failed_lead),
            Notice::NotAllowed => (l.login_not_allowed, l.login_not_allowed_lead),
            Notice::LoggedOut(Some(_)) => (l.logged_out, l.logged_out_next),
            Notice::LoggedOut(None) => (l.logged_out, l.logged_out_lead),
        }
    }
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    page: Frame,
    t: &'static Texts,
    l: &'static LoginTexts,
    title: &'static str,
    lead: &'static str,
    code: Option<String>,
    groups: Vec<(String, &'static str)>,
    next: Option<String>,
    again: bool,
}

/// The page that says something around a login, in the reader's language.
pub fn notice(
    headers: &HeaderMap,
    catalogue: &Catalogue,
    now: Instant,
    asker: Option<(&Viewer, &Session)>,
    notice: Notice,
) -> Response {
    let language = Language::chosen(headers);
    let (status, l) = (notice.status(), LoginTexts::of(language));
    let (title, lead) = notice.words(l);
    let again = !matches!(notice, Notice::NotAllowed | Notice::LoggedOut(Some(_)));
    let (mut groups, mut code, mut next) = (Vec::new(), None, None);
    match notice {
        Notice::NotGranted { groups: named, .. } => groups = named,
        Notice::Refused(refused) => code = Some(refused),
        Notice::LoggedOut(address) => next = address,
        Notice::Stale | Notice::Failed | Notice::NotAllowed => {}
    }
    let refresh = next.as_ref().and_then(|next| HeaderValue::from_str(&format!("0; url={next}")).ok());
    let nobody = Viewer::default();
    let viewer = asker.map_or(&nobody, |(viewer, _)| viewer);
    let mut page = Frame::new(language, Section::Overview, "/", catalogue, viewer, now);
    // There is nothing to come back to in another language.
    page.other_language.clear();
    page.session = asker.map(|(_, session)| session.clone());
    let groups = groups.into_iter().map(|(group, role)| (group, role_name(role, language))).collect();
    let t = Texts::of(language);
    let rendered = LoginPage { page, t, l, title, lead, code, groups, next, again };
    let mut response = match frame::respond(&rendered, language, false) {
        Ok(response) => (status, response).into_response(),
        Err(problem) => return problem.into_response(),
    };
    if let Some(refresh) = refresh {
        // Not a redirect: browsers hold those that follow a form to form-action, which names this site alone.
        response.headers_mut().insert(header::REFRESH, refresh);
    }
    // Some of these pages are shown before any router is reached.
    shield(response.headers_mut());
    response
}

/// Surrounds the routes of the login with what goes around every page.
pub fn surround(router: Router) -> Router {
    router
        .method_not_allowed_fallback(|| async { Problem::new(Kind::MethodNotAllowed) })
        .layer(CatchPanicLayer::custom(|_| Problem::new(Kind::Internal).into_response()))
        .layer(middleware::from_fn(problem::localise))
        .layer(middleware::from_fn(protect))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn shown(
        what: Notice,
        language: &str,
        session: Option<Session>,
    ) -> (StatusCode, HeaderMap, String) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, language.parse().unwrap());
        let now = Instant::parse_rfc3339("2021-03-15T08:00:00Z").unwrap();
        let viewer = Viewer::admin();
        let asker = session.as_ref().map(|session| (&viewer, session));
        let response = notice(&headers, &Catalogue::default(), now, asker, what);
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        (parts.status, parts.headers, text)
    }

    #[tokio::test]
    async fn who_has_no_role_reads_which_groups_give_one() {
        let groups = vec![("taxameter-<ekonomi>".to_owned(), Role::Finance)];
        let what = Notice::NotGranted { groups, has_too_many: false };
        let (status, _, swedish) = shown(what.clone(), "sv", None).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(swedish.contains("ekonom</td>") && !swedish.contains("<ekonomi>"), "{swedish}");
        assert!(swedish.contains("saknar behörighet") && !swedish.contains("/logout\" method"));
        assert!(shown(what, "en", None).await.2.contains("No role"));
    }

    #[tokio::test]
    async fn who_logs_out_goes_on_to_the_provider_without_a_script() {
        let next = "https://idp.example.org/logout?client_id=a&state=b".to_owned();
        let (status, headers, text) = shown(Notice::LoggedOut(Some(next.clone())), "sv", None).await;
        assert_eq!(
            (status, headers[header::REFRESH].to_str().unwrap()),
            (StatusCode::OK, &*format!("0; url={next}"))
        );
        assert!(text.contains("client_id=a&#38;state=b") && !text.contains("<script"), "{text}");
        assert!(shown(Notice::LoggedOut(None), "sv", None).await.1.get(header::REFRESH).is_none());
    }

    #[tokio::test]
    async fn who_is_logged_in_can_log_out_from_every_page() {
        let session = Session {
            name: "Driftledare <IT>".to_owned(),
            roles: vec![Role::Operator],
            csrf: "0123abcd".to_owned(),
            pseudonym: "1f3a9c2d".to_owned(),
        };
        let (status, headers, text) = shown(Notice::NotAllowed, "sv", Some(session)).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("form-action 'self'"));
        assert!(text.contains("<form class=\"who\" method=\"post\" action=\"/logout\">"), "{text}");
        assert!(text.contains("name=\"csrf\" value=\"0123abcd\"") && text.contains("drift"), "{text}");
        assert!(!text.contains("<IT>"));
    }
}
