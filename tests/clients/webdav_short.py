"""The file server for clients built on neon, which cut user and password at 255 characters: the sample with names so
short that a token of the exchange fits, as README's "Short tokens" has it."""

import files
from processes import Failed
from world import Stage

# By which the entry for its own tokens is told from the issuer's.
CLAIMS = " " * 22 + "claims: { user: uid }"
SHORTER = [
    # The filter's own name, as an issuer of tokens and in the entry that takes them.
    ("issuer: http://127.0.0.1:{port}/postern\n", "issuer: http://127.0.0.1:{port}\n"),
    ("- env: POSTERN_SIGNING_KEY\n", '- { env: POSTERN_SIGNING_KEY, kid: "1" }\n'),
    ("exchange: { audiences: [https://postern.dev], ", "exchange: { audiences: [dev], path: /token, "),
    ("audiences: [https://postern.dev]\n" + CLAIMS, "audiences: [dev]\n" + CLAIMS),
    # The capabilities of the rules for /files.
    ('any_of: ["read:workspace", "read:workspace/user"]', 'any_of: ["r:dav"]'),
    ('all_of: ["write:workspace/user"]', 'all_of: ["w:dav"]'),
]


def shorter(text, stage):
    for old, new in SHORTER:
        old, new = (side.replace("{port}", str(stage.port)) for side in (old, new))
        if old not in text:
            raise Failed(f"envoy/envoy.yaml has no {old!r}")
        text = text.replace(old, new)
    return text


def stage(world):
    made = Stage(world, "short", files.wsgidav, shorter)
    made.writes = world.mint(user="alice", scope="r:dav w:dav")
    return made
