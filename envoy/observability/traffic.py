"""Requests of every kind, in a mixture as a platform has it, against the routes of envoy/envoy.yaml."""

import base64
import http.client
import json
import math
import random
import threading
import time
import urllib.parse
import urllib.request

WORKERS = 4
# Requests a second, about which the number goes up and down.
RATE = 40
# So many users are about, each with a token of an hour.
USERS = 60

# name, weight, method, path, which token
KINDS = [
    ("a query", 40, "GET", "/api/tap/sync", "reader"),
    ("a file", 14, "GET", "/files/a.txt", "reader"),
    ("a file is written", 5, "PUT", "/files/a.txt", "writer"),
    ("a public page", 10, "GET", "/public/index.html", None),
    ("a stranger who may come in", 4, "GET", "/hello", None),
    ("a service looks at jobs", 6, "GET", "/jobs/1", "poller"),
    ("a notebook", 3, "GET", "/notebook", "notebook"),
    ("images, the rule is tried out", 4, "GET", "/api/images/1", "reader"),
    ("images with the capability", 2, "GET", "/api/images/1", "imager"),
    ("no token", 4, "GET", "/api/tap/sync", None),
    ("a capability is missing", 3, "PUT", "/files/a.txt", "reader"),
    ("a service may not", 1, "DELETE", "/jobs/1", "poller"),
    ("expired", 1, "GET", "/api/tap/sync", "expired"),
    ("an issuer nobody knows", 1, "GET", "/api/tap/sync", "elsewhere"),
    ("for another audience", 0.6, "GET", "/api/tap/sync", "audience"),
    ("forged", 0.6, "GET", "/api/tap/sync", "forged"),
    ("a key nobody has", 0.3, "GET", "/api/tap/sync", "unknown_key"),
    ("no rule", 0.6, "GET", "/elsewhere", "reader"),
]


def _part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


class Tokens:
    """Tokens of the development issuer, of every kind. After a change of its keys `moved` of all users have new ones."""

    def __init__(self, issuer):
        self.issuer = issuer
        self.pool = self.renewed = None
        self.moved = 0

    def mint(self, body=None, **parameters):
        url = f"{self.issuer}/mint?{urllib.parse.urlencode(parameters)}"
        data = json.dumps(body).encode() if body else None
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(url, data=data), timeout=10) as answer:
            return answer.read().decode().strip()

    def fetch(self):
        self.pool = self.make()

    def renew(self):
        """Makes new ones, which nobody has yet."""
        self.pool, self.renewed, self.moved = self.renewed or self.pool, self.make(), 0

    def make(self):
        scope = "read:tap read:workspace"
        reader = [self.mint(user=f"user{n}", uid=1000 + n, scope=scope) for n in range(USERS)]
        head, rest = reader[0].split(".", 1)
        return {
            "reader": reader,
            "writer": [self.mint(user=f"user{n}", scope="write:workspace/user") for n in range(10)],
            "imager": [self.mint(user=f"user{n}", scope="read:image") for n in range(10)],
            "poller": [self.mint(user="jobs-poller", client="jobs-poller")],
            "notebook": [self.mint(user="user1", scope="exec:notebook", login="1h")],
            "expired": [self.mint(user="user2", scope=scope, lifetime="-1h")],
            "elsewhere": [self.mint({"iss": "https://elsewhere.example.org"}, user="user3", scope=scope)],
            "audience": [self.mint(user="user4", scope=scope, aud="https://other.example.org")],
            "forged": [f"{head}.{rest[:-8]}AAAAAAAA"],
            "unknown_key": [f"{_part({'alg': 'RS256', 'kid': 'nobody-has-it', 'typ': 'JWT'})}.{rest}"],
        }

    def one(self, kind):
        pool = self.renewed if random.random() < self.moved else self.pool
        return random.choice(pool[kind])


class Traffic:
    """Sends until it is stopped. `extra` is a kind that comes so much more often: a client that does not stop."""

    def __init__(self, port, tokens):
        self.port, self.tokens = port, tokens
        self.extra = {}
        self.sent, self.failed = {}, 0
        self.began = time.monotonic()
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(WORKERS)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _run(self):
        connection = None
        while not self.over.is_set():
            weights = [weight + self.extra.get(name, 0) for name, weight, *_ in KINDS]
            # A wave of four minutes, and what comes on top of it.
            wave = 1 + 0.35 * math.sin((time.monotonic() - self.began) / 240 * 2 * math.pi)
            rate = RATE * wave * sum(weights) / sum(kind[1] for kind in KINDS)
            if self.over.wait(random.expovariate(rate / WORKERS)):
                return
            _, _, method, path, token = random.choices(KINDS, weights)[0]
            headers = {"authorization": f"Bearer {self.tokens.one(token)}"} if token else {}
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                connection.request(method, path, body=b"new" if method == "PUT" else None, headers=headers)
                answer = connection.getresponse()
                answer.read()
                with self.lock:
                    self.sent[answer.status] = self.sent.get(answer.status, 0) + 1
            except (OSError, http.client.HTTPException):
                connection = None
                with self.lock:
                    self.failed += 1
