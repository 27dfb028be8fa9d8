//! The command line: an ordinary test without options, long runs with them.

use std::process::ExitCode;
use std::time::Instant;

use crate::campaign::campaign;
use crate::controls::{CONTROLS, Control};
use crate::report::{COVERAGE, Counts, DRIVEN_COVERAGE, Totals};
use crate::{driven, run};

/// How many seeds the ordinary test runs.
const SEEDS: u64 = 1_000;
/// How many of them with whole processes.
const DRIVEN_SEEDS: u64 = 100;
/// A wrong variant that is not noticed in so many seeds is not noticed.
const CONTROL_SEEDS_MAX: u64 = 200;
/// So many failing seeds are enough to look at.
const FAILURES_MAX: usize = 5;
/// Options of the usual test runner that need nothing here.
const IGNORED: [&str; 5] = ["--nocapture", "--no-capture", "--quiet", "-q", "--show-output"];
const IGNORED_WITH_VALUE: [&str; 4] = ["--test-threads", "--color", "--format", "-Z"];

const USAGE: &str = "options: [--seeds N] [--first N] [--driven | --control NAME|all]";

type Test = (&'static str, fn() -> Result<(), String>);

const TESTS: [Test; 3] = [
    ("whatever_fails_in_between_usage_equals_a_brute_force_reckoning_of_the_log", ordinary),
    ("real_owners_and_roll_ups_on_a_clock_come_to_the_same", processes),
    ("every_wrong_variant_is_noticed", controls),
];

#[derive(Default)]
struct Options {
    seeds: Option<u64>,
    first: Option<u64>,
    control: Option<String>,
    is_driven: bool,
    filters: Vec<String>,
    is_exact: bool,
    is_list: bool,
    skips: Vec<String>,
}

fn read(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let (mut options, mut arguments) = (Options::default(), arguments.peekable());
    while let Some(argument) = arguments.next() {
        let (name, joined) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument.clone(), None),
        };
        let mut value = || joined.clone().or_else(|| arguments.next()).ok_or(format!("{name} needs a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("{text} is no number"));
        match name.as_str() {
            "--seeds" => options.seeds = Some(number(value()?)?),
            "--first" => options.first = Some(number(value()?)?),
            "--control" => options.control = Some(value()?),
            "--driven" => options.is_driven = true,
            "--skip" => options.skips.push(value()?),
            "--exact" => options.is_exact = true,
            "--list" => options.is_list = true,
            "--include-ignored" | "--ignored" => {}
            name if IGNORED.contains(&name) => {}
            name if IGNORED_WITH_VALUE.contains(&name) => drop(value()?),
            name if name.starts_with('-') => return Err(format!("unknown option {name}; {USAGE}")),
            _ => options.filters.push(argument),
        }
    }
    Ok(options)
}

pub(crate) fn main() -> ExitCode {
    let done = read(std::env::args().skip(1)).and_then(|options| {
        let is_long = options.seeds.is_some() || options.first.is_some() || options.control.is_some();
        if is_long || options.is_driven { long_run(&options) } else { Ok(tests(&options)) }
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(101),
        Err(message) => {
            println!("{message}");
            ExitCode::from(2)
        }
    }
}

/// Runs the tests that are asked for, and says so as the usual runner does.
fn tests(options: &Options) -> bool {
    let is_named = |name: &str, by: &String| if options.is_exact { name == by } else { name.contains(by) };
    let is_wanted = |(name, _): &&Test| {
        (options.filters.is_empty() || options.filters.iter().any(|by| is_named(name, by)))
            && !options.skips.iter().any(|by| is_named(name, by))
    };
    let wanted: Vec<&Test> = TESTS.iter().filter(is_wanted).collect();
    if options.is_list {
        wanted.iter().for_each(|(name, _)| println!("{name}: test"));
        return true;
    }
    let began = Instant::now();
    println!("\nrunning {} test{}", wanted.len(), if wanted.len() == 1 { "" } else { "s" });
    let mut failed = Vec::new();
    for (name, test) in &wanted {
        match test() {
            Ok(()) => println!("test {name} ... ok"),
            Err(why) => {
                println!("{why}\ntest {name} ... FAILED");
                failed.push(*name);
            }
        }
    }
    if !failed.is_empty() {
        println!("\nfailures:\n    {}", failed.join("\n    "));
    }
    println!(
        "\ntest result: {}. {} passed; {} failed; 0 ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
        if failed.is_empty() { "ok" } else { "FAILED" },
        wanted.len() - failed.len(),
        failed.len(),
        TESTS.len() - wanted.len(),
        began.elapsed().as_secs_f64()
    );
    failed.is_empty()
}

fn print(counts: &Counts) {
    counts.iter().for_each(|(name, count)| println!("    {name}: {count}"));
}

fn summary(what: &str, totals: &Totals, began: Instant) {
    println!(
        "{what}: {} seeds, {} events, {} faults, seeds with differences {}  ({:.0} s)",
        totals.seeds,
        totals.events,
        totals.fault_count(),
        totals.failed.len(),
        began.elapsed().as_secs_f64()
    );
}

/// What differs in the failed seeds, and how to see it again.
fn failures(totals: &Totals, option: &str) -> Result<(), String> {
    let mut text = String::new();
    for (seed, differences) in &totals.failed {
        text += &format!(
            "seed {seed} differs; again: cargo test -p aggregate --test simulation -- {option}--first {seed} --seeds 1\n"
        );
        for difference in differences.iter().take(5) {
            text += &format!("    {}: {}\n", difference.kind, difference.detail);
        }
    }
    if text.is_empty() { Ok(()) } else { Err(text) }
}

fn covered(totals: &Totals, by: &[&'static str]) -> Result<(), String> {
    match totals.missing(by) {
        missing if missing.is_empty() => Ok(()),
        missing => Err(format!("never happened: {}", missing.join(", "))),
    }
}

fn ordinary() -> Result<(), String> {
    let began = Instant::now();
    let totals = campaign(1, SEEDS, FAILURES_MAX, |seed| run::run(seed, None));
    summary("rules", &totals, began);
    failures(&totals, "")?;
    covered(&totals, &COVERAGE)
}

fn processes() -> Result<(), String> {
    let began = Instant::now();
    let totals = campaign(1, DRIVEN_SEEDS, FAILURES_MAX, driven::run);
    summary("rules, with whole processes", &totals, began);
    failures(&totals, "--driven ")?;
    covered(&totals, &DRIVEN_COVERAGE)
}

fn controls() -> Result<(), String> {
    for (control, name, _) in CONTROLS {
        let began = Instant::now();
        let totals = campaign(1, CONTROL_SEEDS_MAX, 1, |seed| run::run(seed, Some(control)));
        let Some((seed, differences)) = totals.failed.first() else {
            return Err(format!("{name} was not noticed in {CONTROL_SEEDS_MAX} seeds"));
        };
        let kind = differences.first().map_or("", |difference| difference.kind);
        println!("{name}: noticed in seed {seed}, by {kind}  ({:.1} s)", began.elapsed().as_secs_f64());
    }
    Ok(())
}

/// A long run of the rules, or of controls; false when the rules differ or a control is not noticed.
fn long_run(options: &Options) -> Result<bool, String> {
    let (first, seeds) = (options.first.unwrap_or(1), options.seeds.unwrap_or(1));
    let Some(asked) = &options.control else {
        let began = Instant::now();
        let (totals, option) = match options.is_driven {
            true => (campaign(first, seeds, FAILURES_MAX, driven::run), "--driven "),
            false => (campaign(first, seeds, FAILURES_MAX, |seed| run::run(seed, None)), ""),
        };
        let result = failures(&totals, option);
        result.iter().for_each(|()| {
            print(&totals.outcomes);
            print(&totals.seen);
            print(&totals.faults);
        });
        summary("rules", &totals, began);
        return result.map(|()| true).or_else(|text| {
            println!("{text}");
            Ok(false)
        });
    };
    let wanted: Vec<_> = match asked.as_str() {
        "all" => CONTROLS.to_vec(),
        name => {
            let control = Control::named(name).ok_or_else(|| {
                let names: Vec<_> = CONTROLS.iter().map(|(_, name, _)| *name).collect();
                format!("no control {name}; there are all, {}", names.join(", "))
            })?;
            CONTROLS.iter().filter(|(of, ..)| *of == control).copied().collect()
        }
    };
    let mut all_noticed = true;
    for (control, name, what) in wanted {
        let began = Instant::now();
        let totals = campaign(first, seeds, usize::MAX, |seed| run::run(seed, Some(control)));
        summary(&format!("{name} ({what})"), &totals, began);
        print(&totals.kinds());
        all_noticed &= !totals.failed.is_empty();
    }
    Ok(all_noticed)
}
