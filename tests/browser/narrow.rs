//! At 320 pixels, as much as 1280 at four times the size (WCAG 1.4.10): nothing to scroll sideways, nothing cut off.

use serde_json::Value;

use crate::chromium::{Chromium, NARROW, WIDE};
use crate::pages;
use crate::town::Town;

/// Texts that reach out of the page or of a box that hides the rest, but for regions that scroll and what only is heard.
const CUT: &str = "const cut = [];
for (const e of document.querySelectorAll('body *')) {
  if (e.closest('.scroll, pre, svg, .visually-hidden, .skip') || !e.checkVisibility()) continue;
  const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  if (!own) continue;
  const range = document.createRange();
  range.selectNodeContents(e);
  for (const box of range.getClientRects()) {
    if (box.right > innerWidth + 0.5 || box.left < -0.5) cut.push(`${e.tagName}.${e.className}: ${e.textContent.trim().slice(0, 60)}`);
  }
}
return [document.documentElement.scrollWidth, [...new Set(cut)]]";

/// Every page.
pub(crate) fn nothing_is_cut_off(town: &Town, chromium: &Chromium, all: &[String]) {
    chromium.look(NARROW);
    let mut wrong = Vec::new();
    for page in all {
        for language in ["sv", "en"] {
            let page = pages::in_language(page, language);
            chromium.open(&town.at(&page));
            let found = chromium.run(CUT, vec![]);
            let cut = pages::strings(&found[1]);
            if found[0].as_u64() > Some(320) || !cut.is_empty() {
                wrong.push((page, found[0].clone(), cut));
            }
        }
    }
    chromium.look(WIDE);
    assert_eq!(wrong, Vec::<(String, Value, Vec<String>)>::new());
}
