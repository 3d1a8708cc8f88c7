//! What is in the new token: all that was in the user's, as it was written, but for what says who made it for whom.

#[path = "../../support/members.rs"]
mod written;

use serde_json::{Value, json};
use written::members;

use super::{API, OWN, exchanged, made, own_token, payload_of, post, reissued, stage, tap, users, users_token, world};
use crate::profiles::{configured, every_kind, minted};
use crate::scenario::NOW;
use crate::support::mint::{AUDIENCE, ISSUER};
use crate::world::{World, patched};

/// The former's members with those of the new token where they stood, and at the end those that were not there.
fn expected(former: &str, new: &Value) -> Vec<(String, String)> {
    let claims: Value = serde_json::from_str(former).unwrap();
    let old = members(former);
    let meaning = |written: &str| serde_json::from_str::<String>(written).unwrap();
    let raw = |name: &str| old.iter().find(|(written, _)| meaning(written) == name).map(|(_, value)| value.clone());
    let act = ["iss", "aud", "jti", "act"].iter().filter_map(|name| Some(format!("\"{name}\":{}", raw(name)?)));
    let act = format!("{{{}}}", act.collect::<Vec<_>>().join(","));
    let set: Vec<(&str, String)> = vec![
        ("iss", json!(OWN).to_string()),
        ("aud", json!(API).to_string()),
        ("iat", NOW.to_string()),
        ("exp", claims["exp"].as_u64().unwrap().min(NOW + 3600).to_string()),
        ("jti", new["jti"].to_string()),
        ("act", act),
    ];
    let mut want: Vec<(String, String)> = old
        .iter()
        .map(|(name, value)| {
            let new = set.iter().find(|(set, _)| *set == meaning(name)).map(|(_, value)| value);
            (name.clone(), new.unwrap_or(value).clone())
        })
        .collect();
    let added = set.into_iter().filter(|(name, _)| raw(name).is_none());
    want.extend(added.map(|(name, value)| (json!(name).to_string(), value)));
    want
}

#[test]
fn the_token_of_every_kind_of_issuer_keeps_what_is_not_ours_to_say() {
    for kind in every_kind() {
        // Of what another filter has made no other is made.
        let former = minted(&kind, &json!({}), &json!({"act": null}), &users());
        let mut document = stage(&json!({}));
        document["issuers"][0] = configured(&kind, &json!({}), &users());
        // One entry cannot read all kinds; what it does not take back it need not.
        document["issuers"][1]["audiences"] = json!([AUDIENCE]);
        let mut world = World::of(&document);
        let new = reissued(&mut world, &post("/tap/sync", &former));
        assert_eq!(members(&new.payload), expected(&payload_of(&former), &new.claims), "{}", kind.name);
        let jti = new.claims["jti"].as_str().unwrap();
        assert_eq!(jti.len(), 22, "128 random bits");
        for name in ["iss", "aud", "jti"] {
            assert_eq!(new.claims["act"].get(name), kind.claims.get(name), "{}: {name}", kind.name);
        }
    }
}

