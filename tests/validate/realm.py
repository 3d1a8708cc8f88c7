"""Checks a realm's file for Keycloak, which refuses to start over a member that it does not know.

The names are those of Keycloak 26.7's own representations, as far as the file uses them.
"""

import json
import sys

MAPPER = {"name", "protocol", "protocolMapper", "config"}
KNOWN = {
    "realm": {"realm", "enabled", "accessTokenLifespan", "groups", "users", "clients"},
    "groups": {"name"},
    "users": {"username", "enabled", "email", "emailVerified", "firstName", "lastName", "groups", "credentials"},
    "credentials": {"type", "value", "temporary"},
    "clients": {
        "clientId", "enabled", "protocol", "publicClient", "standardFlowEnabled", "implicitFlowEnabled",
        "directAccessGrantsEnabled", "serviceAccountsEnabled", "fullScopeAllowed", "protocolMappers",
    },
    "protocolMappers": MAPPER,
}
MAPPERS = {
    "oidc-audience-mapper": {"included.custom.audience"},
    "oidc-sub-mapper": set(),
    "oidc-usermodel-attribute-mapper": {"user.attribute", "claim.name", "jsonType.label"},
    "oidc-group-membership-mapper": {"claim.name", "full.path"},
}
# What any of them may have. All of it is text: Keycloak keeps it so.
ANY = {"access.token.claim", "id.token.claim"}
problems = []


def check(kind, path, value):
    for name in value.keys() - KNOWN[kind]:
        problems.append(f"{path}.{name}: not known here")
    for name, inner in value.items():
        if name in KNOWN and isinstance(inner, list):
            for index, element in enumerate(inner):
                if isinstance(element, dict):
                    check(name, f"{path}.{name}[{index}]", element)
    if kind == "protocolMappers":
        check_mapper(path, value)


def check_mapper(path, mapper):
    needed = MAPPERS.get(mapper.get("protocolMapper"))
    if needed is None:
        problems.append(f"{path}.protocolMapper: {mapper.get('protocolMapper')} is not known here")
        return
    config = mapper.get("config", {})
    for name in needed - config.keys():
        problems.append(f"{path}.config.{name}: missing")
    for name in config.keys() - needed - ANY:
        problems.append(f"{path}.config.{name}: not known here")
    if config.get("access.token.claim") != "true":
        problems.append(f"{path}: is not in access tokens")
    for name, text in config.items():
        if not isinstance(text, str):
            problems.append(f"{path}.config.{name}: not a text")


def unique(pairs):
    names = [name for name, _ in pairs]
    problems.extend(f"{name}: stands twice" for name in {name for name in names if names.count(name) > 1})
    return dict(pairs)


with open(sys.argv[1], encoding="utf-8") as file:
    realm = json.load(file, object_pairs_hook=unique)
check("realm", "realm", realm)
if not realm.get("enabled") or not all(client.get("enabled") for client in realm.get("clients", [])):
    problems.append("the realm or a client is not enabled")
groups = {"/" + group["name"] for group in realm.get("groups", [])}
for user in realm.get("users", []):
    for group in set(user.get("groups", [])) - groups:
        problems.append(f"{user.get('username')}: no group {group}")
    # Without these Keycloak gives no token: "Account is not fully set up".
    for name in {"email", "firstName", "lastName"} - user.keys():
        problems.append(f"{user.get('username')}: no {name}")
    for credential in user.get("credentials", []):
        if not str(credential.get("value", "")).startswith("${"):
            problems.append(f"{user.get('username')}: a password stands in the file")
for problem in problems:
    print(problem)
sys.exit(bool(problems))
