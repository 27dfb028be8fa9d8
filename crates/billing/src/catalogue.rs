//! `catalogue.apply`: a proposed catalogue → the version in force, unless it would change a closed month (design §7).
//!
//! The files wait in the store under their content hash, and the control log has the hash. So what is judged at the
//! decision's place in the log is exactly what was proposed, against the version and the closed months of that place.

use std::sync::Arc;

use catalog::{Checked, Files, Finding, Language};
use domain::Instant;
use domain::catalogue::Catalogue;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::catalogue::CatalogueVersion;

use crate::biller::Biller;
use crate::control::{Carried, Decision, Handler, REFUSED};
use crate::error::{Error, storing};

/// The action of the control log.
pub(crate) const APPLY: &str = "catalogue.apply";

/// What became of a wish to apply a catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Application {
    /// It is in force, from now on or already.
    InForce {
        /// Its content hash.
        version: String,
        /// What it changed, a line each; empty when it was in force before.
        changes: Vec<String>,
    },
    /// It is not; nothing was changed.
    Refused {
        /// `invalid_catalogue` or `changes_closed_month`.
        code: String,
        /// What is wrong, a line or some each.
        findings: Vec<String>,
    },
}

#[derive(Serialize, Deserialize)]
struct ApplyDecision {
    action: String,
    version: String,
}

#[derive(Serialize, Deserialize)]
struct Applied {
    version: String,
    changes: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Refused {
    code: String,
    findings: Vec<String>,
}

impl Biller {
    /// Makes a catalogue the one in force, unless it is wrong in itself or would change a closed month. Parked events
    /// whose meter it has are released.
    ///
    /// # Errors
    /// [`Error::NotInTime`] when nobody carried it out in time; asking again is safe.
    pub async fn apply_catalogue(&self, files: &Files) -> crate::Result<Application> {
        let checked = match catalog::check(files) {
            Ok(checked) => checked,
            Err(findings) => {
                let code = "invalid_catalogue".to_owned();
                return Ok(Application::Refused { code, findings: rendered(&findings) });
            }
        };
        let version = checked.catalogue.version.clone();
        let proposed: Vec<(String, Vec<u8>)> =
            files.iter().map(|(path, bytes)| (path.to_owned(), bytes.to_vec())).collect();
        let proposing = storing("keeping a proposed catalogue");
        self.store().catalogue_propose(&version, &proposed).await.map_err(proposing)?;
        let decision = ApplyDecision { action: APPLY.to_owned(), version: version.clone() };
        let ended = self.decide_and_wait(&decision, format!("application of catalogue {version}")).await?;
        let unreadable = |_| Error::UnreadableOutcome { control: ended.control };
        if ended.outcome == REFUSED {
            let Refused { code, findings } = serde_json::from_str(&ended.answer).map_err(unreadable)?;
            return Ok(Application::Refused { code, findings });
        }
        let Applied { version, changes } = serde_json::from_str(&ended.answer).map_err(unreadable)?;
        // Who asks next here is answered from it, even when another process carried it out.
        if self.version_in_force().await? == version {
            self.put_in_force(checked.catalogue);
        }
        Ok(Application::InForce { version, changes })
    }

    /// The version in force as the store has it; as this process has it when the store has none.
    pub(crate) async fn version_in_force(&self) -> crate::Result<String> {
        let reading = storing("reading the catalogue's version");
        let stored = self.store().catalogue_current_version().await.map_err(reading)?;
        Ok(stored.unwrap_or_else(|| self.catalogue().version.clone()))
    }

    /// The version in force just before an offset of the control log; none when the store has no catalogue.
    pub(crate) async fn version_before(&self, control: u64) -> crate::Result<Option<CatalogueVersion>> {
        let reading = storing("reading versions of the catalogue");
        let versions = self.store().catalogue_versions().await.map_err(reading)?;
        Ok(versions.into_iter().rfind(|version| version.control.is_none_or(|at| at < control)))
    }

