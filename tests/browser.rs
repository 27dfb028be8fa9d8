//! The pages in a real browser: what people come for is found in three clicks, with a mouse or without, on any screen, on
//! paper, in both languages, by everybody.
//!
//! ```sh
//! cargo test -p taxameter --test browser                    # everything, in two minutes
//! cargo test -p taxameter --test browser -- axe weight      # some of it
//! TAXAMETER_SCREENSHOTS=/tmp/pages cargo test -p taxameter --test browser -- none    # pictures of every page, to look at
//! ```
//!
//! It needs Chromium with its driver (Debian: chromium, chromium-driver), poppler-utils, and npm to fetch axe-core.
//! Start reading at [`tasks`].

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot read its own data fails right there")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a test program of its own says what it does")]

#[path = "browser/axe.rs"]
mod axe;
#[path = "browser/chromium.rs"]
mod chromium;
#[path = "browser/figures.rs"]
mod figures;
#[path = "browser/keyboard.rs"]
mod keyboard;
#[path = "browser/languages.rs"]
mod languages;
#[path = "browser/narrow.rs"]
mod narrow;
#[path = "browser/pages.rs"]
mod pages;
#[path = "browser/paper.rs"]
mod paper;
#[path = "browser/pictures.rs"]
mod pictures;
#[path = "browser/tasks.rs"]
mod tasks;
#[path = "browser/town.rs"]
mod town;
#[path = "browser/webdriver.rs"]
mod webdriver;
#[path = "browser/weight.rs"]
mod weight;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use chromium::Chromium;
use town::Town;

/// Something that is tried, and its name on the command line.
type Trial<'a> = (&'static str, Box<dyn Fn() + 'a>);

#[expect(clippy::disallowed_methods, reason = "where pictures go is for whoever runs this to say")]
fn main() -> ExitCode {
    if let Some(missing) = chromium::missing() {
        eprintln!("{missing}");
        return ExitCode::FAILURE;
    }
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let began = Instant::now();
    let town = Town::start();
    println!("the year is billed  {:>5.1} s", began.elapsed().as_secs_f64());
    let chromium = Chromium::start("sv");
    let all = pages::of(&town, &chromium);
    println!("pages: {}", all.join("  "));
    let failed = trials(&town, &chromium, &all)
        .into_iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())))
        .filter(|(name, trial)| !succeeds(name, trial))
        .count();
    if let Some(directory) = std::env::var_os("TAXAMETER_SCREENSHOTS") {
        pictures::save(&town, &chromium, &all, directory.as_ref());
    }
    println!("{failed} failed, in {:.1} s", began.elapsed().as_secs_f64());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn trials<'a>(town: &'a Town, chromium: &'a Chromium, all: &'a [String]) -> Vec<Trial<'a>> {
    vec![
        ("tasks: august", Box::new(|| tasks::why_did_chromebook_cost_more_in_august(town, chromium))),
        ("tasks: why", Box::new(|| tasks::why_did_a_service_cost_more(town, chromium))),
        ("tasks: meetings", Box::new(|| tasks::who_uses_most_meetings(town, chromium))),
        ("tasks: line", Box::new(|| tasks::a_line_down_to_its_days(town, chromium))),
        ("tasks: data", Box::new(|| tasks::what_is_wrong_with_the_data(town, chromium))),
        ("tasks: excel", Box::new(|| tasks::the_file_for_excel(town, chromium))),
        ("keyboard", Box::new(|| keyboard::the_first_task_needs_no_mouse(town, chromium))),
        ("narrow", Box::new(|| narrow::nothing_is_cut_off(town, chromium, all))),
        ("paper", Box::new(|| paper::pages_are_printed(town, chromium))),
        ("languages", Box::new(|| languages::no_page_mixes_languages(town, chromium, all))),
        (
            "weight",
            Box::new(|| {
                for (bytes, page) in weight::every_page_is_light(town, chromium, all) {
                    println!("  {bytes:>6} bytes  {page}");
                }
            }),
        ),
        ("axe", Box::new(|| axe::no_page_shuts_anybody_out(town, chromium, all))),
    ]
}

/// Runs one, and says how it went.
fn succeeds(name: &str, trial: &dyn Fn()) -> bool {
    let began = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(trial));
    let word = if outcome.is_ok() { "ok" } else { "FAILED" };
    println!("{name:<18} {word:<6} {:>5.1} s", began.elapsed().as_secs_f64());
    outcome.is_ok()
}
