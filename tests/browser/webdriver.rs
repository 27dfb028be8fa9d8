//! The few commands of WebDriver (W3C Recommendation) that the trials need.

use std::time::Duration;

use serde_json::{Value, json};

/// What an element is called in WebDriver's JSON (§12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A session of a browser. It ends when it is dropped.
pub(crate) struct WebDriver {
    http: reqwest::blocking::Client,
    session: String,
}

/// An element of the page that was open when it was found.
#[derive(Debug, Clone)]
pub(crate) struct Element(String);

/// A key without a character of its own, by its code point (§17.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Tab,
    Enter,
}

impl Key {
    const fn code(self) -> &'static str {
        match self {
            Key::Tab => "\u{e004}",
            Key::Enter => "\u{e007}",
        }
    }
}

impl WebDriver {
    /// Opens a session with these capabilities, at a driver that answers at `url`.
    pub(crate) fn new(url: &str, capabilities: &Value, deadline: Duration) -> Self {
        // Longer than the browser may take: then the driver says what took so long.
        let http = reqwest::blocking::Client::builder().no_proxy().timeout(deadline * 2).build().unwrap();
        let wanted = json!({"capabilities": {"alwaysMatch": capabilities}});
        let made = value(&http.post(format!("{url}/session")).json(&wanted).send().unwrap().text().unwrap());
        let made = made.unwrap_or_else(|error| panic!("no browser: {error}"));
        let session = format!("{url}/session/{}", made["sessionId"].as_str().unwrap());
        let driver = Self { http, session };
        let millis = u64::try_from(deadline.as_millis()).unwrap();
        driver.post("timeouts", &json!({"script": millis, "pageLoad": millis}));
        driver
    }

    fn post(&self, command: &str, parameters: &Value) -> Value {
        let answer = self.http.post(format!("{}/{command}", self.session)).json(parameters).send();
        self.said(command, &answer.unwrap().text().unwrap())
    }

    fn get(&self, command: &str) -> Value {
        let answer = self.http.get(format!("{}/{command}", self.session)).send();
        self.said(command, &answer.unwrap().text().unwrap())
    }

    fn said(&self, command: &str, answer: &str) -> Value {
        value(answer).unwrap_or_else(|error| {
            let place = self.http.get(format!("{}/url", self.session)).send().and_then(|at| at.text());
            panic!("{command}: {error} (at {})", place.unwrap_or_else(|_| "no page".to_owned()))
        })
    }

    /// Opens an address and waits until it is loaded.
    pub(crate) fn open(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    /// The address of the page that is open.
    pub(crate) fn url(&self) -> reqwest::Url {
        self.get("url").as_str().unwrap().parse().unwrap()
    }

    /// Sends one of Chromium's own commands (Chrome DevTools Protocol).
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// Runs a script in the page, as a function of `arguments`; what it returns.
    pub(crate) fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.post("execute/sync", &json!({"script": script, "args": arguments}))
    }

    /// Runs a script that answers by calling its last argument.
    pub(crate) fn run_async(&self, script: &str, arguments: &[Value]) -> Value {
        self.post("execute/async", &json!({"script": script, "args": arguments}))
    }

    /// The elements that a CSS selector finds, in the order of the page.
    pub(crate) fn find(&self, selector: &str) -> Vec<Element> {
        let found = self.post("elements", &json!({"using": "css selector", "value": selector}));
        let element = |element: &Value| Element(element[ELEMENT].as_str().unwrap().to_owned());
        found.as_array().unwrap().iter().map(element).collect()
    }

    /// What one reads in an element.
    pub(crate) fn text(&self, element: &Element) -> String {
        self.get(&format!("element/{}/text", element.0)).as_str().unwrap().to_owned()
    }

    /// Clicks an element where it is seen.
    pub(crate) fn click(&self, element: &Element) {
        let argument = json!({ ELEMENT: element.0 });
        self.run("arguments[0].scrollIntoView({block: 'center'})", &[argument]);
        self.post(&format!("element/{}/click", element.0), &json!({}));
    }

    /// Presses a key and lets it go, wherever the focus is.
    pub(crate) fn press(&self, key: Key) {
        let strokes = ["keyDown", "keyUp"].map(|stroke| json!({"type": stroke, "value": key.code()}));
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": strokes});
        self.post("actions", &json!({"actions": [keyboard]}));
    }

    /// The page on A4 without margins of the printer's, as a PDF.
    pub(crate) fn print(&self) -> Vec<u8> {
        let printed = self.post(
            "print",
            &json!({
                "page": {"width": 21.0, "height": 29.7},
                "margin": {"top": 0, "bottom": 0, "left": 0, "right": 0},
                "shrinkToFit": false,
            }),
        );
        data_encoding::BASE64.decode(printed.as_str().unwrap().as_bytes()).unwrap()
    }
}

impl Drop for WebDriver {
    fn drop(&mut self) {
        let _ = self.http.delete(&self.session).send();
    }
}

/// What an answer holds, or the driver's own words.
fn value(answer: &str) -> Result<Value, String> {
    let mut answer: Value = serde_json::from_str(answer).map_err(|error| format!("{error}: {answer}"))?;
    let value = answer["value"].take();
    match value["error"].as_str() {
        Some(error) => Err(format!("{error}: {}", value["message"].as_str().unwrap_or_default())),
        None => Ok(value),
    }
}
