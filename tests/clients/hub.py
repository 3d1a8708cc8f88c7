"""A JupyterHub with JupyterLab, on the sample's /notebook: who logs in comes with a token, the hub's own tokens and
cookies are left to the hub."""

import secrets

from processes import Failed, free_ports
from steps import Step
from world import PROJECT, Stage, fetched

METADATA = '                metadata: { filter_metadata: { postern: { capabilities: "exec:notebook" } } }\n'
BEFORE = "                    - name: git\n"
RULES = """\
                    - name: hub-login
                      match: { path: /notebook/hub/login }
                      require:
                        capabilities: { all_of: ["exec:notebook"] }
                    - name: hub
                      match: { prefix: /notebook }
                      access: optional
                      foreign_authorization: pass
"""


def with_rules_for_a_hub(text, _):
    """The hub has sessions of its own, so not every request comes with a token."""
    if METADATA not in text or BEFORE not in text:
        raise Failed("envoy/envoy.yaml has no metadata for notebooks, or no rule for git")
    return text.replace(METADATA, "").replace(BEFORE, RULES + BEFORE)


def jupyterhub(stage):
    folder, (own_port, proxy_port) = fetched("jupyterhub"), free_ports(2)
    (stage.folder / "hub").mkdir()
    stage.hub_token = secrets.token_hex(16)
    settings = {
        # It has libraries of its own.
        "PYTHONPATH": "",
        "HUB_PORT": str(stage.service_port),
        "HUB_OWN_PORT": str(own_port),
        "HUB_PROXY_PORT": str(proxy_port),
        "HUB_FOLDER": str(stage.folder / "hub"),
        "HUB_PROXY": f"{folder}/node:{folder}/node_modules/configurable-http-proxy/bin/configurable-http-proxy",
        "HUB_TOKEN": stage.hub_token,
    }
    config = str(PROJECT / "tests/clients/jupyterhub/config.py")
    command = [str(folder / "bin/python"), "-m", "jupyterhub", "--config", config]
    return stage.start("jupyterhub", command, cwd=stage.folder / "hub", **settings)


def stage(world):
    made = Stage(world, "jupyterhub", jupyterhub, with_rules_for_a_hub)
    made.token = world.mint(user="alice", scope="exec:notebook", login="1m")
    made.other = world.mint(user="alice", scope="read:tap", login="1m")
    return made


NOTEBOOK = """\
python3 - <<'END'
import json, os, time, uuid, requests
from websockets.sync.client import connect

token, host = os.environ["TOKEN"], os.environ["HOST"]
hub = f"http://{host}/notebook"
session = requests.Session()
session.headers["Authorization"] = f"Bearer {token}"
print("login", session.get(f"{hub}/hub/login").status_code)
server = f"{hub}/user/alice"
for _ in range(120):
    lab = session.get(f"{server}/lab")
    if lab.url.split("?")[0] == f"{server}/lab" and "JupyterLab" in lab.text:
        break
    time.sleep(1)
print("lab", lab.status_code)
cookies = {one.name: one.value for one in session.cookies if "/notebook/user/alice/".startswith(one.path)}
xsrf = {"X-XSRFToken": cookies["_xsrf"]}
kernel = session.post(f"{server}/api/kernels", headers=xsrf, json={"name": "python3"}).json()
header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": "", "version": "5.3"}
content = {"code": "print(6 * 7)", "silent": False}
cell = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
headers = {
    "Authorization": f"Bearer {token}",
    "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
}
channels = f"ws://{host}/notebook/user/alice/api/kernels/{kernel['id']}/channels"
with connect(channels, additional_headers=headers) as channel:
    channel.send(json.dumps(cell))
    while True:
        message = json.loads(channel.recv(timeout=60))
        if message["msg_type"] == "stream":
            print("kernel says", message["content"]["text"])
            break
END"""


def steps(stage):
    culler = 'curl -sS --fail-with-body -H "Authorization: token $TOKEN" http://$HOST/notebook/hub/api/users'
    login = "curl -sS --fail-with-body --oauth2-bearer $TOKEN http://$HOST/notebook/hub/login"
    return [
        Step(
            "jupyterhub",
            "a `requests` session and a WebSocket with the header",
            NOTEBOOK,
            stage.token,
            ["^login 200$", "^lab 200$", "^kernel says 42$"],
            asked=False,
            methods=("GET", "POST"),
            shown=8,
        ),
        Step(
            "jupyterhub",
            "the hub's own token, `Authorization: token …`",
            culler,
            stage.hub_token,
            ['"name": "alice"'],
            asked=False,
            user=None,
            foreign="token ",
            shown=2,
        ),
        Step("jupyterhub", "", login, stage.other, ["exec:notebook"], ends=22, asked=False, user=None),
    ]
