"""A WebSocket, as a notebook's kernel has it: Python's websockets, on the sample's /notebook."""

import sys

from steps import Step
from world import PROJECT, Stage


def echo(stage):
    server = str(PROJECT / "tests/clients/servers/websocket_server.py")
    return stage.start("websocket-server", [sys.executable, server, str(stage.service_port)])


def stage(world):
    made = Stage(world, "websocket", echo)
    # Notebooks are for users who logged in.
    made.token = world.mint(user="alice", scope="exec:notebook", login="1m")
    made.expired = world.mint(user="alice", scope="exec:notebook", login="2h", lifetime="-1h")
    return made


def websockets(stage):
    def step(way, call, **more):
        command = f"""\
python3 - <<'END'
import os
from websockets.sync.client import connect
token, host = os.environ["TOKEN"], os.environ["HOST"]
with connect({call}) as kernel:
    for number in range(3):
        kernel.send(f"frame {{number}}")
        print(kernel.recv())
END"""
        values = {"token": stage.token, "prints": ["^frame 2$"], "asked": False, "methods": ("GET",), **more}
        values.setdefault("needs", "`upgrade_configs: [{ upgrade_type: websocket }]` in Envoy")
        return Step("websockets", way, command, **values)

    return [
        step("header", 'f"ws://{host}/notebook/kernel", additional_headers={"Authorization": f"Bearer {token}"}'),
        step("URL `ws://$TOKEN:x-oauth-basic@…`", 'f"ws://{token}:x-oauth-basic@{host}/notebook/kernel"'),
        step("URL `ws://x-oauth-basic:$TOKEN@…`", 'f"ws://x-oauth-basic:{token}@{host}/notebook/kernel"'),
        step(
            "",
            'f"ws://x-oauth-basic:{token}@{host}/notebook/kernel"',
            token=stage.expired,
            prints=["HTTP 401"],
            ends=1,
            asked=None,
            user=None,
            shown=2,
        ),
    ]
