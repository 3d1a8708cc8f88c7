"""What was seen, as a reader sees it: on the terminal, and as TRANSCRIPT.md."""

from processes import Failed

LONGEST = 160


class Transcript:
    def __init__(self, secrets):
        self.secrets = secrets
        self.versions, self.outcomes = {}, []

    def version(self, client, version):
        self.versions[client] = version

    def add(self, outcome, stage):
        self.outcomes.append((outcome, stage))
        return self.of(outcome, stage)

    def of(self, outcome, stage):
        """Command, output and what became of it, without a token, and without this run's ports and folders."""
        step = outcome.step
        output = self.secrets.hide(outcome.output).replace(stage.host, "$HOST")
        output = output.replace(str(stage.home(step.client)), "~").replace(str(stage.world.python), "…")
        printed = shortened(output, step.shown)
        became = f"# ends with {outcome.code}; Envoy answered {outcome.told() or 'nothing'}; {arrived(outcome)}"
        text = "\n".join([f"$ {step.command}", *printed, became])
        if self.secrets.partly_in(text):
            raise Failed(f"{step.client} prints a part of a token")
        return text

    def count(self):
        return len(self.outcomes)

    def of_client(self, client):
        return [(outcome, stage) for outcome, stage in self.outcomes if outcome.step.client == client]

    def table(self, clients):
        rows = ["| client | version | the token is given as | it needs | Envoy answered |"]
        rows.append("| --- | --- | --- | --- | --- |")
        for client in clients:
            for outcome, _ in self.of_client(client):
                if outcome.step.way:
                    version = self.versions.get(client, "")
                    way, needs = outcome.step.way, needed(outcome)
                    rows.append(f"| {client} | {version} | {way} | {needs} | {outcome.told()} |")
        return "\n".join(rows)

    def document(self, clients):
        parts = ["# Clients that nobody here wrote\n", INTRODUCTION, self.table(clients)]
        for client in clients:
            shown = [self.of(outcome, stage) for outcome, stage in self.of_client(client)]
            parts.append(f"\n## {client} {self.versions.get(client, '')}".rstrip() + "\n")
            parts.append("```console\n" + "\n\n".join(shown) + "\n```")
        return "\n".join(parts) + "\n"


INTRODUCTION = """\
Written by `make clients ONLY=all TRANSCRIPT=1`. Each command was run as it stands, through a real Envoy with the
filter and [envoy/envoy.yaml](../../envoy/envoy.yaml), in front of a real server. `$TOKEN` is the user's token, `$HOST`
is where Envoy listens. After each command: how it ended, what Envoy answered, and who came to the service.

The sample is as it is but for its ports, with three exceptions: for cadaver it has shorter names
([webdav_short.py](webdav_short.py)), for DaCHS its paths ([dachs.py](dachs.py)), for JupyterHub two rules for a service
with sessions and tokens of its own ([hub.py](hub.py)). The service that pyvo and STILTS ask under `/api/tap` is a small
one of ours; DaCHS, asked under `tap`, is what data centres run.
"""


def needed(outcome):
    if outcome.step.foreign:
        return "`foreign_authorization: pass`"
    if outcome.step.user is None:
        return "does not work"
    if outcome.step.needs:
        return outcome.step.needs
    return "`basic` in `challenge`: it sends nothing before" if outcome.asked() else "nothing"


def arrived(outcome):
    if not outcome.seen:
        return "nothing came to the service"
    users = sorted({user for seen in outcome.seen for user in seen.values("x-auth-request-user")})
    who = "the service saw " + (" and ".join(users) if users else "nobody's name")
    if outcome.step.foreign:
        return f"{who}, and the token as it came"
    if any(seen.values("authorization") for seen in outcome.seen):
        return f"{who}, with a token made for it"
    return f"{who}, and no token"


def shortened(output, lines):
    found = [line.rstrip()[:LONGEST] for line in output.splitlines() if line.strip()]
    # The last line of many says what it came to.
    return found if len(found) <= lines else [*found[: lines - 2], f"… ({len(found) - lines + 1} lines)", found[-1]]
