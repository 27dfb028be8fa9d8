//! A real Chromium with a fresh profile, driven over WebDriver.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::webdriver::{Element, Key, WebDriver};
use serde_json::{Value, json};

/// How long a page, a download or a script may take on a slow day.
const DEADLINE: Duration = Duration::from_secs(60);

/// The programs that a browser needs, with the Debian packages that they are in.
const NEEDED: [(&str, &str); 2] = [("chromium", "chromium"), ("chromedriver", "chromium-driver")];

/// What is missing for a browser, and how to get it.
pub(crate) fn missing() -> Option<String> {
    let starts = |program: &str| {
        let mut asked = Command::new(program);
        asked.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    };
    let lacking: Vec<_> = NEEDED.into_iter().filter(|(program, _)| !starts(program)).collect();
    (!lacking.is_empty()).then(|| {
        let programs: Vec<_> = lacking.iter().map(|(program, _)| *program).collect();
        let packages: Vec<_> = lacking.iter().map(|(_, package)| *package).collect();
        format!(
            "{} is missing: install it (Debian: apt-get install {}), the pages are tried in a real browser",
            programs.join(" and "),
            packages.join(" ")
        )
    })
}

/// How a page is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// The width of the window in CSS pixels.
    pub(crate) width: u32,
    /// In dark colours.
    pub(crate) dark: bool,
}

pub(crate) const WIDE: Look = Look { width: 1280, dark: false };
pub(crate) const WIDE_DARK: Look = Look { width: 1280, dark: true };
pub(crate) const NARROW: Look = Look { width: 320, dark: false };
pub(crate) const NARROW_DARK: Look = Look { width: 320, dark: true };
const HEIGHT: u32 = 800;

/// A browser with one window. It ends when it is dropped.
pub(crate) struct Chromium {
    window: Option<WebDriver>,
    driver: Child,
    profile: tempfile::TempDir,
}

impl Chromium {
    /// Starts one that prefers pages in a language (`sv`, `en`).
    pub(crate) fn start(language: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let (driver, url) = start_driver(profile.path());
        let window = WebDriver::new(&url, &capabilities(profile.path(), language), DEADLINE);
        let chromium = Self { window: Some(window), driver, profile };
        chromium.look(WIDE);
        chromium
    }

    fn window(&self) -> &WebDriver {
        self.window.as_ref().unwrap()
    }

    /// Opens an address.
    pub(crate) fn open(&self, url: &str) {
        self.window().open(url);
    }

    /// The path and query of the page that is open.
    pub(crate) fn place(&self) -> String {
        let url = self.window().url();
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// Changes how pages are looked at.
    pub(crate) fn look(&self, look: Look) {
        let size = json!({"width": look.width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": false});
        self.command("Emulation.setDeviceMetricsOverride", size);
        let scheme = if look.dark { "dark" } else { "light" };
        let scheme = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.command("Emulation.setEmulatedMedia", scheme);
    }

    /// Sends one of Chromium's own commands.
    pub(crate) fn command(&self, name: &str, parameters: Value) -> Value {
        self.window().devtools(name, &parameters)
    }

    /// Runs a script in the page, as a function of `arguments`; what it returns.
    pub(crate) fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.window().run(script, &arguments)
    }

    /// Runs a script that answers by calling its last argument.
    pub(crate) fn run_async(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.window().run_async(script, &arguments)
    }

    /// Clicks the first element that a selector finds, as somebody with a mouse does.
    pub(crate) fn click(&self, selector: &str) {
        self.window().click(&self.find(selector));
    }

    /// Clicks the link within a selector's elements whose text it is.
    pub(crate) fn follow(&self, within: &str, text: &str) {
        let links = self.window().find(&(within.to_owned() + " a"));
        let link = links.iter().find(|link| self.window().text(link).trim() == text);
        let link = link.unwrap_or_else(|| panic!("no link «{text}» in {within} at {}", self.place()));
        self.window().click(link);
    }

    /// What one reads in the first element that a selector finds.
    pub(crate) fn text(&self, selector: &str) -> String {
        self.window().text(&self.find(selector)).replace(['\u{a0}', '\u{202f}'], " ")
    }

    /// What one reads in all elements that a selector finds.
    pub(crate) fn texts(&self, selector: &str) -> Vec<String> {
        let elements = self.window().find(selector);
        let text = |element: &Element| self.window().text(element).replace(['\u{a0}', '\u{202f}'], " ");
        elements.iter().map(text).collect()
    }

    fn find(&self, selector: &str) -> Element {
        let mut found = self.window().find(selector).into_iter();
        found.next().unwrap_or_else(|| panic!("no {selector} at {}", self.place()))
    }

    /// Presses a key, wherever the focus is.
    pub(crate) fn press(&self, key: Key) {
        self.window().press(key);
    }

    /// The page as a PNG, all of its height.
    pub(crate) fn picture(&self) -> Vec<u8> {
        let shot = self
            .command("Page.captureScreenshot", json!({"captureBeyondViewport": true, "clip": self.whole()}));
        data_encoding::BASE64.decode(shot["data"].as_str().unwrap().as_bytes()).unwrap()
    }

    fn whole(&self) -> Value {
        let size = self
            .run("const e = document.documentElement; return [e.clientWidth, e.scrollHeight]", Vec::new());
        json!({"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1})
    }

    /// The page on A4, as a PDF.
    pub(crate) fn print(&self) -> Vec<u8> {
        self.window().print()
    }

    /// Waits for a file to be there whole in the directory of downloads; its name and content.
    pub(crate) fn downloaded(&self) -> (String, Vec<u8>) {
        let began = Instant::now();
        let directory = self.profile.path().join("downloads");
        while began.elapsed() < DEADLINE {
            let files: Vec<_> = std::fs::read_dir(&directory).into_iter().flatten().flatten().collect();
            let name = |file: &std::fs::DirEntry| file.file_name().to_string_lossy().into_owned();
            let partial = |name: &String| name.ends_with(".crdownload") || name.starts_with('.');
            if let [file] = files.as_slice()
                && !partial(&name(file))
            {
                return (name(file), std::fs::read(file.path()).unwrap());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("nothing was downloaded to {} in {DEADLINE:?}", directory.display());
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // The browser ends before its driver.
        drop(self.window.take());
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Starts the driver on a free port, which it says itself.
fn start_driver(directory: &Path) -> (Child, String) {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        // What it makes besides goes where it is removed.
        .env("TMPDIR", directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
    let port = lines.into_iter().find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        Some(port.trim_end_matches('.').to_owned())
    });
    (driver, format!("http://127.0.0.1:{}", port.unwrap()))
}

/// Whether this runs as root: then its own entry under `/proc` is root's.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// What is asked of the browser.
fn capabilities(directory: &Path, language: &str) -> Value {
    let profile: PathBuf = directory.join("profile");
    let mut arguments = vec![
        "--headless=new".to_owned(),
        "--force-prefers-reduced-motion".to_owned(),
        "--hide-scrollbars".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-gpu".to_owned(),
        // Containers have little shared memory.
        "--disable-dev-shm-usage".to_owned(),
        format!("--user-data-dir={}", profile.display()),
    ];
    // Chromium's sandbox does not work for root.
    if is_root() {
        arguments.push("--no-sandbox".to_owned());
    }
    let preferences = json!({
        "intl.accept_languages": language,
        "download.default_directory": directory.join("downloads"),
        "download.prompt_for_download": false,
    });
    json!({"browserName": "chrome", "goog:chromeOptions": {"args": arguments, "prefs": preferences}})
}
