//! Forms that our own pages send. The guard around the routes lets no other page's form through.

use axum::http::{HeaderMap, header};

use crate::problem::{Kind, Problem};

/// The largest form: a few fields of some words.
const FORM_BYTES_MAX: usize = 8 * 1024;

/// What every form may have, whatever it is for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Form {
    /// What the page was given to send back, where somebody is logged in by a session.
    pub(crate) csrf: Option<String>,
}

/// Reads a form that has no fields of its own.
pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Form, Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if content_type.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
        return Err(Problem::new(Kind::UnsupportedMediaType).detail(
            "ska vara application/x-www-form-urlencoded",
            "must be application/x-www-form-urlencoded",
        ));
    }
    if body.len() > FORM_BYTES_MAX {
        let kib = FORM_BYTES_MAX / 1024;
        return Err(
            Problem::new(Kind::BodyTooLarge).detail(format!("högst {kib} KiB"), format!("at most {kib} KiB"))
        );
    }
    let mut form = Form::default();
    for (name, value) in url::form_urlencoded::parse(body) {
        if name != "csrf" || form.csrf.is_some() {
            let shown: String = name.chars().take(40).collect();
            return Err(Problem::new(Kind::InvalidBody).detail(
                format!("formuläret har inte fältet {shown}, eller har det två gånger"),
                format!("the form has no field {shown}, or has it twice"),
            ));
        }
        form.csrf = Some(value.into_owned());
    }
    Ok(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(content_type: &str, body: &str) -> Result<Form, Problem> {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, content_type.parse().unwrap())]);
        read(&headers, body.as_bytes())
    }

    #[test]
    fn a_form_has_the_token_or_nothing() {
        let own = "application/x-www-form-urlencoded; charset=utf-8";
        assert_eq!(form(own, ""), Ok(Form::default()));
        assert_eq!(form(own, "csrf=a%2Bb+c"), Ok(Form { csrf: Some("a+b c".to_owned()) }));
        for wrong in ["csrf=a&csrf=b", "force=1", &format!("csrf={}", "a".repeat(FORM_BYTES_MAX))] {
            assert!(form(own, wrong).is_err(), "{wrong:.40}");
        }
        assert!(form("application/json", "{}").is_err());
    }
}
