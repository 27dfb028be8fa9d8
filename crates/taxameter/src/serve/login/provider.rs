//! The provider of identities: discovery, the address to log in at, and who somebody is that comes back with a code.

mod claims;
mod http;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use arc_swap::ArcSwapOption;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm, CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse,
    CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AuthType, AuthorizationCode, ClaimsVerificationError, Client, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdToken, IdTokenFields,
    IssuerUrl, JsonWebKeySet, LogoutRequest, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, RequestTokenError, Scope,
    SignatureVerificationError, StandardErrorResponse, StandardTokenResponse, TokenResponse, UserInfoClaims,
};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use url::Url;

use self::claims::Claims;
use self::http::Http;
use crate::config::{Login, read_secret};

pub(super) use self::claims::Identity;

type Token = IdToken<Claims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type Fields = IdTokenFields<
    Claims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type OidcClient = Client<
    Claims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What ID tokens may be signed with: with a key of the provider's alone. Neither `none` nor what the client's own secret signs.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 5] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// For how long the provider is taken at its word about where its endpoints are.
const KEEP: Duration = Duration::from_secs(3_600);
/// How often its keys may be read again because one of them is not known.
const KEYS_AGAIN: Duration = Duration::from_secs(60);
/// How many logins may be redeemed at once: whoever sends wrong codes must not make the program flood the provider.
const AT_ONCE: usize = 16;
/// The longest ID token that is given back at logout: addresses of some 2,000 bytes get through everywhere.
const HINT_BYTES_MAX: usize = 1_500;

/// What the provider said of itself, when, and when its keys were read again since.
struct Known {
    metadata: ProviderMetadataWithLogout,
    at: Instant,
    keys_again: Option<Instant>,
}

/// The provider of identities, as this program knows it.
pub(super) struct Provider {
    login: Login,
    secret: ClientSecret,
    issuer: IssuerUrl,
    http: Http,
    known: ArcSwapOption<Known>,
    /// Held while it is asked about itself: others wait for the answer instead of asking too.
    asking: Mutex<()>,
    redeeming: Semaphore,
}

/// What a login begins with.
pub(super) struct Beginning {
    /// Where the browser goes.
    pub(super) address: Url,
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
}

/// Why nobody is known at the end of a login.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The provider does not take the code: its error code (RFC 6749 §5.2).
    Code(String),
    /// The provider does not answer, or its answer cannot be trusted.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        Refusal::Failed(error)
    }
}

impl Provider {
    pub(super) fn new(login: &Login) -> anyhow::Result<Self> {
        let secret = read_secret(&login.client_secret_file)?;
        if secret.is_empty() {
            bail!("the client secret file under [login] is empty");
        }
        Ok(Self {
            secret: ClientSecret::new(secret),
            issuer: IssuerUrl::new(login.issuer_text.clone()).context("login.issuer")?,
            http: Http::new(login)?,
            known: ArcSwapOption::empty(),
            asking: Mutex::default(),
            redeeming: Semaphore::new(AT_ONCE),
            login: login.clone(),
        })
    }

    /// Whether it answers and can do what is needed.
    pub(super) async fn check(&self) -> anyhow::Result<()> {
        let known = self.known().await?;
        let algorithms = known.metadata.id_token_signing_alg_values_supported();
        if !algorithms.iter().any(|algorithm| ALGORITHMS.contains(algorithm)) {
            bail!(
                "the provider of [login] signs ID tokens with none of RS256, PS256, ES256, ES384 and EdDSA"
            );
        }
        Ok(())
    }

    /// What the provider says of itself: fresh, or from before if it does not answer now.
    async fn known(&self) -> anyhow::Result<Arc<Known>> {
        let fresh = |known: &Arc<Known>| known.at.elapsed() < KEEP;
        if let Some(known) = self.known.load_full().filter(fresh) {
            return Ok(known);
        }
        let _asking = self.asking.lock().await;
        let before = self.known.load_full();
        if let Some(known) = before.clone().filter(fresh) {
            return Ok(known);
        }
        match self.ask().await {
            Ok(known) => Ok(known),
            Err(error) => before
                .inspect(|_| {
                    tracing::warn!(error = format!("{error:#}"), "the provider of [login] does not answer")
                })
                .ok_or(error),
        }
    }

