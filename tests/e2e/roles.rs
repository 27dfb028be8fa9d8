//! Every operation of the document, asked with a key of every role and with none: who may, may, and nobody else.

use serde_json::{Value, json};

use crate::program::Program;

/// What stands for the parts of a path that a caller fills in: things that are there for nobody.
fn filled(path: &str) -> String {
    path.replace("{month}", "2021-03")
        .replace("{year}", "2021")
        .replace("{format}", "csv")
        .replace("{slug}", "e-moten")
        .replace("{code}", "UAF")
        .replace("{id}", "none")
        .replace("{collector}", "none")
        .replace("{name}", "none")
}

#[test]
fn each_role_may_ask_what_it_is_for_and_nothing_else() {
    let program = Program::start("[limits]\nrequests_per_second = 10000\nrequests_burst = 10000\n");
    let admin = program.command(&["keys", "create", "Drift", "--role", "admin"]).trim().to_owned();
    let http = reqwest::blocking::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let make = |role: &str, scope: (&str, &str)| -> (String, String) {
        let mut body = json!({"name": role, "role": role});
        if !scope.0.is_empty() {
            body[scope.0] = json!([scope.1]);
        }
        let url = format!("{}/v1/keys", program.url());
        let made: Value = http.post(url).bearer_auth(&admin).json(&body).send().unwrap().json().unwrap();
        (role.to_owned(), made["key"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned())
    };
    let mut keys = vec![
        make("collector", ("sources", "/lkdata/collector/pexip/mgr1")),
        make("payer", ("costcentres", "441001")),
        make("object-leader", ("services", "e-moten")),
        make("operator", ("", "")),
        make("finance", ("", "")),
        make("auditor", ("", "")),
    ];
    keys.push(("admin".to_owned(), admin.clone()));
    let document = include_str!("../../schemas/openapi/taxameter.json");
    let document: Value = serde_json::from_str(document).unwrap();
    let mut asked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let url = format!("{}{}", program.url(), filled(path));
            let ask = |key: Option<&str>| {
                let method = method.to_uppercase().parse().unwrap();
                // A body that nothing takes: who may ask is told that it is wrong, and nothing is changed.
                let mut request =
                    http.request(method, &url).header("content-type", "application/json").body("[");
                if let Some(key) = key {
                    request = request.bearer_auth(key);
                }
                request.send().unwrap().status().as_u16()
            };
            let Some(roles) = operation["x-roles"].as_array() else {
                assert_ne!(ask(None), 401, "{method} {path} is for everybody");
                continue;
            };
            assert_eq!(ask(None), 401, "{method} {path} without a key");
            for (role, key) in &keys {
                let (status, may) = (ask(Some(key)), roles.iter().any(|known| known == role));
                assert_eq!(status == 403, !may, "{method} {path} as {role}: {status}");
                assert!(status != 401 && status < 500, "{method} {path} as {role}: {status}");
                asked += 1;
            }
        }
    }
    assert!(asked > 250, "{asked}");
    // A scope that is not the role's own is refused.
    for body in [
        json!({"name": "x", "role": "payer"}),
        json!({"name": "x", "role": "finance", "services": ["e-moten"]}),
        json!({"name": "x", "role": "object-leader", "customers": ["UAF"]}),
        json!({"name": "x", "role": "reader2"}),
    ] {
        let url = format!("{}/v1/keys", program.url());
        assert_eq!(http.post(url).bearer_auth(&admin).json(&body).send().unwrap().status(), 400, "{body}");
    }
}
