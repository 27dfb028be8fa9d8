//! `taxameter`: metering and chargeback of shared services.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use taxameter::commands::audit::Audit;
use taxameter::commands::bill::Bill;
use taxameter::commands::catalogue::Catalog;
use taxameter::commands::check::Check;
use taxameter::commands::collect::Collect;
use taxameter::commands::collectors::Collectors;
use taxameter::commands::coverage::Coverage;
use taxameter::commands::explain::Explain;
use taxameter::commands::export::Export;
use taxameter::commands::generation::Generation;
use taxameter::commands::keys::Keys;
use taxameter::commands::object::Object;
use taxameter::commands::quarantine::Quarantine;
use taxameter::commands::reconcile::Reconcile;
use taxameter::commands::report::Report;
use taxameter::commands::retention::Retention;
use taxameter::commands::simulate::Simulate;
use taxameter::commands::usage::Usage;
use taxameter::config::{Config, Flags};
use taxameter::demo::Demo;
use taxameter::{generate, send, serve};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Meters the use of shared services and turns it into a month's chargeback.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// What is logged: error, warn, info, debug, or per part such as aggregate=debug.
    #[arg(
        long,
        global = true,
        env = "TAXAMETER_LOG",
        default_value = "info,lsm_tree=warn,fjall=warn",
        value_name = "FILTER",
        hide_short_help = true
    )]
    log: String,
}

const AFTER_HELP: &str = "\
Begin with `taxameter demo`. Exit codes: 0 done, 1 failed, 2 wrong use.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows everything at work: makes a small year, sends, counts, bills and closes it, and serves the dashboard.
    Demo(Demo),
    /// Runs the program.
    Serve(Flags),
    /// Makes or updates the tables of the store, then stops.
    Migrate(Flags),
    /// Checks the configuration and its connections.
    Check(Check),
    /// Reads, checks, compares and applies the catalogue.
    Catalog(Catalog),
    /// Ends a generation of the usage log and begins the next: more partitions, another log, a restore.
    Generation(Generation),
    /// Makes a deterministic year of events.
    Generate(generate::Args),
    /// Sends events from a file to a running program.
    Send(send::Args),
    /// Shows volume and cost.
    Usage(Usage),
    /// Shows what a month costs, and closes it.
    Bill(Bill),
    /// Shows a year: volume and cost of each service, tied to the closed months.
    Report(Report),
    /// Shows how far those who must have a service have it.
    Coverage(Coverage),
    /// Writes a month's charges to a file.
    Export(Export),
    /// Shows why a charge is what it is.
    Explain(Explain),
    /// Shows what months would come to with other decisions; nothing is written.
    Simulate(Simulate),
    /// Shows the object's own economy in a year.
    Object(Object),
    /// Holds what was accepted against what was counted.
    Reconcile(Reconcile),
    /// Shows what was not counted and why, and judges it once more.
    Quarantine(Quarantine),
    /// Gathers a turn from a system at once, or shows what would be sent.
    Collect(Collect),
    /// Shows the collectors, and gives lost ones up.
    Collectors(Collectors),
    /// Makes, rotates and revokes keys: who may send, read and decide.
    Keys(Keys),
    /// Shows what is kept for how long, and removes what has had its time.
    Retention(Retention),
    /// Verifies the log of decisions.
    Audit(Audit),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = start_logging(&cli.log) {
        return failed(&error);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::new(error).context("could not start the runtime")),
    };
    let result = runtime.block_on(run(cli.command));
    // What still blocks a thread here (a query of a client that went away) must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    match result {
        Ok(code) => code,
        // Whoever reads, `head` for one, has enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(demo) => demo.run().await?,
        Command::Serve(flags) => serve::run(Config::load(&flags)?).await?,
        Command::Migrate(flags) => serve::migrate(&Config::load(&flags)?).await?,
        Command::Check(check) => check.run().await?,
        Command::Catalog(catalog) => catalog.run().await?,
        Command::Generation(generation) => generation.run().await?,
        Command::Generate(args) => tokio::task::spawn_blocking(move || generate::run(&args)).await??,
        Command::Send(args) => return send::run(args).await,
        Command::Usage(usage) => usage.run().await?,
        Command::Bill(bill) => bill.run().await?,
        Command::Report(report) => report.run().await?,
        Command::Coverage(coverage) => coverage.run().await?,
        Command::Export(export) => return export.run().await,
        Command::Explain(explain) => explain.run().await?,
        Command::Simulate(simulate) => simulate.run().await?,
        Command::Object(object) => object.run().await?,
        Command::Reconcile(reconcile) => return reconcile.run().await,
        Command::Quarantine(quarantine) => quarantine.run().await?,
        Command::Collect(collect) => collect.run().await?,
        Command::Collectors(collectors) => collectors.run().await?,
        Command::Keys(keys) => keys.run().await?,
        Command::Retention(retention) => retention.run().await?,
        Command::Audit(audit) => return audit.run().await,
    }
    Ok(ExitCode::SUCCESS)
}

/// What the log's storage tells of its own upkeep is for its authors. Named in the filter it is told all the same.
const QUIET: &str = "fjall=warn,lsm_tree=warn";

/// Logs go to standard error: as text for a person at a terminal, as JSON for what collects them.
fn start_logging(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        builder.compact().with_target(false).init();
    } else {
        builder.json().flatten_event(true).init();
    }
    Ok(())
}

/// The one place where an error is printed, with everything that led to it.
#[expect(clippy::print_stderr, reason = "the answer of a command that failed")]
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("taxameter: {error:#}");
    ExitCode::FAILURE
}
