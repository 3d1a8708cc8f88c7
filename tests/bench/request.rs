//! The bytes of a request, as curl would send it behind a proxy that numbers requests.

pub const PATH: &str = "/api/tap/sync?LANG=ADQL&FORMAT=votable";

pub fn bytes(path: &str, token: Option<&str>) -> Vec<u8> {
    let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let text = format!(
        "GET {path} HTTP/1.1\r\n\
         host: data.example.org\r\n\
         user-agent: curl/8.14.1\r\n\
         accept: */*\r\n\
         accept-encoding: gzip, deflate\r\n\
         x-request-id: 5f2f7f0c-3f53-4a0b-9f0f-2b8f3a0f6f11\r\n\
         {authorization}\r\n"
    );
    text.into_bytes()
}

pub fn with_tokens(tokens: &[String]) -> Vec<Vec<u8>> {
    tokens.iter().map(|token| bytes(PATH, Some(token))).collect()
}
