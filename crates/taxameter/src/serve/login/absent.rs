//! What a build has in the place of login when it was built without: nobody, and a clear answer to who configures it.

use std::sync::Arc;

use anyhow::bail;
use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use collect::http::problem::Problem;
use domain::access::Permission;
use domain::catalogue::Catalogue;
use prometheus::Registry;

use crate::config::{Config, Role};

const ABSENT: &str = "this build has no login, but [login] is configured: build it with `--features oidc`";

/// Nobody logs in.
pub(super) enum People {}

/// No page is remembered.
pub(super) enum Asked {}

impl People {
    pub(super) fn start(
        config: &Config,
        _: &Arc<ArcSwap<Catalogue>>,
        _: &Registry,
    ) -> anyhow::Result<Option<Arc<Self>>> {
        if config.login.is_some() && config.runs(Role::Api) {
            bail!(ABSENT);
        }
        Ok(None)
    }

    pub(super) async fn check(config: &Config) -> Option<anyhow::Result<String>> {
        config.login.as_ref().map(|_| Err(anyhow::anyhow!(ABSENT)))
    }

    pub(super) fn routes(self: &Arc<Self>) -> Router {
        match **self {}
    }

    pub(super) async fn admit(&self, _: Permission, _: &mut Request) -> Option<Result<String, Problem>> {
        match *self {}
    }

    pub(super) fn asked(&self, _: &Request) -> Option<Asked> {
        match *self {}
    }

    pub(super) fn instead(&self, _: &Asked, _: &Problem) -> Option<Response> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, Login};

    #[test]
    fn a_build_without_login_says_so() {
        let section = "issuer = \"https://idp.example.org\"\nclient_id = \"a\"\nclient_secret_file = \"s\"\n\
            public_url = \"https://taxameter.example.org\"\n[[grant]]\ngroup = \"g\"\nrole = \"admin\"\n";
        let mut config = Config::load(&Flags::default()).unwrap();
        let start = |config: &Config| People::start(config, &Arc::default(), &Registry::new()).map(drop);
        start(&config).unwrap();
        config.login = Some(Login::of(toml::from_str(section).unwrap()).unwrap());
        assert!(start(&config).unwrap_err().to_string().contains("--features oidc"));
    }
}
