"""git over HTTP: clone and push."""

import subprocess
import sys

from steps import Step
from world import PROJECT, Stage

HOOK = """#!/bin/sh
echo "$REMOTE_USER" >> pushed-by
"""


def repositories(stage):
    folder = stage.folder / "repositories"
    made = folder / "survey.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", made], check=True)
    hook = made / "hooks/post-receive"
    hook.write_text(HOOK)
    hook.chmod(0o755)
    stage.pushed_by = made / "pushed-by"
    server = str(PROJECT / "tests/clients/servers/git_server.py")
    return stage.start("git-server", [sys.executable, server, str(stage.service_port), str(folder)])


def stage(world):
    made = Stage(world, "git", repositories)
    made.token = world.mint(user="alice", scope="read:workspace")
    made.expired = world.mint(user="alice", scope="read:workspace", lifetime="-1h")
    return made


def git(stage):
    def step(way, command, prints, **more):
        return Step("git", way, command, **{"token": stage.token, "prints": prints, "asked": True, **more})

    def pushed_by_alice():
        names = stage.pushed_by.read_text().split() if stage.pushed_by.exists() else []
        return [] if names == ["alice"] else [f"the repository was pushed to by {names}"]

    me = "git config --global user.name Alice; git config --global user.email alice@example.org\n"
    return [
        step(
            "URL `http://$TOKEN:x-oauth-basic@…`",
            me
            + """\
git clone -q http://$TOKEN:x-oauth-basic@$HOST/git/survey.git by-url 2>&1
cd by-url && head -c 3000000 /dev/urandom > frame.fits
git add . && git commit -q -m 'First light' && git push origin HEAD""",
            ["new branch"],
            methods=("GET", "POST"),
            also=pushed_by_alice,
        ),
        step(
            "`http.extraHeader`",
            """\
git config --global http.http://$HOST/.extraHeader "Authorization: Bearer $TOKEN"
git clone -q http://$HOST/git/survey.git by-header && ls by-header
git config --global --unset http.http://$HOST/.extraHeader""",
            ["^frame.fits$"],
            asked=False,
        ),
        step(
            "a credential helper",
            """\
git config --global credential.helper '!f() { echo username=x-oauth-basic; echo "password=$TOKEN"; }; f'
git clone -q http://$HOST/git/survey.git by-helper && ls by-helper
git config --global --unset credential.helper""",
            ["^frame.fits$"],
        ),
        step(
            "",
            "git clone -q http://x-oauth-basic:$TOKEN@$HOST/git/survey.git again",
            ["Authentication failed"],
            token=stage.expired,
            ends=128,
            asked=None,
            user=None,
        ),
    ]
