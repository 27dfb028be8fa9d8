//! `taxameter check`: does everything answer that this configuration needs?

use clap::Args;

use crate::client::Client;
use crate::client::trust::Trust;
use crate::config::{Config, Flags};
use crate::serve;

/// Checks the configuration and every connection that it needs, one line each.
#[derive(Debug, Args)]
pub struct Check {
    /// Ask this running program instead whether it is ready.
    #[arg(long, env = "TAXAMETER_SERVER", value_name = "URL")]
    server: Option<String>,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    flags: Flags,
}

impl Check {
    /// Prints what was checked; fails when anything is wrong.
    #[expect(clippy::print_stdout, reason = "the answer of a command")]
    pub async fn run(self) -> anyhow::Result<()> {
        if let Some(server) = self.server {
            let client = Client::new(&server, None, &self.trust)?;
            client.request(reqwest::Method::GET, "/readyz", &[], None).await?;
            println!("ok  {server} takes events and counts them");
            return Ok(());
        }
        let config = Config::load(&self.flags)?;
        println!("ok  the configuration can be read");
        let mut failed = 0;
        for finding in serve::check(&config).await? {
            match finding {
                Ok(fine) => println!("ok  {fine}"),
                Err(error) => {
                    failed += 1;
                    println!("NO  {error:#}");
                }
            }
        }
        if failed > 0 {
            anyhow::bail!("{failed} of the checks failed");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_there_yet_is_said_and_not_made() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let config = Config::load(&Flags { data: Some(data.clone()), ..Flags::default() }).unwrap();
        let found = serve::check(&config).await.unwrap();
        let found: Vec<String> = found.into_iter().map(Result::unwrap).collect();
        assert_eq!(found, [format!("{} is not there yet: `taxameter serve` makes it", data.display())]);
        assert!(!data.exists());
    }
}
