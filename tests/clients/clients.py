"""All clients: where each one is run, and its steps."""

from dataclasses import dataclass

import dachs
import files
import git_client
import http_clients
import hub
import tap_clients
import webdav_clients
import webdav_short
import websocket_client
from processes import Failed
from world import PROJECT


@dataclass
class Client:
    name: str
    # Makes the Envoy and the service that it speaks to.
    stage: object
    steps: object
    # A command that prints which one it is.
    version: str
    # Whether it runs where nobody asked for it by name.
    always: bool = True
    # What Debian's packages it takes.
    programs: tuple = ()


CLIENTS = [
    Client("curl", files.stage, http_clients.curl, "curl --version | awk 'NR == 1 { print $2 }'"),
    Client("wget", files.stage, http_clients.wget, "wget --version | awk 'NR == 1 { print $3 }'"),
    Client("git", git_client.stage, git_client.git, "git --version | awk '{ print $3 }'"),
    Client("requests", files.stage, http_clients.requests, "python3 -c 'import requests as r; print(r.__version__)'"),
    Client("httpie", files.stage, http_clients.httpie, "http --version"),
    Client("pyvo", tap_clients.stage, tap_clients.pyvo, "python3 -c 'import pyvo; print(pyvo.__version__)'"),
    Client("rclone", files.stage, webdav_clients.rclone, "rclone version | awk 'NR == 1 { print $2 }'"),
    Client(
        "cadaver",
        webdav_short.stage,
        webdav_clients.cadaver,
        "{ cadaver --version || true; } | awk 'NR == 1 { print $2 }'",
        programs=("cadaver",),
    ),
    Client(
        "websockets",
        websocket_client.stage,
        websocket_client.websockets,
        "python3 -c 'import websockets; print(websockets.__version__)'",
    ),
    Client(
        "stilts",
        tap_clients.stage,
        tap_clients.stilts,
        "stilts -version | awk '/STILTS version/ { print $NF }'",
        always=False,
        programs=("stilts",),
    ),
    Client(
        "tap",
        dachs.stage,
        dachs.tap,
        "dpkg-query --show --showformat 'DaCHS ${Version}' gavodachs2-server",
        always=False,
    ),
    Client(
        "jupyterhub",
        hub.stage,
        hub.steps,
        "awk -F == '$1 == \"jupyterhub\" { print $2 }' " + str(PROJECT / "tests/clients/jupyterhub/requirements.txt"),
        always=False,
    ),
]


def named(names):
    known = {client.name: client for client in CLIENTS}
    unknown = [name for name in names if name not in known and name != "all"]
    if unknown:
        raise Failed(f"{', '.join(unknown)}: not known here; there are {', '.join(known)}, and all")
    if not names:
        return [client for client in CLIENTS if client.always]
    return [client for client in CLIENTS if client.name in names or "all" in names]


def by_stage(chosen):
    stages = {}
    for client in chosen:
        stages.setdefault(client.stage, []).append(client)
    return stages.items()
