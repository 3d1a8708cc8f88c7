"""GAVO's DaCHS, a TAP service that data centres run, asked by pyvo and STILTS. It takes root: see servers/dachs."""

from processes import Failed
from steps import Step
from tap_clients import ABOUT, BEARER, PASSWORD, by_stilts, in_python
from world import PROJECT, Stage, fetched

RULES = """\
                    - name: tap-jobs
                      match: { prefix: /__system__/tap }
                      require:
                        capabilities: { all_of: ["read:tap"] }
                      challenge: [bearer, basic]
"""


def with_its_paths(text, _):
    """It is at /tap, and sends clients to /__system__/tap for their jobs."""
    before = "                    - name: files-read\n"
    if before not in text or "/api/tap" not in text:
        raise Failed("envoy/envoy.yaml has no rule for /api/tap and files-read")
    return text.replace("/api/tap", "/tap").replace(before, RULES + before)


def served(stage):
    server = str(PROJECT / "tests/clients/servers/dachs")
    return stage.start("dachs", [server, str(stage.service_port), stage.host])


def stage(world):
    # Where it has to be installed first, that takes minutes.
    made = Stage(world, "dachs", served, with_its_paths, patience=900)
    made.token = world.mint(user="alice", scope="read:tap")
    return made


def tap(stage):
    programs = (fetched("stilts"),)

    def pyvo(way, session, rest, prints, **more):
        values = {"token": stage.token, "prints": prints, "asked": False, **more}
        return Step("tap", way, in_python(session, "/tap", rest), **values)

    def stilts(way, arguments, prints, **more):
        values = {"token": stage.token, "prints": prints, "programs": programs, **more}
        return Step("tap", way, by_stilts(arguments, "/tap"), **values)

    names = """\
for row in service.run_sync("select top 3 table_name from tap_schema.tables order by table_name"):
    print(row["table_name"])
"""
    count = """\
job = service.submit_job("select count(*) as n from tap_schema.columns")
job.run()
job.wait(timeout=60)
print(job.phase, job.fetch_result()["n"][0], "columns")
job.delete()
"""
    columns = 'print([column.name for column in service.tables["tap_schema.tables"].columns][:3])\n'
    query = "tapquery tapurl=SERVICE adql='select top 3 table_name from tap_schema.tables order by table_name' ofmt=csv"
    return [
        pyvo("pyvo, a `requests` session with the header", BEARER, names, [r"^tap_schema\.columns$"]),
        pyvo("", BEARER, count, ["^COMPLETED [1-9][0-9]* columns$"], methods=("POST", "GET", "DELETE")),
        pyvo("", BEARER, columns, ["schema_name"], strangers=True),
        # It tells clients of no way to log in: they have to be told.
        pyvo(
            "pyvo, `AuthSession` with user and password",
            PASSWORD
            + 'session.add_security_method_for_url(f"http://{host}/tap", pyvo.auth.securitymethods.BASIC)\n',
            names,
            [r"^tap_schema\.columns$"],
            strangers=True,
            needs=ABOUT,
        ),
        stilts("STILTS, `-Dstar.basicauth.…`", f"{query} sync=true", [r"^tap_schema\.columns"], asked=True),
        stilts("", f"{query} sync=false", [r"^tap_schema\.columns"], asked=True, methods=("POST", "GET")),
        stilts(
            "",
            "taplint tapurl=SERVICE stages='CAP AVV QGE QPO QAS' report=ESF",
            ["Totals: Errors: 0;"],
            asked=None,
            strangers=True,
            shown=12,
        ),
    ]
