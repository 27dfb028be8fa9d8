//! Each page in one language: what it says it is in, and no word of the other one's.

use std::collections::BTreeSet;

use crate::chromium::Chromium;
use crate::pages;
use crate::town::Town;

/// Words of our own texts that are never part of a name in the catalogue.
const SWEDISH: [&str; 16] = [
    "och",
    "av",
    "att",
    "inte",
    "eller",
    "månad",
    "kostnad",
    "betalare",
    "tjänster",
    "priser",
    "senare",
    "tidigare",
    "stängd",
    "öppen",
    "påslag",
    "varför",
];
const ENGLISH: [&str; 14] = [
    "the",
    "and",
    "of",
    "with",
    "without",
    "month",
    "cost",
    "payers",
    "prices",
    "later",
    "earlier",
    "closed",
    "surcharge",
    "why",
];

/// Names come from the catalogue, where payers, sources and decisions have Swedish ones alone: they are left out, those of
/// payers in [`no_page_mixes_languages`].
const WORDS: &str = "const names = 'a[href^=\"/payers/\"], .legend, code, pre, .foot, [lang], h1, .over, .causes, .note';
const text = [...document.querySelectorAll('main h2, main th, main dt, main label, main summary, main caption, main p, nav')]
  .filter(e => !e.closest('[lang]:not(html)')).map(e => {
    const copy = e.cloneNode(true);
    copy.querySelectorAll(names + ', option').forEach(n => n.remove());
    return e.matches(names) ? '' : copy.textContent;
  }).join(' ');
return [document.documentElement.lang, text.toLowerCase()]";

/// Every page.
pub(crate) fn no_page_mixes_languages(town: &Town, chromium: &Chromium, all: &[String]) {
    let mut wrong = Vec::new();
    chromium.open(&town.at("/payers"));
    let names: Vec<String> = chromium.texts("tbody th a").iter().map(|name| name.to_lowercase()).collect();
    assert!(!names.is_empty(), "there are payers");
    for (language, others) in [("sv", ENGLISH.as_slice()), ("en", SWEDISH.as_slice())] {
        for page in all {
            let page = pages::in_language(page, language);
            chromium.open(&town.at(&page));
            let said = pages::strings(&chromium.run(WORDS, vec![]));
            assert_eq!(said[0], language, "{page}");
            let text = names.iter().fold(said[1].clone(), |text, name| text.replace(name.as_str(), " "));
            let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphabetic()).collect();
            let strange: Vec<_> = others.iter().copied().filter(|other| words.contains(other)).collect();
            if !strange.is_empty() {
                wrong.push((page, strange));
            }
        }
    }
    assert_eq!(wrong, Vec::<(String, Vec<&str>)>::new());
    chromium.open(&town.at("/?lang=sv"));
}
