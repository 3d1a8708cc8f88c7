"""What a client meets: the development issuer, Envoy as envoy/envoy.yaml has it, and one real service behind."""

import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from processes import START_LIMIT, Failed, Program, free_ports, typed, wait_for
from recorder import Recorder
from secrets_kept import Secrets

PROJECT = Path(__file__).resolve().parents[2]
# A proxy for the internet, if one is set, does not lead to this machine's own ports.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def printed(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(done.stderr.strip() or f"{command[0]} failed")
    return done.stdout.strip()


def fetched(*client):
    """The folder of what tests/fetch-clients fetches."""
    return Path(printed([PROJECT / "tests/fetch-clients", *client]))


class World:
    """What all clients have in common."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="postern-clients-"))
        self.secrets = Secrets()
        self.programs = []
        (self.issuer_port,) = free_ports(1)

    def prepare(self):
        self.python = fetched()
        self.envoy = printed([PROJECT / "envoy/fetch-envoy"])
        key = self.folder / "signing-key.pem"
        printed([PROJECT / "envoy/signing-key", key])
        self.signing_key = key.read_text()
        postern = os.environ.get("POSTERN", PROJECT / "target/debug/postern")
        issuer = self.start(
            "issuer", [postern, "issuer", "--listen", f"127.0.0.1:{self.issuer_port}"], self.folder / "issuer.log"
        )
        issuer.wait_until("listens", lambda: "listening on " in issuer.said())

    def start(self, *program, **more):
        """A program that is gone when all is over, if nobody stopped it before."""
        self.programs.append(Program(*program, **more))
        return self.programs[-1]

    def mint(self, **claims):
        query = urllib.parse.urlencode(claims)
        with DIRECT.open(f"http://127.0.0.1:{self.issuer_port}/mint?{query}", timeout=30) as answer:
            return self.secrets.add(answer.read().decode().strip())

    def stop(self):
        for program in reversed(self.programs):
            program.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Stage:
    """One Envoy, and one service behind it, which nobody reaches but through Envoy and what records the way there.

    `edit` changes the sample's text, where the service cannot be had under the sample's own paths.
    """

    def __init__(self, world, name, serve, edit=lambda text, stage: text, patience=START_LIMIT):
        self.world, self.name = world, name
        self.folder = world.folder / name
        self.folder.mkdir()
        self.programs, self.recorder, self.markers = [], None, 0
        self.port, self.admin_port, recorder_port, self.service_port = free_ports(4)
        self.host = f"127.0.0.1:{self.port}"
        try:
            self.programs.append(serve(self))
            self.programs[0].listening(self.service_port, patience)
            self.recorder = Recorder(recorder_port, self.service_port)
            self.envoy = self._start_envoy(recorder_port, edit)
        except BaseException:
            self.stop()
            raise

    def _start_envoy(self, upstream_port, edit):
        config = self.folder / "envoy.yaml"
        config.write_text(edit(with_ports(self.port, self.admin_port, self.world.issuer_port, upstream_port), self))
        # One worker keeps the start short. Without hot restart, which would let only one Envoy run on a machine.
        options = ["--concurrency", "1", "--disable-hot-restart", "--file-flush-interval-msec", "20"]
        envoy = self.world.start(
            "envoy",
            [self.world.envoy, "--config-path", str(config), *options],
            self.folder / "envoy.log",
            env={**os.environ, "POSTERN_SIGNING_KEY": self.world.signing_key},
            cwd=PROJECT,
        )
        self.programs.append(envoy)
        envoy.wait_until("is ready", lambda: status(f"http://127.0.0.1:{self.admin_port}/ready") == 200)
        # The issuer's keys are there: a request with a token is decided, and this path is nobody's.
        envoy.wait_until("answers", lambda: status(f"http://{self.host}/nobody") == 403)
        return envoy

    def start(self, name, command, cwd=None, **variables):
        """A program that belongs to this stage; with what PyPI has for all, unless it says otherwise."""
        env = {**os.environ, "PYTHONPATH": str(self.world.python), "PYTHONUNBUFFERED": "1", **variables}
        return self.world.start(name, command, self.folder / f"{name}.log", env=env, cwd=cwd)

    def home(self, client):
        """A home folder of its own, so that no setting of this machine takes part."""
        folder = self.folder / f"home-{client}"
        folder.mkdir(exist_ok=True)
        return folder

    def environment(self, home, token, programs=()):
        """What the user's shell has, with $TOKEN and $HOST."""
        paths = [f"{folder}/usr/{kind}" for folder in programs for kind in ("bin", "sbin")]
        libraries = {"LD_LIBRARY_PATH": ":".join(f"{folder}/shared" for folder in programs)} if programs else {}
        return {
            "PATH": ":".join([*paths, f"{self.world.python}/bin", os.environ["PATH"]]),
            "PYTHONPATH": str(self.world.python),
            "PYTHONWARNINGS": "ignore",
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "no_proxy": "*",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "HOST": self.host,
            "TOKEN": token,
            **libraries,
        }

    def version(self, client):
        programs = [fetched(name) for name in client.programs]
        said, code = typed(client.version, self.folder, self.environment(self.folder, "", programs))
        if code:
            raise Failed(f"{client.name} does not run here: {said}")
        return said.strip()

    def logged(self):
        """What Envoy has answered so far: method, path, status. All of it: a request of our own comes last."""
        self.markers += 1
        path = f"/marker-{self.markers}"
        status(f"http://{self.host}{path}")
        log = wait_for("the access log", lambda: self.envoy.said() if path in self.envoy.said() else "", limit=30)
        return [
            (method, path, int(code))
            for method, path, code in re.findall(r"^\[[^]]*\] (\S+) (\S+) HTTP/\S+ (\d+) ", log, re.MULTILINE)
            if not path.startswith(("/marker-", "/nobody"))
        ]

    def keeps_secrets(self):
        """Raises where a token is in what Envoy wrote, or in what the service wrote of requests."""
        for program in self.programs:
            if self.world.secrets.found_in(program.said().encode()):
                raise Failed(f"{self.name}: a token is in what {program.name} logs")

    def stop(self):
        for program in reversed(self.programs):
            with contextlib.suppress(OSError):
                program.stop()
        if self.recorder:
            self.recorder.stop()


def status(url):
    try:
        with DIRECT.open(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return None


def with_ports(port, admin_port, issuer_port, upstream_port):
    """envoy/envoy.yaml with other ports, as `make run` writes it, and with the module that is tested."""
    module = "target/wasm32-wasip1/release/postern.wasm"
    ports = {"10000": port, "9901": admin_port, "9010": issuer_port, "8081": upstream_port}
    text = (PROJECT / "envoy/envoy.yaml").read_text().replace(module, os.environ.get("POSTERN_WASM", module))
    # In one go: a new port that looks like another old one is left alone.
    return re.sub(
        r"(port_value: |http://127\.0\.0\.1:)(10000|9901|9010|8081)\b",
        lambda found: f"{found[1]}{ports[found[2]]}",
        text,
    )


def claims_of(token):
    """What a token says, unchecked."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
