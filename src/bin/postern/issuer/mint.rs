//! What a caller of `/mint` asks for, and the claims that come of it.

use serde_json::{Map, Value, json};

use super::{lifetime, parameters};

const DEFAULT_USER: &str = "dev";
const DEFAULT_AUDIENCE: &str = "https://postern.dev";
const DEFAULT_ALGORITHM: &str = "RS256";
const HOUR: i64 = 3600;

#[derive(Debug)]
pub struct Mint {
    pub algorithm: String,
    /// The header's `typ`.
    pub typ: Option<String>,
    user: String,
    scope: Option<String>,
    audiences: Vec<String>,
    lifetime: i64,
    uid: Option<u32>,
    email: Option<String>,
    groups: Vec<String>,
    client: Option<String>,
    /// How long ago the user logged in, in seconds.
    login: Option<i64>,
    acr: Option<String>,
    /// The body: claims that are added, replaced, or removed by a null.
    overrides: Map<String, Value>,
}

impl Mint {
    /// The error is one sentence for the caller.
    pub fn parse(query: &str, body: &[u8], algorithms: Vec<&str>) -> Result<Self, String> {
        let mut mint = Self {
            algorithm: String::new(),
            typ: None,
            user: DEFAULT_USER.to_owned(),
            scope: None,
            audiences: Vec::new(),
            lifetime: HOUR,
            uid: None,
            email: None,
            groups: Vec::new(),
            client: None,
            login: None,
            acr: None,
            overrides: claims_of(body)?,
        };
        let mut algorithm = None;
        let mut seen = Vec::new();
        for (name, value) in parameters::parse(query)? {
            if value.is_empty() {
                return Err(format!("{name}: the value is empty"));
            }
            if seen.contains(&name) && !matches!(name.as_str(), "aud" | "group") {
                return Err(format!("{name} is given twice"));
            }
            match name.as_str() {
                "user" => mint.user = value,
                "scope" => mint.scope = Some(value),
                "aud" => mint.audiences.push(value),
                "lifetime" => mint.lifetime = lifetime::parse("lifetime", &value)?,
                "alg" => algorithm = Some(value),
                "uid" => mint.uid = Some(uid(&value)?),
                "email" => mint.email = Some(value),
                "group" => mint.groups.push(value),
                "client" => mint.client = Some(value),
                "login" => mint.login = Some(lifetime::parse("login", &value)?),
                "acr" => mint.acr = Some(value),
                "typ" => mint.typ = Some(value),
                _ => return Err(unknown(&name)),
            }
            seen.push(name);
        }
        mint.algorithm = algorithm.unwrap_or_else(|| DEFAULT_ALGORITHM.to_owned());
        if !algorithms.contains(&mint.algorithm.as_str()) {
            let known = algorithms.join(", ");
            return Err(format!("alg: `{}` is none of {known}", mint.algorithm));
        }
        Ok(mint)
    }

    pub fn claims(&self, issuer: &str, now: i64, id: String) -> Map<String, Value> {
        let expires = now.saturating_add(self.lifetime);
        // A token that has expired was good for an hour before: only its end is wrong with it.
        let issued = now.min(expires.saturating_sub(if self.lifetime > 0 { 0 } else { HOUR }));
        let mut claims = Map::new();
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("iss", json!(issuer));
        set("sub", json!(self.user));
        set("aud", self.audience());
        set("iat", json!(issued));
        set("nbf", json!(issued));
        set("exp", json!(expires));
        set("jti", json!(id));
        set("uid", json!(self.user));
        if let Some(scope) = &self.scope {
            set("scope", json!(scope));
        }
        if let Some(uid) = self.uid {
            set("uidNumber", json!(uid));
        }
        if let Some(email) = &self.email {
            set("email", json!(email));
        }
        if !self.groups.is_empty() {
            let groups: Vec<Value> = self.groups.iter().map(|name| json!({ "name": name })).collect();
            set("isMemberOf", json!(groups));
        }
        if let Some(client) = &self.client {
            set("client_id", json!(client));
        }
        if let Some(ago) = self.login {
            set("auth_time", json!(now.saturating_sub(ago)));
        }
        if let Some(acr) = &self.acr {
            set("acr", json!(acr));
        }
        for (name, value) in &self.overrides {
            if value.is_null() {
                claims.remove(name);
            } else {
                claims.insert(name.clone(), value.clone());
            }
        }
        claims
    }

    /// RFC 7519 section 4.1.3: one audience may be a plain string, and mostly is.
    fn audience(&self) -> Value {
        match self.audiences.as_slice() {
            [] => json!(DEFAULT_AUDIENCE),
            [one] => json!(one),
            several => json!(several),
        }
    }
}

