//! On paper: A4, with the heading and the figures, without what is only clicked.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::chromium::Chromium;
use crate::pages;
use crate::town::Town;

const PRINTED: [&str; 3] =
    ["/?month=2021-11", "/services/e-moten?month=2021-11", "/payers/UAF?month=2021-11"];

/// A4 in PostScript points, as `pdfinfo` says it.
const A4: (f64, f64) = (595.0, 842.0);

/// Overview, service and payer.
pub(crate) fn pages_are_printed(town: &Town, chromium: &Chromium) {
    for page in PRINTED {
        chromium.open(&town.at(&pages::in_language(page, "sv")));
        let heading = chromium.text("h1");
        let figure = chromium.text(".figure");
        let pdf = chromium.print();
        let text = through(&["pdftotext", "-layout", "-", "-"], &pdf).replace(['\u{a0}', '\u{202f}'], " ");
        assert!(text.contains(&heading) && text.contains(&figure), "{page}: {heading}, {figure}: {text}");
        for clicked in ["Tidigare", "In English", "Till innehållet", "Betalare\u{20}API"] {
            assert!(!text.contains(clicked), "{page}: «{clicked}» is printed");
        }
        is_a4(page, &through(&["pdfinfo", "-"], &pdf));
        nothing_is_beyond_the_edge(page, &through(&["pdftotext", "-bbox", "-", "-"], &pdf));
    }
}

fn is_a4(page: &str, said: &str) {
    let size = said.lines().find(|line| line.starts_with("Page size:")).unwrap();
    let numbers: Vec<f64> = size.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert!((numbers[0] - A4.0).abs() < 2.0 && (numbers[1] - A4.1).abs() < 2.0, "{page}: {size}");
}

fn nothing_is_beyond_the_edge(page: &str, boxes: &str) {
    let words = boxes.lines().filter(|line| line.contains("<word"));
    let right = |word: &str| word.split("xMax=\"").nth(1)?.split('"').next()?.parse::<f64>().ok();
    let beyond: Vec<_> = words.filter(|word| right(word).is_none_or(|right| right > A4.0 - 10.0)).collect();
    assert!(beyond.is_empty(), "{page}: beyond the edge of the paper: {beyond:?}");
}

/// What a program makes of bytes.
pub(crate) fn through(command: &[&str], bytes: &[u8]) -> String {
    let (program, arguments) = command.split_first().unwrap();
    let mut process = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} is needed (Debian: poppler-utils): {error}"));
    let mut input = process.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(bytes).unwrap());
        process.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}
