//! The catalogue's versions, as files.

use clickhouse::Row;
use domain::Instant;
use serde::Deserialize;

use crate::client::Store;
use crate::error::{Error, asking};
use crate::native::Block;
use crate::usage::instant;

/// A version of the catalogue that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueVersion {
    /// The content hash of its files.
    pub version: String,
    /// When it was applied.
    pub applied: Instant,
    /// The control offset of what applied it; none for the one that seeded the store.
    pub control: Option<u64>,
}

#[derive(Row, Deserialize)]
struct VersionRow {
    version: String,
    applied: i64,
    control: i64,
}

#[derive(Row, Deserialize)]
struct FileRow {
    path: String,
    hex: String,
}

impl Store {
    /// Stores the version that seeds the store: from now on it is in force. All its files come in one block, so it is
    /// there whole or not at all; the same version with the same instant again changes nothing.
    pub async fn catalogue_put(
        &self,
        version: &str,
        files: &[(String, Vec<u8>)],
        applied: Instant,
    ) -> crate::Result<()> {
        let version = CatalogueVersion { version: version.to_owned(), applied, control: None };
        self.catalogue_apply(&version, files).await
    }

    /// Stores a version that was decided on, as [`Store::catalogue_put`] does. Nothing else orders versions than
    /// `applied`, so it must be later than that of the version before.
    pub async fn catalogue_apply(
        &self,
        version: &CatalogueVersion,
        files: &[(String, Vec<u8>)],
    ) -> crate::Result<()> {
        let CatalogueVersion { version, applied, control } = version;
        let mut block = Block::new(files.len());
        let applied = applied.micros().to_le_bytes();
        let control = control.and_then(|control| i64::try_from(control).ok()).unwrap_or(-1).to_le_bytes();
        block.fixed("applied", "DateTime64(6, 'UTC')", files.iter().map(|_| applied));
        block.fixed("control", "Int64", files.iter().map(|_| control));
        block.strings("version", files.iter().map(|_| version.as_bytes()));
        block.strings("path", files.iter().map(|(path, _)| path.as_bytes()));
        block.strings("bytes", files.iter().map(|(_, bytes)| bytes.as_slice()));
        self.insert("catalogue_versions", &block.into()).await
    }

    /// The version in force and its files, ordered by path; none before the first was stored.
    pub async fn catalogue_current(&self) -> crate::Result<Option<(String, Vec<(String, Vec<u8>)>)>> {
        let Some(newest) = self.catalogue_versions().await?.pop() else { return Ok(None) };
        let files = self.catalogue_files(&newest).await?;
        Ok(Some((newest.version, files)))
    }

    /// The version in force, without its files.
    pub async fn catalogue_current_version(&self) -> crate::Result<Option<String>> {
        Ok(self.catalogue_versions().await?.pop().map(|newest| newest.version))
    }

    /// Every version, in the order of their application.
    pub async fn catalogue_versions(&self) -> crate::Result<Vec<CatalogueVersion>> {
        let rows = self
            .query("SELECT DISTINCT ?fields FROM catalogue_versions ORDER BY applied, version")
            .fetch_all::<VersionRow>()
            .await
            .map_err(asking("versions of the catalogue"))?;
        let version = |row: VersionRow| CatalogueVersion {
            version: row.version,
            applied: instant(row.applied),
            control: u64::try_from(row.control).ok(),
        };
        Ok(rows.into_iter().map(version).collect())
    }

    /// The files of a version, ordered by path.
    pub async fn catalogue_files(&self, version: &CatalogueVersion) -> crate::Result<Vec<(String, Vec<u8>)>> {
        let rows = self
            .query(
                "SELECT ?fields FROM (
                     SELECT path, hex(bytes) AS hex FROM catalogue_versions FINAL
                     WHERE applied = fromUnixTimestamp64Micro(?, 'UTC') AND version = ?)
                 ORDER BY path",
            )
            .bind(version.applied.micros())
            .bind(&version.version)
            .fetch_all::<FileRow>()
            .await
            .map_err(asking("files of the catalogue"))?;
        rows.into_iter().map(file).collect()
    }

    /// Keeps the files of a version that somebody wants to apply, so that a decision can name it.
    pub async fn catalogue_propose(&self, version: &str, files: &[(String, Vec<u8>)]) -> crate::Result<()> {
        let mut block = Block::new(files.len());
        block.strings("version", files.iter().map(|_| version.as_bytes()));
        block.strings("path", files.iter().map(|(path, _)| path.as_bytes()));
        block.strings("bytes", files.iter().map(|(_, bytes)| bytes.as_slice()));
        self.insert("catalogue_proposals", &block.into()).await
    }

    /// The files of a version that somebody wants to apply, ordered by path; none when nobody ever wanted to.
    pub async fn catalogue_proposal(&self, version: &str) -> crate::Result<Vec<(String, Vec<u8>)>> {
        let rows = self
            .query(
                "SELECT ?fields FROM (
                     SELECT path, hex(bytes) AS hex FROM catalogue_proposals FINAL WHERE version = ?)
                 ORDER BY path",
            )
            .bind(version)
            .fetch_all::<FileRow>()
            .await
            .map_err(asking("files of a proposed catalogue"))?;
        rows.into_iter().map(file).collect()
    }
}

fn file(row: FileRow) -> crate::Result<(String, Vec<u8>)> {
    let bytes = data_encoding::HEXUPPER.decode(row.hex.as_bytes());
    let unreadable = |_| Error::Unreadable { what: "file of the catalogue", value: row.path.clone() };
    Ok((row.path.clone(), bytes.map_err(unreadable)?))
}
