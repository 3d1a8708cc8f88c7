"""A file server behind Postern: WsgiDAV, on the sample's /files."""

import json

from world import Stage

NOTES = "The first light was seen at 02:14.\n"


def stage(world):
    made = Stage(world, "files", wsgidav)
    made.served = made.folder / "served"
    # Reading is one capability and writing another one; under the sample only who writes has a `reissue` rule.
    made.reads = world.mint(user="alice", scope="read:workspace")
    made.writes = world.mint(user="alice", uid=1000, scope="read:workspace write:workspace/user")
    made.expired = world.mint(user="alice", scope="read:workspace", lifetime="-1h")
    return made


def wsgidav(stage):
    folder = stage.folder / "served"
    folder.mkdir()
    (folder / "notes.txt").write_text(NOTES)
    config = {
        "host": "127.0.0.1",
        "port": stage.service_port,
        "provider_mapping": {"/files": str(folder)},
        # Who may do what is decided before a request gets here.
        "simple_dc": {"user_mapping": {"*": True}},
        "verbose": 3,
    }
    file = stage.folder / "wsgidav.json"
    file.write_text(json.dumps(config))
    return stage.start("wsgidav", [str(stage.world.python / "bin/wsgidav"), "--config", str(file)])
