"""A service that believes nobody: it verifies the token of each request by PyJWT and the keys that the issuer publishes.

It listens on a port that is free, or on $PORT, and prints one line of JSON when it does. From then on each line of its
standard input is an order, which it answers by a line, and it ends with its standard input:

    {"trust": [{"issuer": "...", "audience": "...", "algorithms": ["RS256"], "keys": URL, "host": HOST}]} -> {"keys": [URL]}
    {"count": true} -> {"good": 12, "bad": 0, "fetches": {URL: 3}}

`keys` is the URL of the key set, or `discovery` that of the document that names it. Both are asked for with `host` as the
host, where it is given. A key set is kept for `lifespan` seconds.

A request is answered 200 when its token is good, else 401, in both cases with what came and what was found in it.
"""

import collections
import http.server
import json
import os
import sys
import threading
import urllib.parse
import urllib.request

import jwt

REQUIRED = ["exp", "iat", "jti", "aud", "iss"]


class Keys(jwt.PyJWKClient):
    def fetch_data(self):
        with LOCK:
            FETCHES[self.uri] += 1
        return super().fetch_data()


class Trusted:
    def __init__(self, order):
        self.issuer, self.audience, self.algorithms = order["issuer"], order["audience"], order["algorithms"]
        headers = {"Host": order["host"]} if "host" in order else {}
        url = order.get("keys") or discovered(order, headers)
        self.keys = Keys(url, headers=headers, lifespan=order.get("lifespan", 300))

    def verify(self, token):
        key = self.keys.get_signing_key_from_jwt(token)
        return jwt.decode_complete(
            token,
            key,
            algorithms=self.algorithms,
            audience=self.audience,
            issuer=self.issuer,
            options={"require": REQUIRED},
        )


def discovered(order, headers):
    """Where the document says that the keys are, by the way that led to the document."""
    with urllib.request.urlopen(urllib.request.Request(order["discovery"], headers=headers)) as answer:
        document = json.load(answer)
    if document["issuer"] != order["issuer"]:
        raise ValueError(f"a document of {document['issuer']}")
    named = urllib.parse.urlsplit(document["jwks_uri"])
    here = urllib.parse.urlsplit(order["discovery"])
    return urllib.parse.urlunsplit((here.scheme, here.netloc, named.path, named.query, ""))


class Service(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer is a head and a body, which should not wait for one another.
    disable_nagle_algorithm = True

    def body(self):
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", "0")))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def answer(self):
        body = self.body().decode("latin-1")
        came = {"request": self.requestline, "head": self.headers.items(), "body": body}
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        found = {"token": token, "same": self.headers.get_all("x-auth-request-token") == [token]}
        try:
            if scheme != "Bearer" or len(self.headers.get_all("authorization")) != 1:
                raise jwt.InvalidTokenError("there is no token")
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
            if issuer not in TRUSTED:
                raise jwt.InvalidIssuerError(f"nothing is known of {issuer}")
            good = TRUSTED[issuer].verify(token)
            status, found["header"], found["claims"] = 200, good["header"], good["payload"]
        except jwt.PyJWTError as error:
            status, found["error"] = 401, f"{type(error).__name__}: {error}"
        with LOCK:
            COUNT["good" if status == 200 else "bad"] += 1
        self.reply(status, json.dumps({**came, **found}).encode())

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        """Nobody reads a line for each request."""


for method in ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "PROPFIND", "REPORT", "SEARCH", "TRACE"]:
    setattr(Service, f"do_{method}", Service.answer)


def obey(order):
    global TRUSTED
    if "trust" in order:
        TRUSTED = {trusted["issuer"]: Trusted(trusted) for trusted in order["trust"]}
        return {"keys": [trusted.keys.uri for trusted in TRUSTED.values()]}
    with LOCK:
        return {"good": COUNT["good"], "bad": COUNT["bad"], "fetches": dict(FETCHES)}


LOCK = threading.Lock()
COUNT, FETCHES = collections.Counter(), collections.Counter()
TRUSTED = {}


class Server(http.server.ThreadingHTTPServer):
    # Many clients at once are Envoy's connections at once.
    request_queue_size = 128


server = Server(("127.0.0.1", int(os.environ.get("PORT", "0"))), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"origin": f"http://127.0.0.1:{server.server_port}"}), flush=True)
for line in sys.stdin:
    print(json.dumps(obey(json.loads(line))), flush=True)
