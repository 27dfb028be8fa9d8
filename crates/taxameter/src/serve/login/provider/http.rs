//! How the provider is asked: no redirects, little time, small answers.

use std::pin::Pin;
use std::time::Duration;

use anyhow::Context;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

use crate::config::{Login, is_loopback};

/// How long the provider may take to answer, in all.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How long it may take to be reached.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// The largest answer: a key set or a token with hundreds of groups is far below.
const BYTES_MAX: usize = 1 << 20;

/// Speaks HTTP with the provider.
pub(super) struct Http(reqwest::Client);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error("the request failed")]
    Request(#[from] reqwest::Error),
    #[error("the answer cannot be handed on")]
    Response(#[from] openidconnect::http::Error),
    #[error("the answer has more than {BYTES_MAX} bytes")]
    TooLarge,
}

impl Http {
    pub(super) fn new(login: &Login) -> anyhow::Result<Self> {
        // An answer that leads elsewhere must not make this program ask there, with the code or the secret.
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_MAX)
            .timeout(ANSWER_MAX);
        let client = if is_loopback(&login.issuer) { client.no_proxy() } else { client };
        Ok(Self(client.build().context("could not make ready to ask the provider of [login]")?))
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut response = self.0.execute(request.try_into()?).await?;
        let mut answer = openidconnect::http::Response::builder().status(response.status());
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > BYTES_MAX {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(answer.body(body)?)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}