    /// The catalogue of a version: the one in force, or a stored one; none when nobody has it.
    pub(crate) async fn catalogue_of(&self, version: &str) -> crate::Result<Option<Arc<Catalogue>>> {
        let current = self.catalogue();
        if current.version == version {
            return Ok(Some(current));
        }
        let reading = storing("reading a version of the catalogue");
        let versions = self.store().catalogue_versions().await.map_err(&reading)?;
        let Some(stored) = versions.into_iter().find(|stored| stored.version == version) else {
            return Ok(None);
        };
        let files = files_of(self.store().catalogue_files(&stored).await.map_err(&reading)?);
        Ok(Some(Arc::new(catalog::recall(&files))))
    }
}

/// Carries out decisions about the catalogue.
pub(crate) struct Applier {
    biller: Biller,
}

impl Handler for Applier {
    fn carry_out<'a>(&'a self, decision: &'a Decision) -> BoxFuture<'a, crate::Result<Carried>> {
        async move {
            let Some(about) = decision.read::<ApplyDecision>() else {
                return Ok(refuse("unreadable", Vec::new()));
            };
            self.apply(decision, &about.version).await
        }
        .boxed()
    }
}

impl Applier {
    pub(crate) fn new(biller: Biller) -> Self {
        Self { biller }
    }

    async fn apply(&self, decision: &Decision, version: &str) -> crate::Result<Carried> {
        let store = self.biller.store();
        let reading = storing("reading a proposed catalogue");
        let proposed = store.catalogue_proposal(version).await.map_err(reading)?;
        let checked = match catalog::check(&files_of(proposed.clone())) {
            Ok(checked) if checked.catalogue.version == version => checked,
            Ok(_) => return Ok(refuse("invalid_catalogue", vec![format!("{version} finns inte")])),
            Err(findings) => return Ok(refuse("invalid_catalogue", rendered(&findings))),
        };
        let before = self.biller.version_before(decision.control).await?;
        let old = match &before {
            Some(before) => self.biller.catalogue_of(&before.version).await?,
            None => None,
        };
        let old = old.unwrap_or_else(|| self.biller.catalogue());
        let last_closed = {
            let ledger = self.biller.ledger().await?;
            // Whoever carries this out late knows of closes that came after it.
            let earlier = ledger.closings().filter(|closed| closed.control < decision.control);
            earlier.map(|closed| closed.month).last()
        };
        let mut findings = catalog::changes_closed_month(&old, &checked, last_closed);
        let heads = store.heads(None).await.map_err(storing("reading which meters have usage"))?;
        let used = heads.into_iter().map(|head| (head.service, head.meter)).collect();
        findings.extend(catalog::removes_used_meters(&checked, &used));
        if !findings.is_empty() {
            return Ok(refuse("changes_closed_month", rendered(&findings)));
        }
        if old.version == version {
            let answer = json!(Applied { version: version.to_owned(), changes: Vec::new() });
            return Ok(Carried { outcome: "unchanged", answer });
        }
        let changes = catalog::diff(&old, &checked.catalogue);
        let changes = changes.iter().map(|change| change.render(Language::default())).collect();
        self.put(decision, before.as_ref(), &proposed, &checked).await?;
        let answer = json!(Applied { version: version.to_owned(), changes });
        Ok(Carried { outcome: "applied", answer })
    }

    /// Puts a version in force, ends every window with it, and releases what waited for it.
    async fn put(
        &self,
        decision: &Decision,
        before: Option<&CatalogueVersion>,
        files: &[(String, Vec<u8>)],
        checked: &Checked,
    ) -> crate::Result<()> {
        // Versions are in force in the order of these instants, whatever the clocks of those who decide say.
        let after = before.map(|before| before.applied.micros() + 1);
        let applied = after.map_or(decision.at, |after| decision.at.max(Instant::from_micros(after)));
        let version = CatalogueVersion {
            version: checked.catalogue.version.clone(),
            applied,
            control: Some(decision.control),
        };
        let storing = storing("storing a version of the catalogue");
        self.biller.store().catalogue_apply(&version, files).await.map_err(storing)?;
        self.biller.append_barriers(decision).await?;
        self.biller.release_parked(&checked.catalogue, Some(decision.control)).await?;
        self.biller.put_in_force(checked.catalogue.clone());
        Ok(())
    }
}

fn refuse(code: &str, findings: Vec<String>) -> Carried {
    Carried::refused(json!(Refused { code: code.to_owned(), findings }))
}

fn rendered(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| finding.render(Language::default())).collect()
}

fn files_of(stored: Vec<(String, Vec<u8>)>) -> Files {
    let mut files = Files::default();
    for (path, bytes) in stored {
        files.insert(path, bytes);
    }
    files
}
