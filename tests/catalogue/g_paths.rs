//! G: paths and routes, under each way in which Envoy may be told to read them.
//!
//! On the core they are as they were written: what Envoy makes of a path is only seen on Envoy.

use super::row::{Place, Row, Way, raw, row};
use super::scene::Scene;
use crate::wire::harness::envoy::version;
use crate::wire::harness::request::Request;

/// What becomes of a path where it is left as written, normalized with slashes merged, and with escaped slashes refused
/// besides. The second and the third differ only in those.
#[derive(Clone, Copy)]
enum Becomes {
    /// Decided so by the filter.
    Is(u16, &'static str),
    /// Let on, and this is the path that the service sees.
    On(&'static str),
    Envoy(u16),
}

use Becomes::{Envoy, Is, On};

const AMBIGUOUS: Becomes = Is(400, "ambiguous_path");
const NO_RULE: Becomes = Is(403, "no_rule");
/// The admin's path, and the token is nobody's of admins.
const ADMIN: Becomes = Is(403, "not_in_group");

pub fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = paths().into_iter().flat_map(in_every_place).collect();
    rows.extend(targets());
    rows
}

type Path = (&'static str, &'static str, [Becomes; 3]);

fn paths() -> Vec<Path> {
    // Later ones leave out what stands behind a `;` where they look for dots.
    let dots_with_parameters = if version() < [1, 39, 0] { AMBIGUOUS } else { ADMIN };
    vec![
        ("G01", "/a/../admin", [AMBIGUOUS, ADMIN, ADMIN]),
        ("G01", "/a/%2e%2e/admin", [AMBIGUOUS, ADMIN, ADMIN]),
        ("G01", "/a/.%2E/admin", [AMBIGUOUS, ADMIN, ADMIN]),
        ("G01", "/./admin", [AMBIGUOUS, ADMIN, ADMIN]),
        ("G01", "/a/..", [AMBIGUOUS, NO_RULE, NO_RULE]),
        ("G01", "/../a", [AMBIGUOUS, On("/a"), On("/a")]),
        ("G02", "//admin", [AMBIGUOUS, ADMIN, ADMIN]),
        ("G02", "/a//b", [AMBIGUOUS, On("/a/b"), On("/a/b")]),
        ("G02", "//a", [AMBIGUOUS, On("/a"), On("/a")]),
        ("G03", "/a%2fadmin", [AMBIGUOUS, Envoy(307), Envoy(400)]),
        ("G03", "/a%2Fadmin", [AMBIGUOUS, Envoy(307), Envoy(400)]),
        ("G03", "/a%5cadmin", [AMBIGUOUS, Envoy(307), Envoy(400)]),
        ("G03", "/a/..%2fadmin", [AMBIGUOUS, Envoy(307), Envoy(400)]),
        ("G04", "/a\\admin", [AMBIGUOUS, On("/a/admin"), On("/a/admin")]),
        ("G04", "/a\\..\\admin", [AMBIGUOUS, ADMIN, ADMIN]),
        ("G05", "/admin;x=1/b", [AMBIGUOUS, AMBIGUOUS, AMBIGUOUS]),
        ("G05", "/a;/admin", [AMBIGUOUS, AMBIGUOUS, AMBIGUOUS]),
        ("G05", "/admin%3bx=1", [AMBIGUOUS, AMBIGUOUS, AMBIGUOUS]),
        ("G06", "/a/..;/admin", [AMBIGUOUS, dots_with_parameters, dots_with_parameters]),
        ("G07", "/ADMIN", [NO_RULE, NO_RULE, NO_RULE]),
        ("G07", "/admin.", [NO_RULE, NO_RULE, NO_RULE]),
        ("G07", "/admin/.", [AMBIGUOUS, ADMIN, ADMIN]),
        ("G07", "/admin/", [ADMIN, ADMIN, ADMIN]),
        ("G07", "/admin%20", [NO_RULE, NO_RULE, NO_RULE]),
        ("G07", "/administrator", [NO_RULE, NO_RULE, NO_RULE]),
        ("G09", "/a%00b", [AMBIGUOUS, Envoy(400), Envoy(400)]),
        ("G09", "/a%0d%0ax:%20y", [AMBIGUOUS, AMBIGUOUS, AMBIGUOUS]),
        ("G10", "/%61dmin", [ADMIN, ADMIN, ADMIN]),
        ("G10", "/%61", [On("/%61"), On("/a"), On("/a")]),
        ("G11", "/%252e%252e/a", [AMBIGUOUS, AMBIGUOUS, AMBIGUOUS]),
        ("G11", "/a/..%c0%af/admin", [AMBIGUOUS, AMBIGUOUS, AMBIGUOUS]),
        ("G11", "/a%252fadmin", [AMBIGUOUS, AMBIGUOUS, AMBIGUOUS]),
        ("G11", "/a/%zz", [AMBIGUOUS, AMBIGUOUS, AMBIGUOUS]),
    ]
}

fn in_every_place((id, path, becomes): Path) -> Vec<Row> {
    let places =
        [("as written", Place::AsWritten), ("redirecting", Place::Redirecting), ("rejecting", Place::Rejecting)];
    let of = |((name, place), becomes): ((&str, Place), Becomes)| {
        let row = row(id, format!("{path}, {name}"), move |scene| Request::get(path).bearer(&scene.good)).at(place);
        let row = if place == Place::AsWritten { row } else { row.without(Way::Core) };
        match becomes {
            Is(status, reason) => row.is(status, reason),
            On(seen) => row.let_on().sees(":path", seen),
            Envoy(status) => row.envoy_says(status),
        }
    };
    places.into_iter().zip(becomes).map(of).collect()
}

/// What the request line says that is no plain path.
fn targets() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, place) in
        [("as written", Place::AsWritten), ("redirecting", Place::Redirecting), ("rejecting", Place::Rejecting)]
    {
        let line = |id, what: &str, target: &'static [u8]| {
            let row = raw(id, format!("{what}, {name}"), move |scene: &Scene| {
                let rest = format!(" HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {}\r\n\r\n", scene.good);
                [b"GET ", target, rest.as_bytes()].concat()
            });
            row.at(place)
        };
        rows.extend([
            line("G08", "a fragment", b"/admin#f").envoy_says(400),
            line("G08", "NUL", b"/a\0b").envoy_says(400),
            line("G08", "a byte that is no ASCII", b"/a\xc3\xa9").envoy_says(400),
            line("G08", "a space", b"/a b").envoy_says(400),
            line("G12", "an absolute target of another host", b"http://evil.test/me").let_on(),
            line("G12", "an absolute target of a host that has a rule", b"http://a.test/hosted").let_on(),
            line("G12", "an absolute target, to the admin's", b"http://evil.test/admin").is(403, "not_in_group"),
            line("G12", "an absolute target without a path", b"http://evil.test").is(403, "no_rule"),
        ]);
        let hosts = |what: &str, target: &'static str| {
            let row = raw("G13", format!("{what}, {name}"), move |scene| {
                format!(
                    "GET {target} HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\nAuthorization: Bearer {}\r\n\r\n",
                    scene.good
                )
                .into()
            });
            row.at(place)
        };
        rows.push(hosts("two hosts, where the host decides", "/hosted").is(400, "ambiguous_host"));
        rows.push(
            raw("G14", format!("CONNECT, {name}"), |scene| {
                let authorization = format!("Authorization: Bearer {}", scene.good);
                format!("CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n{authorization}\r\n\r\n").into()
            })
            .at(place)
            .is(400, "ambiguous_path")
            .pin("rules go by path, and it has none"),
        );
    }
    rows.push(
        row("G07", "only the query names the admin's path", |scene| Request::get("/a?/admin").bearer(&scene.good))
            .let_on()
            .sees(":path", "/a?/admin"),
    );
    rows.push(
        row("G13", "the host that has a rule", |scene| Request::get("/hosted").host("a.test").bearer(&scene.good))
            .let_on(),
    );
    rows.push(
        row("G13", "the host with a dot", |scene| Request::get("/hosted").host("a.test.").bearer(&scene.good))
            .is(400, "ambiguous_host"),
    );
    rows.push(
        row("G13", "the host with a port", |scene| Request::get("/hosted").host("a.test:80").bearer(&scene.good))
            .is(400, "ambiguous_host"),
    );
    rows
}
