//! What groups come to, and who is let through.

use domain::access::Scope;

use super::*;

fn login() -> Login {
    let text = "issuer = \"https://idp.example.org\"\nclient_id = \"taxameter\"\nclient_secret_file = \"s\"\n\
        public_url = \"https://taxameter.example.org\"\n\
        [[grant]]\ngroup = \"ekonomi\"\nrole = \"finance\"\n\
        [[grant]]\ngroup = \"chef-uaf\"\nrole = \"payer\"\ncustomers = [\"UAF\"]\n\
        [[grant]]\ngroup = \"chef-uaf\"\nrole = \"object-leader\"\nservices = [\"e-moten\"]\n";
    Login::of(toml::from_str(text).unwrap()).unwrap()
}

fn groups(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn person(viewer: Viewer) -> Person {
    let session = api::Session {
        name: "Förvaltningschef UAF".to_owned(),
        roles: roles(&viewer),
        csrf: "token".to_owned(),
        pseudonym: "1f3a9c2d5e6b7a80".to_owned(),
    };
    Person { viewer, session, id_token: None }
}

#[test]
fn somebody_may_what_any_of_their_groups_may() {
    let login = login();
    assert_eq!(granted(&login, &groups(&[])), None);
    assert_eq!(granted(&login, &groups(&["Ekonomi", "annat"])), None, "names are taken letter by letter");
    let both = granted(&login, &groups(&["chef-uaf"])).unwrap();
    assert_eq!(roles(&both), [Role::Payer, Role::ObjectLeader]);
    assert!(!both.may(Permission::Finance) && both.may(Permission::Object));
    let all = granted(&login, &groups(&["chef-uaf", "ekonomi"])).unwrap();
    assert_eq!((all.grants().count(), all.may(Permission::Finance)), (3, true));
}

#[tokio::test]
async fn a_login_is_let_through_where_its_roles_and_its_token_allow_it() {
    let finance = person(Viewer::new([Grant { role: Role::Finance, scope: Scope::default() }]));
    let close = |token: Option<&str>| {
        let request = Request::post("/v1/months/2021-03/close")
            .header("host", "taxameter.example.org")
            .header("content-type", "application/json");
        let request = token.iter().fold(request, |request, token| request.header("x-csrf-token", *token));
        request.body(axum::body::Body::from("{}")).unwrap()
    };
    let mut right = close(Some("token"));
    let name = admit(&finance, Permission::Finance, &mut right).await.unwrap();
    assert_eq!(name, "person 1f3a9c2d5e6b7a80");
    assert_eq!(right.extensions().get::<Viewer>(), Some(&finance.viewer));
    assert_eq!(right.extensions().get::<api::Session>(), Some(&finance.session));
    let reason = |refused: Result<String, Problem>| refused.unwrap_err().reason;
    assert_eq!(reason(admit(&finance, Permission::Finance, &mut close(None)).await), Reason::CsrfRefused);
    assert_eq!(
        reason(admit(&finance, Permission::Admin, &mut close(Some("token"))).await),
        Reason::NotAllowed
    );
}
