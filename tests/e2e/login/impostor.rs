//! A provider whose ID tokens are wrong in one way at a time.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use data_encoding::BASE64URL_NOPAD;
use openidconnect::core::{CoreEdDsaPrivateSigningKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKeyId, PrivateSigningKey};
use parking_lot::Mutex;
use rcgen::{KeyPair, PKCS_ED25519};
use serde_json::{Value, json};

/// What is wrong with the next ID token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    Nothing,
    /// `alg: none`, and no signature.
    Unsigned,
    /// Signed with a key of somebody else's under the provider's key id.
    ForeignKey,
    /// The claims were changed after they were signed.
    Changed,
    /// Signed with the client's secret, which proves nothing about the provider.
    ClientSecret,
    Nonce,
    NoNonce,
    Audience,
    /// For this program and for another one that may pass it on.
    TwoAudiences,
    Issuer,
    Expired,
    /// It goes with another access token.
    AccessToken,
    /// There is none.
    NoToken,
    /// The token endpoint is said to be elsewhere.
    Elsewhere,
}

pub(super) const SECRET: &str = "klientens-hemlighet";

struct Inside {
    issuer: String,
    own: CoreEdDsaPrivateSigningKey,
    foreign: CoreEdDsaPrivateSigningKey,
    wrong: Mutex<Wrong>,
    nonce: Mutex<String>,
    /// What came where nothing may be sent.
    elsewhere: Mutex<usize>,
}

/// The impostor, answering until the test ends.
pub(super) struct Impostor {
    inside: Arc<Inside>,
    _runtime: tokio::runtime::Runtime,
}

fn key() -> CoreEdDsaPrivateSigningKey {
    let pem = KeyPair::generate_for(&PKCS_ED25519).unwrap().serialize_pem();
    CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new("k1".to_owned()))).unwrap()
}

impl Impostor {
    pub(super) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let inside = Arc::new(Inside {
            issuer,
            own: key(),
            foreign: key(),
            wrong: Mutex::new(Wrong::Nothing),
            nonce: Mutex::default(),
            elsewhere: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/elsewhere", post(elsewhere))
            .with_state(Arc::clone(&inside));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { inside, _runtime: runtime }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.inside.issuer
    }

    /// From now on its tokens are for a login with this nonce, and wrong in this way.
    pub(super) fn answers(&self, nonce: &str, wrong: Wrong) {
        *self.inside.nonce.lock() = nonce.to_owned();
        *self.inside.wrong.lock() = wrong;
    }

    pub(super) fn elsewhere(&self) -> usize {
        *self.inside.elsewhere.lock()
    }
}

async fn discovery(State(inside): State<Arc<Inside>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", inside.issuer);
    Json(json!({
        "issuer": inside.issuer, "authorization_endpoint": at("/auth"), "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
        // It says that it takes everything; what is taken is not for it to say.
        "id_token_signing_alg_values_supported": ["none", "HS256", "EdDSA"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"]
    }))
}

async fn keys(State(inside): State<Arc<Inside>>) -> Json<Value> {
    Json(json!({"keys": [inside.own.as_verification_key()]}))
}

async fn elsewhere(State(inside): State<Arc<Inside>>) -> StatusCode {
    *inside.elsewhere.lock() += 1;
    StatusCode::OK
}

async fn token(State(inside): State<Arc<Inside>>, body: Bytes) -> Response {
    let form = String::from_utf8(body.to_vec()).unwrap();
    assert!(form.contains("code_verifier=") && form.contains(&format!("client_secret={SECRET}")), "{form}");
    let wrong = *inside.wrong.lock();
    if wrong == Wrong::Elsewhere {
        return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/elsewhere")]).into_response();
    }
    let mut answer = json!({"access_token": "a", "token_type": "Bearer", "expires_in": 60});
    if wrong != Wrong::NoToken {
        answer["id_token"] = id_token(&inside, wrong).into();
    }
    Json(answer).into_response()
}

fn id_token(inside: &Inside, wrong: Wrong) -> String {
    let now = taxameter::serve::now().micros() / 1_000_000;
    let mut claims = json!({
        "iss": inside.issuer, "sub": "1", "aud": "taxameter", "iat": now, "exp": now + 300,
        "nonce": *inside.nonce.lock(), "name": "Ekonom", "groups": ["ekonomi"]
    });
    let mut algorithm = "EdDSA";
    match wrong {
        Wrong::Unsigned => algorithm = "none",
        Wrong::ClientSecret => algorithm = "HS256",
        Wrong::Nonce => claims["nonce"] = "en-annan".into(),
        Wrong::NoNonce => drop(claims.as_object_mut().unwrap().remove("nonce")),
        Wrong::Audience => claims["aud"] = "ett-annat-program".into(),
        Wrong::TwoAudiences => claims["aud"] = json!(["taxameter", "ett-annat-program"]),
        Wrong::Issuer => claims["iss"] = "https://idp.example.org".into(),
        Wrong::Expired => claims["exp"] = (now - 60).into(),
        Wrong::AccessToken => claims["at_hash"] = BASE64URL_NOPAD.encode(&[7; 32]).into(),
        Wrong::Nothing | Wrong::ForeignKey | Wrong::Changed | Wrong::NoToken | Wrong::Elsewhere => {}
    }
    let encoded = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let header = encoded(&json!({"alg": algorithm, "kid": "k1", "typ": "JWT"}));
    let signed = format!("{header}.{}", encoded(&claims));
    let key = if wrong == Wrong::ForeignKey { &inside.foreign } else { &inside.own };
    let signature = match algorithm {
        "none" => Vec::new(),
        "HS256" => hmac(signed.as_bytes()),
        _ => key.sign(&CoreJwsSigningAlgorithm::EdDsa, signed.as_bytes()).unwrap(),
    };
    if wrong == Wrong::Changed {
        claims["groups"] = json!(["ekonomi", "administratörer"]);
        return format!("{header}.{}.{}", encoded(&claims), BASE64URL_NOPAD.encode(&signature));
    }
    format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
}

fn hmac(text: &[u8]) -> Vec<u8> {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}