    async fn ask(&self) -> anyhow::Result<Arc<Known>> {
        let metadata = ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &self.http).await;
        let metadata =
            metadata.with_context(|| format!("could not read what {} says of itself", self.login.issuer))?;
        if metadata.token_endpoint().is_none() {
            bail!("{} has no token endpoint", self.login.issuer);
        }
        let known = Arc::new(Known { metadata, at: Instant::now(), keys_again: None });
        self.known.store(Some(Arc::clone(&known)));
        Ok(known)
    }

    /// Its keys, read again: it signs with one that was not there before. At most once a minute.
    async fn keys_again(&self, known: &Known) -> anyhow::Result<Option<CoreJsonWebKeySet>> {
        let _asking = self.asking.lock().await;
        let newest = self.known.load_full();
        let newest = newest.as_deref().unwrap_or(known);
        if newest.metadata.jwks() != known.metadata.jwks() {
            return Ok(Some(newest.metadata.jwks().clone()));
        }
        if newest.keys_again.is_some_and(|at| at.elapsed() < KEYS_AGAIN) {
            return Ok(None);
        }
        let keys = JsonWebKeySet::fetch_async(known.metadata.jwks_uri(), &self.http).await;
        let keys: CoreJsonWebKeySet = keys.context("could not read the provider's keys")?;
        let metadata = newest.metadata.clone().set_jwks(keys.clone());
        let known = Known { metadata, at: newest.at, keys_again: Some(Instant::now()) };
        self.known.store(Some(Arc::new(known)));
        Ok(Some(keys))
    }

    fn client(&self, metadata: &ProviderMetadataWithLogout) -> anyhow::Result<OidcClient> {
        let callback = self.login.public_url.join("login/callback").context("login.public_url")?;
        let id = ClientId::new(self.login.client_id.clone());
        let client = Client::from_provider_metadata(metadata.clone(), id, Some(self.secret.clone()));
        // Basic authentication unless the provider says that it takes none (OpenID Connect Discovery §3).
        let methods = metadata.token_endpoint_auth_methods_supported();
        let takes_basic =
            methods.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let auth = if takes_basic { AuthType::BasicAuth } else { AuthType::RequestBody };
        Ok(client.set_redirect_uri(RedirectUrl::from_url(callback)).set_auth_type(auth))
    }

    /// Begins a login: the authorization code flow with PKCE (OpenID Connect Core §3.1, RFC 7636).
    pub(super) async fn begin(&self) -> anyhow::Result<Beginning> {
        let known = self.known().await?;
        let client = self.client(&known.metadata)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (address, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                || CsrfToken::new_random_len(32),
                || Nonce::new_random_len(32),
            )
            .add_scopes(self.login.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(challenge)
            .url();
        Ok(Beginning {
            address,
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
        })
    }

    /// Who comes back with a code.
    pub(super) async fn finish(
        &self,
        code: String,
        verifier: String,
        nonce: String,
    ) -> Result<Identity, Refusal> {
        let _one = self.redeeming.acquire().await.context("redeeming codes")?;
        let known = self.known().await?;
        let client = self.client(&known.metadata)?;
        let request = client.exchange_code(AuthorizationCode::new(code)).context("the token endpoint")?;
        let tokens =
            request.set_pkce_verifier(PkceCodeVerifier::new(verifier)).request_async(&self.http).await;
        let tokens = tokens.map_err(refusal)?;
        let token = tokens.id_token().ok_or_else(|| anyhow!("the provider sent no ID token"))?;
        let nonce = Nonce::new(nonce);
        let client = match verified(&client, token, &nonce, &tokens) {
            Ok(()) => client,
            Err(error) if may_be_a_new_key(&error) => {
                let keys =
                    self.keys_again(&known).await?.ok_or_else(|| anyhow!(error).context("the ID token"))?;
                let client = self.client(&known.metadata.clone().set_jwks(keys))?;
                verified(&client, token, &nonce, &tokens).context("the ID token")?;
                client
            }
            Err(error) => return Err(anyhow!(error).context("the ID token").into()),
        };
        let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
        let claims = token.claims(&verifier, &nonce).context("the ID token")?;
        let mut identity = Identity::new(&self.login, claims, token.to_string());
        if identity.lacks_groups() && client.user_info_url().is_some() {
            let request = client.user_info(tokens.access_token().clone(), Some(claims.subject().clone()));
            let more = request.context("the userinfo endpoint")?.request_async(&self.http).await;
            let more: UserInfoClaims<Claims, CoreGenderClaim> =
                more.context("what the provider tells of a user")?;
            identity.add(&self.login, more.additional_claims());
        }
        Ok(identity)
    }

    /// Where a browser goes so that the provider logs somebody out too, if it can
    /// (OpenID Connect RP-Initiated Logout 1.0 §2).
    pub(super) async fn logout(&self, id_token: Option<&str>) -> Option<String> {
        let known = self.known().await.ok()?;
        let end = known.metadata.additional_metadata().end_session_endpoint.clone()?;
        let back = self.login.public_url.join("logout").ok()?;
        let mut address = LogoutRequest::from(end)
            .set_client_id(ClientId::new(self.login.client_id.clone()))
            .set_post_logout_redirect_uri(PostLogoutRedirectUrl::from_url(back))
            .http_get_url();
        if let Some(hint) = id_token.filter(|token| token.len() <= HINT_BYTES_MAX) {
            address.query_pairs_mut().append_pair("id_token_hint", hint);
        }
        Some(address.into())
    }
}

