//! Which pages there are: those that the head offers, and the first of each kind that these lead to.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::chromium::Chromium;
use crate::town::Town;

/// Pages that show what the first of their kind may not: a split, a chosen month, a filter, a problem.
const BESIDES: [&str; 5] = [
    "/?month=2021-10",
    "/services/e-tjanstekort?month=2021-10",
    "/services/it-arbetsplats?by=class",
    "/services/e-moten?by=payer&month=2021-11",
    "/payers/UAF?month=2021-11&service=e-moten",
];

const LINKS: &str = "return [...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))";
const HEAD: &str = "return [...document.querySelectorAll('header nav a')].map(a => a.getAttribute('href'))";

/// The paths of the pages, each once.
pub(crate) fn of(town: &Town, chromium: &Chromium) -> Vec<String> {
    chromium.open(&town.at("/"));
    let head = strings(&chromium.run(HEAD, Vec::new()));
    let offered = head.iter().filter(|path| town.has_page(path)).cloned();
    let mut pages: Vec<String> = offered.collect();
    assert!(pages.len() >= 3, "the head offers {head:?}");
    let mut kinds: BTreeSet<String> = pages.iter().map(|path| kind(path)).collect();
    let mut next = 0;
    while let Some(page) = pages.get(next).cloned() {
        chromium.open(&town.at(&page));
        for link in strings(&chromium.run(LINKS, Vec::new())) {
            let link = link.split('#').next().unwrap_or_default().to_owned();
            let ours = link.starts_with('/') && !link.contains("lang=") && !link.starts_with("/v1/");
            if ours && !kinds.contains(&kind(&link)) && town.has_page(&link) {
                kinds.insert(kind(&link));
                pages.push(link);
            }
        }
        next += 1;
    }
    pages.extend(BESIDES.map(str::to_owned));
    assert!(pages.iter().any(|page| page.starts_with("/lines/")), "no link leads to a line: {pages:?}");
    pages
}

/// What pages of the same kind have in common: the parts of the path that are not names.
fn kind(path: &str) -> String {
    let parts: Vec<&str> = path.split('?').next().unwrap_or_default().split('/').collect();
    let is_name = |n: usize, part: &str| n > 1 && !["quarantine", "sources"].contains(&part);
    let named =
        |(n, part): (usize, &&str)| if is_name(n, part) { "*".to_owned() } else { (*part).to_owned() };
    parts.iter().enumerate().map(named).collect::<Vec<_>>().join("/")
}

/// A page in a language.
pub(crate) fn in_language(page: &str, language: &str) -> String {
    format!("{page}{}lang={language}", if page.contains('?') { '&' } else { '?' })
}

/// The strings of a JSON array.
pub(crate) fn strings(array: &Value) -> Vec<String> {
    let texts = array.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}
