//! What a person sees while the engine is fetched.

use std::cell::RefCell;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How far the fetch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Another process is fetching; this one waits for it.
    Waiting,
    /// npm is fetching the package.
    Fetching {
        /// Bytes on disk so far.
        bytes: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The package's checksum is being computed.
    Verifying,
    /// The library is being unpacked, and its checksum computed.
    Unpacking {
        /// Bytes written so far.
        bytes: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The engine is there.
    Ready,
}

/// The language of what a person sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Swedish.
    #[default]
    Swedish,
    /// English.
    English,
}

impl Language {
    fn choose<'a>(self, swedish: &'a str, english: &'a str) -> &'a str {
        match self {
            Self::Swedish => swedish,
            Self::English => english,
        }
    }

    fn label(self, step: Step) -> &'static str {
        match step {
            Step::Waiting => self.choose(
                "En annan process hämtar databasmotorn; väntar på den",
                "Another process is fetching the database engine; waiting for it",
            ),
            Step::Fetching { .. } => {
                self.choose("Hämtar databasmotorn (en gång)", "Fetching the database engine (once)")
            }
            Step::Verifying => self.choose("Kontrollerar den", "Verifying it"),
            Step::Unpacking { .. } => self.choose("Packar upp den", "Unpacking it"),
            Step::Ready => self.choose("Databasmotorn är på plats", "The database engine is in place"),
        }
    }
}

/// Shows nothing.
pub fn silent(_: Step) {}

/// Shows a bar on the standard error output if it is a terminal, else a line for each step.
pub fn on_stderr(language: Language) -> impl Fn(Step) {
    let bar = std::io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        // npm is silent while it connects; a bar that moves shows that something happens.
        bar.enable_steady_tick(Duration::from_millis(250));
        bar
    });
    let last_label = RefCell::new("");
    move |step| {
        let label = language.label(step);
        match &bar {
            Some(bar) => show_bar(bar, step, label),
            None => {
                if last_label.replace(label) != label {
                    // A closed standard error output is no reason to stop.
                    let _ = writeln!(std::io::stderr(), "{label}");
                }
            }
        }
    }
}

fn show_bar(bar: &ProgressBar, step: Step, label: &'static str) {
    bar.set_message(label);
    match step {
        Step::Fetching { bytes, total } | Step::Unpacking { bytes, total } => {
            bar.set_length(total);
            bar.set_position(bytes.min(total));
        }
        Step::Waiting | Step::Verifying => bar.tick(),
        Step::Ready => bar.finish_and_clear(),
    }
}