/// Whether an ID token is the provider's, for this program, of this login, and goes with the access token.
fn verified(
    client: &OidcClient,
    token: &Token,
    nonce: &Nonce,
    tokens: &Tokens,
) -> Result<(), ClaimsVerificationError> {
    let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
    let claims = token.claims(&verifier, nonce)?;
    let Some(hash) = claims.access_token_hash() else { return Ok(()) };
    let algorithm = token.signing_alg().map_err(ClaimsVerificationError::SignatureVerification)?;
    let key = token.signing_key(&verifier).map_err(ClaimsVerificationError::SignatureVerification)?;
    let other = |_| ClaimsVerificationError::Other("the access token's hash".to_owned());
    let right = AccessTokenHash::from_token(tokens.access_token(), algorithm, key).map_err(other)?;
    if right == *hash {
        Ok(())
    } else {
        Err(ClaimsVerificationError::Other("it belongs to another access token".to_owned()))
    }
}

/// Whether a token may be right by a key that the provider has had for less long than we know its keys.
fn may_be_a_new_key(error: &ClaimsVerificationError) -> bool {
    matches!(
        error,
        ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey | SignatureVerificationError::CryptoError(_)
        )
    )
}

type TokenError<E> = RequestTokenError<E, StandardErrorResponse<CoreErrorResponseType>>;

/// Why the token endpoint gave nothing, without what it said: that may be about a person.
fn refusal<E: std::error::Error + Send + Sync + 'static>(error: TokenError<E>) -> Refusal {
    match error {
        RequestTokenError::ServerResponse(said) => Refusal::Code(said.error().to_string()),
        RequestTokenError::Request(error) => {
            Refusal::Failed(anyhow!(error).context("the token endpoint does not answer"))
        }
        RequestTokenError::Parse(error, _) => {
            Refusal::Failed(anyhow!("the token endpoint's answer cannot be read at {}", error.path()))
        }
        RequestTokenError::Other(error) => Refusal::Failed(anyhow!("the token endpoint: {error}")),
    }
}
