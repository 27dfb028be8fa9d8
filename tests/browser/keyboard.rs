//! Without a mouse: every stop of the focus is seen, and the first task is done with Tab and Enter alone.

use crate::webdriver::Key;
use serde_json::Value;

use crate::chromium::{Chromium, WIDE};
use crate::town::Town;

/// So many stops are more than any page has that is used here.
const STOPS_MAX: usize = 400;

const FOCUS: &str = "const e = document.activeElement, s = getComputedStyle(e), b = e.getBoundingClientRect();
return {tag: e.tagName, href: e.getAttribute('href'), text: e.textContent.trim(), outline: s.outlineStyle,
  width: parseFloat(s.outlineWidth), seen: b.width > 0 && b.bottom > 0 && b.top < innerHeight && b.right > 0}";

/// The first task, by keyboard.
pub(crate) fn the_first_task_needs_no_mouse(town: &Town, chromium: &Chromium) {
    chromium.look(WIDE);
    chromium.open(&town.at("/"));
    chromium.press(Key::Tab);
    let first = seen_focus(chromium);
    assert_eq!(first["href"], "#content", "the first stop skips the head");
    chromium.press(Key::Enter);
    assert_eq!(chromium.run("return document.activeElement.id", vec![]), "content");
    tab_to(chromium, |focus| focus["href"] == "/?month=2021-08");
    chromium.press(Key::Enter);
    assert_eq!(chromium.place(), "/?month=2021-08");
    tab_to(chromium, |focus| focus["text"] == "Chromebook");
    chromium.press(Key::Enter);
    assert!(chromium.place().starts_with("/services/chromebook?month=2021-08"), "{}", chromium.place());
    assert!(chromium.text("section[aria-labelledby=why]").contains("augusti 2021 mot juli 2021"));
}

/// Goes from stop to stop until one is right.
fn tab_to(chromium: &Chromium, is_right: impl Fn(&Value) -> bool) {
    for _ in 0..STOPS_MAX {
        chromium.press(Key::Tab);
        if is_right(&seen_focus(chromium)) {
            return;
        }
    }
    panic!("{STOPS_MAX} stops, and none is right at {}", chromium.place());
}

/// What has the focus; it must be in sight, with a ring around it.
fn seen_focus(chromium: &Chromium) -> Value {
    let focus = chromium.run(FOCUS, vec![]);
    let ringed = focus["outline"] != "none" && focus["width"].as_f64() >= Some(2.0);
    assert!(ringed && focus["seen"] == true, "the focus is not seen at {}: {focus}", chromium.place());
    focus
}
