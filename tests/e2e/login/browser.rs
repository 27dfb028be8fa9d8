//! What a browser does at a login, by plain HTTP requests: it keeps cookies, follows redirects and sends forms.

use std::collections::BTreeMap;

use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::redirect::Policy;
use reqwest::{Method, Url};

use crate::program::DEADLINE;

/// A browser. Its cookies are the host's, whatever the port, as in real ones.
pub(super) struct Browser {
    http: Client,
    pub(super) cookies: BTreeMap<String, String>,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) url: Url,
    pub(super) status: u16,
    /// The cookies that were set, as they were written.
    pub(super) set: Vec<String>,
    /// Where it leads: a redirect, or a `Refresh` that waits for nothing.
    pub(super) next: Option<Url>,
    pub(super) kind: String,
    pub(super) text: String,
}

impl Answer {
    /// What an element of its form with this name holds.
    pub(super) fn field(&self, name: &str) -> String {
        let element = self.text.split('<').find(|element| element.contains(&format!("name=\"{name}\"")));
        let element = element.unwrap_or_else(|| panic!("no {name} in {self:?}"));
        attribute(element, "value").unwrap_or_default()
    }

    /// The code of a problem.
    pub(super) fn code(&self) -> String {
        let problem: serde_json::Value = serde_json::from_str(&self.text).unwrap_or_default();
        problem["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Status and path, for comparison.
    pub(super) fn at(&self) -> (u16, &str) {
        (self.status, self.url.path())
    }
}

fn attribute(element: &str, name: &str) -> Option<String> {
    let (_, rest) = element.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0.replace("&amp;", "&").replace("&#38;", "&"))
}

impl Browser {
    pub(super) fn new() -> Self {
        let http = Client::builder().no_proxy().timeout(DEADLINE).redirect(Policy::none());
        Self { http: http.build().unwrap(), cookies: BTreeMap::new() }
    }

    /// Asks for a page, and goes nowhere else.
    pub(super) fn get(&mut self, url: &str) -> Answer {
        self.send(Method::GET, url, |request| request.header("accept", "text/html,*/*;q=0.8"))
    }

    /// Asks as a program would, with the browser's cookies.
    pub(super) fn fetch(&mut self, url: &str) -> Answer {
        self.send(Method::GET, url, |request| request.header("accept", "application/json"))
    }

    /// Sends JSON as a page's script would, with a token or without.
    pub(super) fn post(&mut self, url: &str, csrf: Option<&str>, json: &serde_json::Value) -> Answer {
        self.send(Method::POST, url, |request| {
            let request = request.json(json);
            csrf.iter().fold(request, |request, csrf| request.header("x-csrf-token", *csrf))
        })
    }

    /// Sends a form from a page of some site.
    pub(super) fn submit(&mut self, url: &str, origin: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, url, |request| {
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            request.header("accept", "text/html").header("origin", origin).body(body.clone())
        })
    }

    fn send(&mut self, method: Method, url: &str, with: impl Fn(RequestBuilder) -> RequestBuilder) -> Answer {
        let request = with(self.http.request(method, url));
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) };
        let answer = read(request.send().unwrap());
        for set in &answer.set {
            let (name, rest) = set.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            let is_over =
                value.is_empty() || rest.contains("Max-Age=0") || rest.contains("expires=Thu, 01 Jan 1970");
            match is_over {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    /// Goes on from an answer until there is nothing more to follow, or it would lead to this path.
    pub(super) fn follow_to(&mut self, mut answer: Answer, stop: &str) -> Answer {
        while let Some(next) = answer.next.clone().filter(|next| next.path() != stop) {
            answer = self.get(next.as_str());
        }
        answer
    }

    /// Goes on from an answer until there is nothing more to follow.
    pub(super) fn follow(&mut self, answer: Answer) -> Answer {
        self.follow_to(answer, "")
    }

    /// Fills in the provider's form with an account, and agrees to what is asked for. Stops before the program's own page.
    pub(super) fn identify(&mut self, start: &str, account: &str) -> Answer {
        let begun = self.get(start);
        let mut page = self.follow_to(begun, "/login/callback");
        while page.next.is_none() {
            let form = page.text.split('<').find(|element| element.starts_with("form "));
            let form = form.unwrap_or_else(|| panic!("no form: {page:?}"));
            let action = page.url.join(&attribute(form, "action").unwrap()).unwrap();
            let prompt = page.field("prompt");
            let fields = [("prompt", prompt.as_str()), ("login", account), ("password", "x")];
            let origin = page.url.origin().ascii_serialization();
            let sent = self.submit(action.as_str(), &origin, &fields);
            page = self.follow_to(sent, "/login/callback");
        }
        page
    }

    /// Logs an account in.
    pub(super) fn log_in(&mut self, start: &str, account: &str) -> Answer {
        let back = self.identify(start, account);
        self.follow(back)
    }
}

fn read(response: Response) -> Answer {
    let url = response.url().clone();
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let next = header("location").or_else(|| header("refresh")?.strip_prefix("0; url=").map(str::to_owned));
    let next = next.map(|next| url.join(&next).unwrap());
    let set = response.headers().get_all("set-cookie").iter().map(|set| set.to_str().unwrap().to_owned());
    let (set, kind) = (set.collect(), header("content-type").unwrap_or_default());
    let status = response.status().as_u16();
    Answer { url, status, set, next, kind, text: response.text().unwrap() }
}
