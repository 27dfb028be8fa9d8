//! Pictures of every page for human eyes, where somebody wants them: in the directory `TAXAMETER_SCREENSHOTS`.

use std::path::Path;
use std::process::Command;

use crate::chromium::{Chromium, NARROW, WIDE, WIDE_DARK};
use crate::pages;
use crate::town::Town;

/// Wide, dark, narrow and printed, in Swedish; and wide in English.
pub(crate) fn save(town: &Town, chromium: &Chromium, all: &[String], directory: &Path) {
    std::fs::create_dir_all(directory).unwrap();
    for page in all {
        let name = page.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let file = |kind: &str| directory.join(format!("{name}.{kind}"));
        for (language, look, kind) in [
            ("sv", WIDE, "wide.png"),
            ("sv", WIDE_DARK, "dark.png"),
            ("sv", NARROW, "narrow.png"),
            ("en", WIDE, "english.png"),
        ] {
            chromium.look(look);
            chromium.open(&town.at(&pages::in_language(page, language)));
            std::fs::write(file(kind), chromium.picture()).unwrap();
        }
        chromium.look(WIDE);
        chromium.open(&town.at(&pages::in_language(page, "sv")));
        let paper = file("paper.pdf");
        std::fs::write(&paper, chromium.print()).unwrap();
        let drawn =
            Command::new("pdftoppm").args(["-png", "-r", "70"]).arg(&paper).arg(file("paper")).status();
        assert!(drawn.is_ok_and(|status| status.success()), "pdftoppm is needed (Debian: poppler-utils)");
    }
}
