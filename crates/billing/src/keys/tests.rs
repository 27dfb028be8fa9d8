use super::*;

fn at(hour: i64) -> Instant {
    Instant::from_micros(hour * HOUR_MICROS)
}

fn decision(control: u64, hour: i64) -> Decision {
    let content = serde_json::Map::new();
    Decision { control, at: at(hour), action: String::new(), content, chain: String::new() }
}

fn key(id: &str, role: Role, expires: Option<i64>) -> Key {
    Key {
        id: id.to_owned(),
        name: id.to_owned(),
        role,
        scope: Scope::default(),
        hash: hash(&format!("tm_{id}_secret")),
        created: at(0),
        expires: expires.map(at),
        revoked: false,
        control: 0,
    }
}

fn about(action: &str, id: &str, made: Option<(&str, Role)>) -> KeyDecision {
    let made = made.map(|(id, role)| {
        Made::new(id, hash(&format!("tm_{id}_secret")), "Pexip".to_owned(), role, Scope::default())
    });
    KeyDecision { action: action.to_owned(), id: id.to_owned(), made, keep_hours: Some(24) }
}

#[test]
fn the_first_key_is_an_administrators_and_the_last_one_of_them_stays() {
    let create =
        |keys: &[Key], id, role| changed(keys, &about(CREATE, id, Some((id, role))), &decision(1, 1));
    assert_eq!(create(&[], "a", Role::Collector), Err(KeyRefusal::FirstMustBeAdmin));
    assert_eq!(create(&[], "a", Role::Admin).unwrap()[0].role, Role::Admin);
    let admin = key("a", Role::Admin, None);
    assert_eq!(create(std::slice::from_ref(&admin), "s", Role::Collector).unwrap().len(), 1);
    assert_eq!(create(std::slice::from_ref(&admin), "a", Role::Collector), Err(KeyRefusal::IdTaken));

    let revoke =
        |keys: &[Key]| changed(keys, &about(REVOKE, "a", None), &decision(2, 1)).map(|keys| keys[0].revoked);
    assert_eq!(revoke(&[admin.clone(), key("b", Role::Finance, None)]), Err(KeyRefusal::LastAdmin));
    // One that ends by itself is no administrator to rely on.
    assert_eq!(revoke(&[admin.clone(), key("b", Role::Admin, Some(48))]), Err(KeyRefusal::LastAdmin));
    assert_eq!(revoke(&[admin, key("b", Role::Admin, None)]), Ok(true));
    assert_eq!(revoke(&[key("b", Role::Admin, None)]), Err(KeyRefusal::UnknownKey));
}

#[test]
fn a_rotated_key_holds_for_a_while_beside_its_successor() {
    let keys = [key("a", Role::Admin, None)];
    let rotate = about(ROTATE, "a", Some(("n", Role::Admin)));
    let after = changed(&keys, &rotate, &decision(3, 10)).unwrap();
    assert_eq!(
        after.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(),
        ["n", "a"],
        "the old one is written last"
    );
    assert_eq!((after[0].expires, after[1].expires), (None, Some(at(34))));
    let ring = KeyRing::new(after);
    let holder = |secret: &str, hour| ring.holder(secret, at(hour)).map(|key| key.id.clone());
    assert_eq!(holder("tm_a_secret", 33).as_deref(), Some("a"));
    assert_eq!(holder("tm_n_secret", 33).as_deref(), Some("n"));
    assert_eq!((holder("tm_a_secret", 34), holder("tm_n_secret", 34).as_deref()), (None, Some("n")));
    // What ends sooner anyway does not live longer by being rotated, and what has ended is not.
    let ending = [key("a", Role::Collector, Some(12)), key("b", Role::Admin, None)];
    assert_eq!(changed(&ending, &rotate, &decision(3, 10)).unwrap()[1].expires, Some(at(12)));
    assert_eq!(changed(&ending, &rotate, &decision(3, 12)), Err(KeyRefusal::KeyDoesNotHold));
}

#[test]
fn a_key_is_known_by_all_of_it_or_not_at_all() {
    let mut revoked = key("r", Role::Admin, None);
    revoked.revoked = true;
    let ring = KeyRing::new(vec![key("a", Role::Admin, None), revoked]);
    assert!(ring.holder("tm_a_secret", at(1)).is_some());
    for wrong in
        ["tm_a_secres", "tm_a_secret ", "tm_a_", "tm_a", "a_secret", "tm_b_secret", "tm_r_secret", "tm_", ""]
    {
        assert!(ring.holder(wrong, at(1)).is_none(), "{wrong}");
    }
    assert!(ring.is_asked_for() && !KeyRing::default().is_asked_for());
    assert!(ring.renewed(Vec::new()).is_none(), "an empty table opens no door");
    assert!(!KeyRing::default().renewed(Vec::new()).unwrap().is_asked_for());
    assert!(ring.renewed(vec![key("b", Role::Admin, None)]).unwrap().holder("tm_b_secret", at(1)).is_some());
}

#[test]
fn drawn_keys_differ_and_are_long() {
    let (first, second) = (draw().unwrap(), draw().unwrap());
    assert_ne!(first.1, second.1);
    assert_eq!((first.0.len(), first.1.len()), (8, 3 + 8 + 1 + 52));
    assert!(first.1.starts_with(&format!("tm_{}_", first.0)));
    let made = MadeKey { key: key("a", Role::Admin, None), secret: first.1.clone() };
    assert!(!format!("{made:?}").contains(&first.1), "a log never has it");
}
