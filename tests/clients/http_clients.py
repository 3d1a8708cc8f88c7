"""Clients that fetch a file: curl, wget, Python requests and httpie."""

from files import NOTES
from steps import Step

GETS = [NOTES.strip()]
NETRC = "printf 'machine 127.0.0.1 login x-oauth-basic password %s\\n' $TOKEN > ~/.netrc && chmod 600 ~/.netrc\n"


def curl(stage):
    def fetch(way, arguments, **more):
        command = f"curl -sS --fail-with-body {arguments}"
        return Step("curl", way, command, stage.reads, **{"prints": GETS, "asked": False, **more})

    return [
        fetch("`-u $TOKEN:x-oauth-basic`", "-u $TOKEN:x-oauth-basic http://$HOST/files/notes.txt"),
        fetch("`-u x-oauth-basic:$TOKEN`", "-u x-oauth-basic:$TOKEN http://$HOST/files/notes.txt"),
        fetch("`--oauth2-bearer $TOKEN`", "--oauth2-bearer $TOKEN http://$HOST/files/notes.txt"),
        fetch("URL `http://$TOKEN@…`", "http://$TOKEN@$HOST/files/notes.txt"),
        Step(
            "curl",
            "`--netrc-file FILE`",
            NETRC + "curl -sS --fail-with-body --netrc-file ~/.netrc http://$HOST/files/notes.txt",
            stage.reads,
            GETS,
            asked=False,
        ),
        Step(
            "curl",
            "",
            "curl -sS --fail-with-body --oauth2-bearer $TOKEN -T ~/.netrc http://$HOST/files/not-mine.txt",
            stage.reads,
            ["write:workspace/user", "403"],
            ends=22,
            user=None,
        ),
        Step(
            "curl",
            "",
            "curl -sS --fail-with-body -u $TOKEN: http://$HOST/files/notes.txt",
            stage.expired,
            ["The token has expired"],
            ends=22,
            user=None,
        ),
    ]


def wget(stage):
    def fetch(way, arguments, **more):
        command = f"wget -nv -O - {arguments}"
        return Step("wget", way, command, stage.reads, **{"prints": GETS, "asked": True, **more})

    return [
        fetch("URL `http://$TOKEN:x-oauth-basic@…`", "http://$TOKEN:x-oauth-basic@$HOST/files/notes.txt"),
        fetch("URL `http://x-oauth-basic:$TOKEN@…`", "http://x-oauth-basic:$TOKEN@$HOST/files/notes.txt"),
        Step("wget", "`.netrc`", NETRC + "wget -nv -O - http://$HOST/files/notes.txt", stage.reads, GETS, asked=True),
        fetch(
            "`--auth-no-challenge`",
            "--auth-no-challenge --user $TOKEN --password x-oauth-basic http://$HOST/files/notes.txt",
            asked=False,
        ),
        fetch("`--header`", '--header "Authorization: Bearer $TOKEN" http://$HOST/files/notes.txt', asked=False),
    ]


def requests(stage):
    def fetch(way, call, **more):
        command = f"""python3 - <<'END'
import os, requests
token, host = os.environ["TOKEN"], os.environ["HOST"]
answer = requests.get({call})
print(answer.status_code, answer.text)
END"""
        return Step("requests", way, command, stage.reads, **{"prints": ["^200 ", *GETS], "asked": False, **more})

    return [
        fetch("URL `http://$TOKEN:x-oauth-basic@…`", 'f"http://{token}:x-oauth-basic@{host}/files/notes.txt"'),
        fetch("`auth=`", 'f"http://{host}/files/notes.txt", auth=("x-oauth-basic", token)'),
        fetch(
            "header", 'f"http://{host}/files/notes.txt", headers={"Authorization": f"Bearer {token}"}'
        ),
        # It takes no user without a password, and then comes without both.
        fetch(
            "URL `http://$TOKEN@…`: **not sent by requests**",
            'f"http://{token}@{host}/files/notes.txt"',
            prints=["^401 "],
            asked=True,
            user=None,
        ),
        Step(
            "requests",
            "`.netrc`",
            NETRC + "python3 -c '\nimport os, requests\n"
            'print(requests.get("http://%s/files/notes.txt" % os.environ["HOST"]).text)\'',
            stage.reads,
            GETS,
            asked=False,
        ),
    ]


def httpie(stage):
    def fetch(way, arguments):
        return Step("httpie", way, f"http --check-status {arguments}", stage.reads, GETS, asked=False)

    return [
        fetch("`-A bearer -a $TOKEN`", "-A bearer -a $TOKEN GET http://$HOST/files/notes.txt"),
        fetch("`-a $TOKEN:x-oauth-basic`", "-a $TOKEN:x-oauth-basic GET http://$HOST/files/notes.txt"),
    ]
