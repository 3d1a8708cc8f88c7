"""Clients of a TAP service: pyvo and STILTS, on a small service under the sample's /api/tap."""

import sys

from steps import Step
from world import PROJECT, Stage, fetched


def small_tap(stage):
    server = str(PROJECT / "tests/clients/servers/tap_server.py")
    return stage.start("tap-server", [sys.executable, server, str(stage.service_port), "/api/tap"])


def stage(world):
    made = Stage(world, "tap", small_tap)
    made.token = world.mint(user="alice", scope="read:tap")
    made.expired = world.mint(user="alice", scope="read:tap", lifetime="-1h")
    return made


BEARER = """\
session = requests.Session()
session.headers["Authorization"] = f"Bearer {token}"
"""
ABOUT = "a rule with `access: optional` for `/capabilities`"
PASSWORD = """\
session = pyvo.auth.AuthSession()
session.credentials.set_password("x-oauth-basic", token)
"""
SYNC = """\
for star in service.run_sync("select top 2 name, mag from survey.stars order by mag"):
    print(star["name"], star["mag"])
"""


def in_python(session, path, rest):
    return f"""\
python3 - <<'END'
import os, pyvo, requests
token, host = os.environ["TOKEN"], os.environ["HOST"]
{session}service = pyvo.dal.TAPService(f"http://{{host}}{path}", session=session)
{rest}END"""


def by_stilts(arguments, path="/api/tap"):
    """STILTS takes user and password as Java's own settings, for all that it asks."""
    basic = "-Dstar.basicauth.user=x-oauth-basic -Dstar.basicauth.password=$TOKEN"
    return f"stilts {basic} {arguments.replace('SERVICE', f'http://$HOST{path}')}"


def pyvo(stage):
    def step(way, session, rest, prints, **more):
        values = {"token": stage.token, "prints": prints, "asked": False, **more}
        return Step("pyvo", way, in_python(session, "/api/tap", rest), **values)

    vega = [r"^Vega 0\.03$", r"^Altair 0\.76$"]
    count = """\
job = service.submit_job("select count(*) as n from survey.stars")
job.run()
job.wait(timeout=60)
print(job.phase, job.owner, job.fetch_result()["n"][0])
job.delete()
"""
    columns = "for table in service.tables:\n    print(table.name, [column.name for column in table.columns])\n"
    # Longer than Envoy lets a route take by default.
    long = 'print(service.run_sync("select pause(17) as seconds")["seconds"][0])\n'
    return [
        step("a `requests` session with the header", BEARER, SYNC, vega),
        step("", BEARER, count, ["^COMPLETED alice 3$"], methods=("GET", "POST", "DELETE")),
        step("`AuthSession` with user and password", PASSWORD, SYNC, vega, strangers=True, needs=ABOUT),
        # It asks for each table by itself, and without the session.
        step("", BEARER, columns, [r"^survey\.stars \['name', 'mag'\]$"], strangers=True),
        step("", BEARER, long, ["^17$"]),
        step("", BEARER, SYNC, ["401 Client Error"], token=stage.expired, user=None, ends=1, asked=None, shown=2),
    ]


def stilts(stage):
    programs = (fetched("stilts"),)

    def step(way, arguments, prints, **more):
        values = {"token": stage.token, "prints": prints, "asked": True, "programs": programs, "shown": 8, **more}
        return Step("stilts", way, by_stilts(arguments), **values)

    query = "tapquery tapurl=SERVICE adql='select top 2 name, mag from survey.stars order by mag' ofmt=csv"
    vega = ["^Vega,0.03$", "^Altair,0.76$"]
    return [
        step("`-Dstar.basicauth.user=x-oauth-basic -Dstar.basicauth.password=$TOKEN`", f"{query} sync=true", vega),
        step("", f"{query} sync=false", vega, methods=("GET", "POST")),
    ]
