"""A small service that speaks TAP 1.1: what pyvo and STILTS ask for, over a table in SQLite. Not a full one: no
uploads, of ADQL only what SQLite understands and TOP."""

import re
import sqlite3
import sys
import threading
import time
import uuid
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from cheroot.wsgi import Server
from votable import failed, table
from vosi import availability, capabilities, tables

PORT, BASE = int(sys.argv[1]), sys.argv[2]

DATA = """
ATTACH ':memory:' AS survey;
CREATE TABLE survey.stars (name TEXT, mag REAL);
INSERT INTO survey.stars VALUES ('Vega', 0.03), ('Altair', 0.76), ('Deneb', 1.25);
ATTACH ':memory:' AS tap_schema;
CREATE TABLE tap_schema.tables (schema_name TEXT, table_name TEXT);
INSERT INTO tap_schema.tables VALUES ('survey', 'survey.stars'), ('tap_schema', 'tap_schema.tables');
"""


def ask(adql):
    """The column names and rows; `pause(seconds)` is a query that takes its time."""
    database = sqlite3.connect(":memory:")
    database.executescript(DATA)
    database.create_function("pause", 1, lambda seconds: time.sleep(seconds) or seconds)
    top = re.match(r"(?is)\s*select\s+top\s+(\d+)\s", adql)
    if top:
        adql = f"select {adql[top.end():]} limit {top[1]}"
    rows = database.execute(adql)
    return [column[0] for column in rows.description], rows.fetchall()


def result(parameters):
    try:
        return "200 OK", table(*ask(parameters["QUERY"]))
    except (KeyError, sqlite3.Error) as error:
        return "400 Bad Request", failed(str(error))


class Job:
    def __init__(self, parameters, owner):
        self.name, self.owner = uuid.uuid4().hex[:12], owner
        self.parameters, self.phase, self.result = parameters, "PENDING", None

    def run(self):
        self.phase = "EXECUTING"
        status, self.result = result(self.parameters)
        self.phase = "COMPLETED" if status.startswith("200") else "ERROR"

    def described(self, base):
        parameters = "".join(
            f'<uws:parameter id="{escape(name)}">{escape(value)}</uws:parameter>'
            for name, value in self.parameters.items()
        )
        results = f'<uws:result id="result" xlink:href="{base}/async/{self.name}/results/result"/>'
        return f"""<?xml version="1.0"?>
<uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1">
<uws:jobId>{self.name}</uws:jobId><uws:ownerId>{escape(self.owner)}</uws:ownerId><uws:phase>{self.phase}</uws:phase>
<uws:quote/><uws:executionDuration>60</uws:executionDuration>
<uws:parameters>{parameters}</uws:parameters>
<uws:results>{results if self.phase == "COMPLETED" else ""}</uws:results>
</uws:job>"""


JOBS = {}


def parameters_of(request):
    text = request.get("QUERY_STRING", "")
    if request["REQUEST_METHOD"] == "POST":
        text += "&" + request["wsgi.input"].read().decode()
    return {name.upper(): values[-1] for name, values in parse_qs(text).items()}


def job_answer(base, request, parameters, name, rest):
    method, owner = request["REQUEST_METHOD"], request.get("HTTP_X_AUTH_REQUEST_USER", "")
    if not name:
        if method == "GET":
            return "200 OK", '<uws:jobs xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" version="1.1"/>'
        job = Job(parameters, owner)
        JOBS[job.name] = job
        return "303 See Other", f"{base}/async/{job.name}"
    job = JOBS.get(name)
    # A job is its owner's.
    if job is None or job.owner != owner:
        return "404 Not Found", "no such job"
    if method == "DELETE" or parameters.get("ACTION") == "DELETE":
        del JOBS[name]
        return "303 See Other", f"{base}/async"
    if rest == "phase" and method == "POST":
        threading.Thread(target=job.run, daemon=True).start()
        return "303 See Other", f"{base}/async/{name}"
    if method == "POST":
        job.parameters.update(parameters)
        return "303 See Other", f"{base}/async/{name}"
    shown = {"": job.described(base), "phase": job.phase, "results/result": job.result, "error": job.result}
    return ("200 OK", shown[rest]) if shown.get(rest) else ("404 Not Found", "nothing here")


def answer(base, request, parameters, path):
    first, _, rest = path.partition("/")
    if first == "sync":
        return result(parameters)
    if first == "async":
        name, _, rest = rest.partition("/")
        return job_answer(base, request, parameters, name, rest)
    brief = parameters.get("DETAIL") == "min"
    documents = {"availability": availability(), "capabilities": capabilities(base), "tables": tables(brief)}
    return ("200 OK", documents[first]) if first in documents else ("404 Not Found", "nothing here")


def service(request, respond):
    base = f"http://{request['HTTP_HOST']}{BASE}"
    path = request["PATH_INFO"].removeprefix(BASE).strip("/")
    status, body = answer(base, request, parameters_of(request), path)
    if status.startswith("303"):
        respond(status, [("Location", body), ("Content-Length", "0")])
        return []
    body = body.encode()
    kind = "text/xml" if body.startswith(b"<") else "text/plain"
    if b"<VOTABLE" in body:
        kind = "application/x-votable+xml"
    respond(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


Server(("127.0.0.1", PORT), service, numthreads=10).start()
