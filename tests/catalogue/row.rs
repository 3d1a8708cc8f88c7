//! A row: a request, and what has to come of it in each way that it is run.

use serde_json::Value;

use super::scene::Scene;
use crate::support::mint::SUBJECT;
use crate::wire::harness::request::Request;

/// In place of a status: Envoy ends the stream of HTTP/2, or the connection, without an answer.
pub const RESET: u16 = 0;

/// How a row is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// On the pure core, with the head as Envoy shows it to a filter.
    Core,
    H1,
    H2,
}

pub const WAYS: [Way; 3] = [Way::Core, Way::H1, Way::H2];

impl Way {
    pub fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::H1 => "h1",
            Self::H2 => "h2",
        }
    }
}

/// Which Envoy a row is sent to, by its path normalization where that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Paths are normalized, slashes merged; a token may stand in the query.
    Main,
    /// What Envoy does where nothing is said: paths are as they were written. The query is not looked at.
    AsWritten,
    /// Normalized, merged, and with escaped slashes the client is sent to the path without.
    Redirecting,
    /// Normalized, merged, and with escaped slashes refused. Takes HTTP/1.0 as well.
    Rejecting,
    /// As the first, and has the issuers that publish bad keys of RSA.
    RsaKeys,
    /// And of others: more issuers of one Envoy than these would take each other's places in what its workers share.
    OtherKeys,
    /// Has every key of the table of signatures.
    Vectors,
}

pub const PLACES: [Place; 7] = [
    Place::Main,
    Place::AsWritten,
    Place::Redirecting,
    Place::Rejecting,
    Place::RsaKeys,
    Place::OtherKeys,
    Place::Vectors,
];

pub enum Message {
    Request(Request),
    /// The bytes of HTTP/1.1, for what the other ways cannot write.
    Raw(Vec<u8>),
}

#[derive(Clone, Debug)]
pub struct Expect {
    pub status: u16,
    /// Of the decision; none where Envoy answers by itself.
    pub reason: Option<&'static str>,
    pub fetches: usize,
    /// The identity that the service sees, where the request is let on.
    pub identity: Vec<(String, String)>,
}

impl Expect {
    fn new(status: u16, reason: Option<&'static str>) -> Self {
        let caller = [("x-auth-request-user".to_owned(), SUBJECT.to_owned())];
        let identity = if reason == Some("ok") { caller.to_vec() } else { Vec::new() };
        Self { status, reason, fetches: 0, identity }
    }
}

type Make = Box<dyn Fn(&Scene) -> Message>;

pub struct Row {
    pub id: &'static str,
    pub name: String,
    pub place: Place,
    /// The keys of an issuer that only this row has: one for each way, so that nothing is known of it before.
    pub publishes: Option<Vec<Value>>,
    pub message: Make,
    expects: [Option<Expect>; 3],
    /// Fields that the service has to see so, or must not see; the path is one of them.
    pub sees: Vec<(&'static str, Option<String>)>,
    /// Text of the request that may stand in no log, besides tokens.
    pub hidden: Vec<String>,
    /// Why this is the right answer, where the catalogue leaves a choice.
    pub pin: &'static str,
}

/// A row with this request.
pub fn row(id: &'static str, name: impl Into<String>, request: impl Fn(&Scene) -> Request + 'static) -> Row {
    Row::new(id, name.into(), Box::new(move |scene| Message::Request(request(scene))))
}

/// The usual request with this token.
pub fn token(id: &'static str, name: impl Into<String>, token: impl Fn(&Scene) -> String + 'static) -> Row {
    row(id, name, move |scene| Request::get("/me").bearer(&token(scene)))
}

/// What only HTTP/1.1 can say.
pub fn raw(id: &'static str, name: impl Into<String>, bytes: impl Fn(&Scene) -> Vec<u8> + 'static) -> Row {
    Row::new(id, name.into(), Box::new(move |scene| Message::Raw(bytes(scene)))).without(Way::Core).without(Way::H2)
}

impl Row {
    fn new(id: &'static str, name: String, message: Make) -> Self {
        let expects = [(); 3].map(|()| Some(Expect::new(0, None)));
        let (sees, hidden) = (Vec::new(), Vec::new());
        Self { id, name, place: Place::Main, publishes: None, message, expects, sees, hidden, pin: "" }
    }

    pub fn expect(&self, way: Way) -> Option<&Expect> {
        self.expects[way as usize].as_ref()
    }

    /// What comes of it, in every way that the row is run.
    pub fn is(self, status: u16, reason: &'static str) -> Self {
        self.set(&WAYS, &Expect::new(status, Some(reason)))
    }

    pub fn let_on(self) -> Self {
        self.is(200, "ok")
    }

    /// The same as somebody else, or with more known of the caller.
    pub fn let_on_as(self, identity: &[(&str, &str)]) -> Self {
        let identity = identity.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.set(&WAYS, &Expect { identity, ..Expect::new(200, Some("ok")) })
    }

    /// Envoy answers by itself, on either protocol.
    pub fn envoy_says(self, status: u16) -> Self {
        self.set(&[Way::H1, Way::H2], &Expect::new(status, None))
    }

    /// Something else in one way.
    pub fn but(self, way: Way, status: u16, reason: Option<&'static str>) -> Self {
        self.set(&[way], &Expect::new(status, reason))
    }

    fn set(mut self, ways: &[Way], expect: &Expect) -> Self {
        for way in ways {
            if let Some(place) = &mut self.expects[*way as usize] {
                *place = expect.clone();
            }
        }
        self
    }

    /// It cannot be written in this way, or means nothing there.
    pub fn without(mut self, way: Way) -> Self {
        self.expects[way as usize] = None;
        self
    }

    pub fn only(self, way: Way) -> Self {
        WAYS.into_iter().filter(|other| *other != way).fold(self, Self::without)
    }

    pub fn fetches(mut self, fetches: usize) -> Self {
        self.expects.iter_mut().flatten().for_each(|expect| expect.fetches = fetches);
        self
    }

    pub fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    pub fn publishing(self, keys: Vec<Value>) -> Self {
        Self { publishes: Some(keys), ..self }
    }

    pub fn sees(mut self, name: &'static str, value: &str) -> Self {
        self.sees.push((name, Some(value.to_owned())));
        self
    }

    pub fn misses(mut self, name: &'static str) -> Self {
        self.sees.push((name, None));
        self
    }

    pub fn hides(mut self, text: impl Into<String>) -> Self {
        self.hidden.push(text.into());
        self
    }

    pub fn pin(self, pin: &'static str) -> Self {
        Self { pin, ..self }
    }
}
