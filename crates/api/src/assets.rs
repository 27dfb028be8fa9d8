//! The style sheet and the icon, served under names that hold their content's hash, so browsers may keep them for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::problem::{Kind, Problem};

struct Asset {
    name: String,
    media_type: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(stem: &str, suffix: &str, media_type: &'static str, content: &'static str) -> Self {
        let hash = HEXLOWER.encode(&Sha256::digest(content)[..6]);
        Self { name: format!("{stem}-{hash}.{suffix}"), media_type, content }
    }
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("taxameter", "css", "text/css; charset=utf-8", include_str!("../assets/taxameter.css"))
});
static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("taxameter", "svg", "image/svg+xml", include_str!("../assets/taxameter.svg"))
});

/// Where the style sheet is.
pub(crate) fn style() -> String {
    format!("/assets/{}", STYLE.name)
}

/// Where the icon is.
pub(crate) fn icon() -> String {
    format!("/assets/{}", ICON.name)
}

/// `GET /assets/{name}`
pub(crate) async fn get(Path(name): Path<String>) -> Result<Response, Problem> {
    let asset = [&*STYLE, &*ICON].into_iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| Problem::new(Kind::NotFound))?;
    let headers = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, asset.content).into_response())
}
