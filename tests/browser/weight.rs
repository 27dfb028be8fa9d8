//! What a page weighs on the wire, everything included, when nothing of it is kept.

use serde_json::json;

use crate::chromium::Chromium;
use crate::town::Town;

/// A page with all that it loads, in bytes.
const BYTES_MAX: u64 = 100_000;

const WEIGHT: &str =
    "return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
  .reduce((sum, entry) => sum + entry.transferSize, 0)";

/// Every page.
pub(crate) fn every_page_is_light(town: &Town, chromium: &Chromium, all: &[String]) -> Vec<(u64, String)> {
    chromium.command("Network.enable", json!({}));
    chromium.command("Network.setCacheDisabled", json!({"cacheDisabled": true}));
    let weigh = |page: &String| {
        chromium.open(&town.at(page));
        let bytes = chromium.run(WEIGHT, vec![]).as_u64().unwrap();
        assert!((1_000..BYTES_MAX).contains(&bytes), "{page} weighs {bytes} bytes");
        (bytes, page.clone())
    };
    let mut weights: Vec<_> = all.iter().map(weigh).collect();
    chromium.command("Network.setCacheDisabled", json!({"cacheDisabled": false}));
    weights.sort();
    weights
}
