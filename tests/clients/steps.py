"""One command of a user, run as typed: what it printed, what Envoy answered, what the service saw, and whether all of
it is as it should be."""

import re
from dataclasses import dataclass
from itertools import groupby

from processes import typed
from world import claims_of

CHANGES_NOTHING = {"GET", "HEAD", "OPTIONS", "PROPFIND"}


@dataclass
class Step:
    client: str
    # How the token is given, for the table. Without it the step is only a part of the client's story.
    way: str
    command: str
    token: str
    # Expressions that what it printed has to match.
    prints: list
    ends: int = 0
    # Whether the client came without a token first and was asked for one. None: that does not matter here.
    asked: bool | None = None
    # Who the service saw; None where nothing may reach it.
    user: str | None = "alice"
    # Methods that have to be among those which reached the service.
    methods: tuple = ()
    # What it needs beside a challenge, for the table.
    needs: str = ""
    # Whether what changes something comes with a token that the filter made for this service.
    reissued: bool = False
    # How a credential begins that is the service's own, and goes on to it as it came.
    foreign: str = ""
    # Whether the service may be asked without identity: what rules leave to everybody.
    strangers: bool = False
    # Lines of the output that are shown, at most.
    shown: int = 6
    # Folders of fetched programs that come before the system's.
    programs: tuple = ()
    # A file in its home where it left another token.
    leaves: str = ""
    # What else to look at: gives problems.
    also: object = None


@dataclass
class Outcome:
    step: Step
    output: str
    code: int
    answers: list
    seen: list
    problems: list

    def told(self):
        """What Envoy answered, equal answers in a row as one."""
        runs = groupby(f"{method} {code}" for method, _, code in self.answers)
        counted = [(answer, len(list(run))) for answer, run in runs]
        told = [answer if count == 1 else f"{answer} ×{count}" for answer, count in counted]
        # Who waits for something asks for it again and again.
        return ", ".join(told if len(told) <= 8 else [*told[:5], "…", *told[-2:]])

    def asked(self):
        return any(code == 401 for _, _, code in self.answers)


def take(stage, step):
    """Runs one step, and holds it to what it says of itself."""
    home = stage.home(step.client)
    answered, recorded = len(stage.logged()), stage.recorder.mark()
    output, code = typed(step.command, home, stage.environment(home, step.token, step.programs))
    if step.leaves:
        stage.world.secrets.add((home / step.leaves).read_text().strip())
    outcome = Outcome(step, output, code, stage.logged()[answered:], stage.recorder.requests(recorded), [])
    outcome.problems += problems_of_output(outcome) + problems_of_asking(outcome) + problems_of_service(stage, outcome)
    if any(stage.world.secrets.found_in(stream) for stream in stage.recorder.streams(recorded)):
        outcome.problems.append("the token is in what the service was sent")
    if step.also:
        outcome.problems += step.also()
    return outcome


def problems_of_output(outcome):
    step = outcome.step
    missing = [wanted for wanted in step.prints if not re.search(wanted, outcome.output, re.MULTILINE)]
    problems = [f"{wanted!r} is not in what it printed" for wanted in missing]
    if outcome.code != step.ends:
        problems.append(f"ended with {outcome.code}, not {step.ends}")
    return problems


def problems_of_asking(outcome):
    if outcome.step.asked is None or outcome.asked() == outcome.step.asked:
        return []
    return ["was asked for a token first" if outcome.asked() else "was not asked for a token first"]


def problems_of_service(stage, outcome):
    step, problems = outcome.step, []
    if step.foreign:
        return [] if outcome.seen and all(is_foreign(step, seen) for seen in outcome.seen) else ["it came otherwise"]
    if step.user is None:
        return ["something reached the service"] if outcome.seen else []
    if not outcome.seen:
        problems.append("nothing reached the service")
    missing = set(step.methods) - {seen.method for seen in outcome.seen}
    if missing:
        problems.append(f"no {', '.join(sorted(missing))} reached the service")
    for seen in outcome.seen:
        users = seen.values("x-auth-request-user")
        if users != [step.user] and not (step.strangers and not users):
            problems.append(f"{seen.method} {seen.target} came to the service as {users}")
        problems += problems_of_credential(stage, step, seen)
    return problems


def is_foreign(step, seen):
    came = seen.values("authorization") == [step.foreign + step.token]
    return came and not seen.values("x-auth-request-user")


def problems_of_credential(stage, step, seen):
    credentials = seen.values("authorization")
    if not step.reissued or seen.method in CHANGES_NOTHING:
        return [f"{seen.method} {seen.target} came to the service with a credential"] if credentials else []
    if len(credentials) != 1 or not credentials[0].startswith("Bearer "):
        return [f"{seen.method} {seen.target} came to the service without a token of its own"]
    claims = claims_of(credentials[0].removeprefix("Bearer "))
    wanted = (f"http://{stage.host}/postern", "https://files.postern.dev", step.user)
    found = (claims.get("iss"), claims.get("aud"), claims.get("uid"))
    return [] if found == wanted else [f"the service's token says {found}, not {wanted}"]
