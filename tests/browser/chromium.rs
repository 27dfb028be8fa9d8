//! A real Chromium with a fresh profile, driven over WebDriver.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::common::print::{PrintMargins, PrintPage, PrintParameters};
use thirtyfour::error::WebDriverResult;
use thirtyfour::prelude::{By, Key, WebDriver, WebElement};
use thirtyfour::{BrowserCapabilitiesHelper, ChromiumLikeCapabilities, DesiredCapabilities};

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
    runtime: tokio::runtime::Runtime,
    window: WebDriver,
    driver: Child,
    profile: tempfile::TempDir,
}

impl Chromium {
    /// Starts one that prefers pages in a language (`sv`, `en`).
    pub(crate) fn start(language: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let profile = tempfile::tempdir().unwrap();
        let (driver, url) = start_driver(profile.path());
        let window = runtime.block_on(open(&url, profile.path(), language)).unwrap();
        let chromium = Self { runtime, window, driver, profile };
        chromium.look(WIDE);
        chromium
    }

    fn wait<T>(&self, what: impl Future<Output = WebDriverResult<T>>) -> T {
        self.runtime.block_on(what).unwrap_or_else(|error| {
            let place = self.runtime.block_on(self.window.current_url());
            panic!("{error} (at {})", place.map_or_else(|_| "no page".to_owned(), |url| url.to_string()))
        })
    }

    /// Opens an address.
    pub(crate) fn open(&self, url: &str) {
        self.wait(self.window.goto(url));
    }

    /// The path and query of the page that is open.
    pub(crate) fn place(&self) -> String {
        let url = self.wait(self.window.current_url());
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
        self.wait(self.window.cdp().send_raw(name, parameters))
    }

    /// Runs a script in the page, as a function of `arguments`; what it returns.
    pub(crate) fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.wait(async { Ok(self.window.execute(script, arguments).await?.json().clone()) })
    }

    /// Runs a script that answers by calling its last argument.
    pub(crate) fn run_async(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.wait(async { Ok(self.window.execute_async(script, arguments).await?.json().clone()) })
    }

    /// Clicks the first element that a selector finds, as somebody with a mouse does.
    pub(crate) fn click(&self, selector: &str) {
        let element = self.find(selector);
        self.wait(async {
            element.scroll_into_view().await?;
            element.click().await
        });
    }

    /// Clicks the link within a selector's elements whose text it is.
    pub(crate) fn follow(&self, within: &str, text: &str) {
        let links = self.wait(self.window.find_all(By::Css(within.to_owned() + " a")));
        let link = links.iter().find(|link| self.wait(link.text()).trim() == text);
        let link = link.unwrap_or_else(|| panic!("no link «{text}» in {within} at {}", self.place()));
        self.wait(async {
            link.scroll_into_view().await?;
            link.click().await
        });
    }

    /// What one reads in the first element that a selector finds.
    pub(crate) fn text(&self, selector: &str) -> String {
        let element = self.find(selector);
        self.wait(element.text()).replace(['\u{a0}', '\u{202f}'], " ")
    }

    /// What one reads in all elements that a selector finds.
    pub(crate) fn texts(&self, selector: &str) -> Vec<String> {
        let elements = self.wait(self.window.find_all(By::Css(selector)));
        let text = |element: &WebElement| self.wait(element.text()).replace(['\u{a0}', '\u{202f}'], " ");
        elements.iter().map(text).collect()
    }

    fn find(&self, selector: &str) -> WebElement {
        self.wait(self.window.find(By::Css(selector)))
    }

    /// Presses a key, wherever the focus is.
    pub(crate) fn press(&self, key: Key) {
        self.wait(self.window.action_chain().send_keys(key).perform());
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
        let none = PrintMargins { top: 0.0, bottom: 0.0, left: 0.0, right: 0.0 };
        let parameters = PrintParameters {
            page: PrintPage { width: 21.0, height: 29.7 },
            margin: none,
            shrink_to_fit: false,
            ..PrintParameters::default()
        };
        self.wait(self.window.print_page(parameters))
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
        let _ = self.runtime.block_on(self.window.clone().quit());
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

async fn open(url: &str, directory: &Path, language: &str) -> WebDriverResult<WebDriver> {
    let profile: PathBuf = directory.join("profile");
    let mut wanted = DesiredCapabilities::chrome();
    for argument in [
        "--headless=new",
        "--force-prefers-reduced-motion",
        "--hide-scrollbars",
        "--no-first-run",
        "--disable-gpu",
        // Containers have little shared memory.
        "--disable-dev-shm-usage",
        &format!("--user-data-dir={}", profile.display()),
    ] {
        wanted.add_arg(argument)?;
    }
    // Chromium's sandbox does not work for root.
    if is_root() {
        wanted.add_arg("--no-sandbox")?;
    }
    let preferences = json!({
        "intl.accept_languages": language,
        "download.default_directory": directory.join("downloads"),
        "download.prompt_for_download": false,
    });
    wanted.set_browser_option("prefs", preferences)?;
    let window = WebDriver::new(url, wanted).await?;
    window.set_script_timeout(DEADLINE).await?;
    window.set_page_load_timeout(DEADLINE).await?;
    Ok(window)
}