fn claims_of(body: &[u8]) -> Result<Map<String, Value>, String> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body).map_err(|error| format!("the body is not a JSON object: {error}"))
}

fn uid(value: &str) -> Result<u32, String> {
    value.parse().map_err(|_| format!("uid: `{value}` is not a number from 0 to {}", u32::MAX))
}

fn unknown(name: &str) -> String {
    format!(
        "`{name}` is no parameter of /mint; \
         there are user, scope, aud, lifetime, alg, uid, email, group, client, login, acr and typ"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Mint;

    const NOW: i64 = 1_800_000_000;

    fn mint(query: &str, body: &str) -> Result<Mint, String> {
        Mint::parse(query, body.as_bytes(), vec!["RS256", "ES256"])
    }

    fn claims(query: &str, body: &str) -> Value {
        Value::Object(mint(query, body).unwrap().claims("http://i", NOW, "id".to_owned()))
    }

    #[test]
    fn a_plain_token() {
        assert_eq!(
            claims("user=alice&scope=read:tap+read:image", ""),
            json!({
                "iss": "http://i", "sub": "alice", "uid": "alice", "aud": "https://postern.dev",
                "iat": NOW, "nbf": NOW, "exp": NOW + 3600, "jti": "id",
                "scope": "read:tap read:image",
            })
        );
    }

    #[test]
    fn each_parameter_changes_its_claim() {
        for (query, body, pointer, expected) in [
            ("", "", "/sub", json!("dev")),
            ("user=a%40b", "", "/sub", json!("a@b")),
            ("user=bob", "", "/uid", json!("bob")),
            ("aud=one", "", "/aud", json!("one")),
            ("aud=one&aud=two", "", "/aud", json!(["one", "two"])),
            ("lifetime=60", "", "/exp", json!(NOW + 60)),
            ("lifetime=-60s", "", "/exp", json!(NOW - 60)),
            ("lifetime=-60s", "", "/iat", json!(NOW - 3660)),
            ("lifetime=0", "", "/iat", json!(NOW - 3600)),
            ("uid=1000", "", "/uidNumber", json!(1000)),
            ("email=a@b.org", "", "/email", json!("a@b.org")),
            ("group=x&group=y", "", "/isMemberOf/1/name", json!("y")),
            ("client=poller", "", "/client_id", json!("poller")),
            ("login=5m", "", "/auth_time", json!(NOW - 300)),
            ("acr=mfa", "", "/acr", json!("mfa")),
            ("", r#"{"amr": ["mfa"]}"#, "/amr/0", json!("mfa")),
            ("user=bob", r#"{"sub": 7}"#, "/sub", json!(7)),
            ("", r#"{"exp": "soon"}"#, "/exp", json!("soon")),
        ] {
            assert_eq!(claims(query, body).pointer(pointer), Some(&expected), "{query} {body}");
        }
    }

    #[test]
    fn a_claim_not_asked_for_is_absent() {
        for (query, body, pointer) in [
            ("", "", "/scope"),
            ("", "", "/uidNumber"),
            ("", "", "/email"),
            ("", "", "/isMemberOf"),
            ("user=bob", r#"{"uid": null}"#, "/uid"),
            ("", r#"{"exp": null}"#, "/exp"),
        ] {
            assert_eq!(claims(query, body).pointer(pointer), None, "{query} {body}");
        }
    }

    #[test]
    fn a_mistake_is_named() {
        for (query, body, named) in [
            ("usr=alice", "", "`usr` is no parameter"),
            ("user=", "", "user: the value is empty"),
            ("user", "", "user: the value is empty"),
            ("user=a&user=b", "", "user is given twice"),
            ("scope=a&scope=b", "", "scope is given twice"),
            ("lifetime=soon", "", "lifetime: `soon`"),
            ("login=soon", "", "login: `soon`"),
            ("alg=none", "", "alg: `none` is none of RS256, ES256"),
            ("alg=rs256", "", "alg: `rs256`"),
            ("uid=-1", "", "uid: `-1`"),
            ("uid=4294967296", "", "uid: `4294967296`"),
            ("user=%zz", "", "`%zz`"),
            ("", "[]", "the body is not a JSON object"),
            ("", "user=alice", "the body is not a JSON object"),
        ] {
            let problem = mint(query, body).unwrap_err();
            assert!(problem.contains(named), "{query} {body}: {problem}");
            assert_eq!(problem.lines().count(), 1, "{problem}");
        }
    }
}
