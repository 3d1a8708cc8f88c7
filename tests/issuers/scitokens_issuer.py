"""An issuer of SciTokens and of WLCG's tokens, by the scitokens library.

It listens on a port that is free, or on $PORT, and prints one line of JSON when it does. From then on each line of its
standard input is a question, which it answers by a line, and it ends with its standard input:

    {"mint": {claims}, "lifetime": 600, "algorithm": "ES256", "kid": "es256", "without": [names]} -> {"token": "..."}
    {"ask": {"token": "...", "authz": "read", "path": "/p"}} -> {"may": true, "why": null}

`iss`, `exp`, `iat` and `nbf` are the library's. The argument is the place of the metadata; what stands in it before
/.well-known/ is a part of the issuer's name.
"""

import http.server
import json
import os
import sys
import threading

import jwt
import scitokens
from cryptography.hazmat.primitives.asymmetric import ec, rsa

(METADATA,) = sys.argv[1:]
KEYS = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": rsa.generate_private_key(65537, 2048),
}


def jwk(name, key):
    public = jwt.get_algorithm_by_name(name).to_jwk(key.public_key(), as_dict=True)
    public.pop("key_ops", None)
    return {**public, "kid": name.lower(), "alg": name, "use": "sig"}


JWKS = {"keys": [jwk(name, key) for name, key in KEYS.items()]}


class Documents(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        documents = {METADATA: {"issuer": ISSUER, "jwks_uri": f"{ORIGIN}/keys"}, "/keys": JWKS}
        document = documents.get(self.path)
        body = json.dumps(document).encode()
        self.send_response(404 if document is None else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def mint(question):
    name = question.get("algorithm", "ES256")
    kid = question.get("kid", name.lower())
    token = scitokens.SciToken(key=KEYS[name], algorithm=name, key_id=kid)
    token.update_claims(question["mint"])
    text = token.serialize(issuer=ISSUER, lifetime=question.get("lifetime", 600)).decode()
    without = question.get("without", [])
    if without:
        # The library can't leave out what it sets itself: the same token is signed again.
        claims = jwt.decode(text, options={"verify_signature": False})
        claims = {claim: value for claim, value in claims.items() if claim not in without}
        text = jwt.encode(claims, KEYS[name], algorithm=name, headers={"kid": kid})
    return {"token": text}


def ask(question):
    # It finds the key as anybody would, by the token's issuer.
    token = scitokens.SciToken.deserialize(question["token"], insecure=True)
    enforcer = scitokens.Enforcer(ISSUER, audience=["https://api.test"])
    may = enforcer.test(token, question["authz"], question["path"])
    return {"may": may, "why": enforcer.last_failure}


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "0"))), Documents)
ORIGIN = f"http://127.0.0.1:{server.server_port}"
ISSUER = ORIGIN + METADATA.partition("/.well-known/")[0]
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"issuer": ISSUER}), flush=True)
for line in sys.stdin:
    question = json.loads(line)
    answer = mint(question) if "mint" in question else ask(question["ask"])
    print(json.dumps(answer), flush=True)