#[test]
fn members_go_on_as_they_are_written() {
    let usual = format!(r#""iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"alice","exp":{}"#, NOW + 600);
    for (name, payload) in [
        ("usual", format!("{{{usual}}}")),
        ("numbers", format!(r#"{{"a":1.0,"b":1e3,"c":-0,"d":12345678901234567890123,"e":1E-7,{usual},"f":0.10}}"#)),
        ("escapes", format!(r#"{{"\u0061":"\u00e9\/\"\\",{usual},"b":"\ud83d\ude00,}}","c\n":"{{"}}"#)),
        ("Unicode", format!(r#"{{"größe":"日本語 😀",{usual},"\u2028":" "}}"#)),
        ("nested", format!(r#"{{{usual},"z":{{"y":[ 1, {{"x" : null}} ],"iss":"x","exp":[]}},"a":[]}}"#)),
        ("white space", format!("\n{{ \"b\" : [ 1 ,\t2 ] ,\r\n {usual} , \"a\" : true }}\n ")),
        ("no iat, jti, aud of its own order", format!(r#"{{"jti":"x",{usual},"iat":{NOW},"nbf":{}}}"#, NOW - 5)),
        ("names of ours in other spellings", {
            let end = NOW + 600;
            format!(r#"{{"\u0069ss":"{ISSUER}","a\u0075d":"{AUDIENCE}","ex\u0070":{end},"j\u0074i":"x","sub":"a"}}"#)
        }),
        ("a list of audiences", format!(r#"{{"aud":[ "x" , "{AUDIENCE}" ],"iss":"{ISSUER}","exp":{}}}"#, NOW + 600)),
        ("somebody acts", format!(r#"{{{usual},"act":{{ "sub" : "p", "act":{{"sub":"q"}} }} }}"#)),
        ("an act that is text", format!(r#"{{"act":"p\u0061",{usual}}}"#)),
        ("an act that is null", format!(r#"{{"act":null,{usual}}}"#)),
        ("an act that is a list", format!(r#"{{"act":[1.0, {{}}],{usual}}}"#)),
        ("names that differ in case", format!(r#"{{{usual},"ISS":"x","Exp":1,"Act":2,"JTI":3}}"#)),
        ("an empty name", format!(r#"{{"":"",{usual}}}"#)),
    ] {
        let signer = users();
        let former = signer.sign_bytes(signer.header().to_string().as_bytes(), payload.as_bytes());
        let new = reissued(&mut world(&json!({})), &post("/tap/sync", &former));
        assert_eq!(members(&new.payload), expected(&payload, &new.claims), "{name}");
    }
}

#[test]
fn a_token_with_a_name_twice_is_refused_before() {
    let signer = users();
    let payload = format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{},"a":1,"\u0061":2}}"#, NOW + 600);
    let token = signer.sign_bytes(signer.header().to_string().as_bytes(), payload.as_bytes());
    let seen = world(&json!({})).send(&post("/tap/sync", &token));
    assert_eq!(seen.in_short(), "401 token_unreadable");
}

/// Each token says of which one it was made, and that of which.
#[test]
fn a_chain_of_tokens_can_be_followed() {
    let mut world = World::of(&stage(&json!({})));
    let first = users_token(json!({"jti": "user's", "scope": "a b"}));
    let (second, _) = exchanged(&mut world, &first, "");
    let (third, _) = exchanged(&mut world, &second, "scope=a");
    let jti = made(&world, &second).claims["jti"].clone();
    let act = json!({"iss": ISSUER, "aud": AUDIENCE, "jti": "user's"});
    assert_eq!(made(&world, &third).claims["act"], json!({"iss": OWN, "aud": AUDIENCE, "jti": jti, "act": act}));
}

/// Beside the token: what the service is told of the caller is what the user's token says.
#[test]
fn the_service_is_told_the_same_of_the_caller() {
    let users = users_token(json!({"scope": "read:tap x", "uidNumber": 7, "email": "a@b.test"}));
    let rules = |change: &Value| stage(&json!({"rules": [tap(change)]}));
    let identity = |change: &Value| {
        let seen = World::of(&rules(change)).send(&post("/tap/sync", &users));
        patched(seen.identity(), &json!({"token": null}))
    };
    let want = identity(&json!({"reissue": null}));
    assert_eq!(want["user"], "alice");
    for change in [json!({}), json!({"reissue": {"scopes": "needed"}})] {
        assert_eq!(identity(&change), want, "{change}");
    }
    // And so of a token that goes on as it is.
    let own = own_token(json!({"aud": API, "scope": "x"}));
    let seen = World::of(&rules(&json!({}))).send(&post("/tap/sync", &own));
    assert_eq!(seen.identity()["user"], "alice");
}
