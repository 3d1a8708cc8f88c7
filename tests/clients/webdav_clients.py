"""Clients that keep files on a WebDAV server: rclone, cadaver, davfs2."""

from files import NOTES
from steps import Step
from world import fetched

EXCHANGE = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&max_length=255"
SHORT_TOKEN = f"""\
SHORT=$(curl -sSf -X POST -u $TOKEN: "http://$HOST/token?{EXCHANGE}" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
"""


def rclone(stage):
    def step(way, command, prints, **more):
        return Step("rclone", way, command, stage.writes, prints, **{"asked": False, **more})

    create = "rclone config create lsp webdav url=http://$HOST/files vendor=other"
    return [
        step(
            "`user=$TOKEN pass=x-oauth-basic`",
            f"{create} user=$TOKEN pass=x-oauth-basic --obscure > /dev/null 2>&1\nrclone lsf lsp:",
            ["^notes.txt$"],
        ),
        step("", "rclone cat lsp:notes.txt", [NOTES.strip()], methods=("PROPFIND", "GET")),
        step(
            "`bearer_token=$TOKEN`",
            f"{create} bearer_token=$TOKEN > /dev/null 2>&1\nrclone lsf lsp:",
            ["^notes.txt$"],
        ),
        step(
            "`bearer_token_command`",
            "(umask 077; echo $TOKEN > token)\n"
            f"{create} bearer_token_command='cat token' > /dev/null 2>&1\nrclone lsf lsp:",
            ["^notes.txt$"],
        ),
        step(
            "",
            "echo 'clear until three' > night.txt && head -c 20000000 /dev/urandom > frame.fits\n"
            "rclone copy -v . lsp:2026/ --include '*.{txt,fits}'",
            ["night.txt: Copied", "frame.fits: Copied"],
            methods=("MKCOL", "PUT"),
            reissued=True,
        ),
        step(
            "",
            "rclone moveto -v lsp:2026/night.txt lsp:2026/first-night.txt && rclone lsf -R lsp:",
            ["^2026/first-night.txt$"],
            methods=("MOVE",),
            reissued=True,
        ),
        step(
            "",
            "rclone copy lsp:2026/ back && cat back/first-night.txt && cmp back/frame.fits frame.fits",
            ["clear until three"],
            methods=("GET",),
        ),
        Step(
            "rclone",
            "",
            f"{create} bearer_token=$TOKEN > /dev/null 2>&1\nrclone lsf lsp: --retries 1",
            stage.expired,
            ["401"],
            ends=1,
            user=None,
        ),
    ]


def cadaver(stage):
    programs = (fetched("cadaver"),)
    return [
        Step(
            "cadaver",
            "a token of the exchange with `max_length=255`, in `.netrc`",
            SHORT_TOKEN
            + """\
echo "$SHORT" > short-token && echo "${#SHORT} characters"
printf 'machine 127.0.0.1 login x-oauth-basic password %s\\n' $SHORT > ~/.netrc && chmod 600 ~/.netrc
echo 'clear until three' > night.txt
cadaver http://$HOST/files/ <<'END'
ls
put night.txt
get night.txt back.txt
END
cat back.txt""",
            stage.writes,
            ["^2[0-9][0-9] characters$", r"notes\.txt", "night.txt.*succeeded", "^clear until three$"],
            asked=True,
            methods=("PROPFIND", "PUT", "GET"),
            leaves="short-token",
            shown=20,
            programs=programs,
        ),
        # 255 characters of the user's own token are no token.
        Step(
            "cadaver",
            "",
            """\
printf 'machine 127.0.0.1 login x-oauth-basic password %s\\n' $TOKEN > ~/.netrc
echo ls | cadaver http://$HOST/files/""",
            stage.writes,
            ["Authentication"],
            asked=True,
            user=None,
            programs=programs,
        ),
    ]
