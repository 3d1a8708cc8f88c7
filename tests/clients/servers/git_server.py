"""Git repositories over HTTP: git's own http-backend, which takes a push only from someone who has a name."""

import os
import subprocess
import sys

from cheroot.wsgi import Server

PORT, FOLDER = int(sys.argv[1]), sys.argv[2]


def backend(request, respond):
    body = request["wsgi.input"].read()
    variables = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": FOLDER,
        "GIT_HTTP_EXPORT_ALL": "1",
        "REQUEST_METHOD": request["REQUEST_METHOD"],
        "PATH_INFO": request["PATH_INFO"].removeprefix("/git"),
        "QUERY_STRING": request["QUERY_STRING"],
        "CONTENT_TYPE": request.get("CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": request.get("HTTP_CONTENT_ENCODING", ""),
        "GIT_PROTOCOL": request.get("HTTP_GIT_PROTOCOL", ""),
        # Who is calling is known from what the filter tells, and from nothing else.
        "REMOTE_USER": request.get("HTTP_X_AUTH_REQUEST_USER", ""),
    }
    done = subprocess.run(["git", "http-backend"], env=variables, input=body, stdout=subprocess.PIPE, check=True)
    head, _, rest = done.stdout.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    respond(fields.pop("Status", "200 OK"), list(fields.items()))
    return [rest]


Server(("127.0.0.1", PORT), backend).start()
