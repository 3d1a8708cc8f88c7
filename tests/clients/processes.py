"""What runs beside a client: programs that listen, and their end."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time

# Compiling the filter takes Envoy seconds, on a busy machine many.
START_LIMIT = 120


class Failed(Exception):
    """Something is not as expected; the message says what."""


# Where it can be had: what is started ends even when this script is killed outright.
ENDS_WITH_US = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
# A client that has not ended by then hangs.
LIMIT = 120


def typed(command, folder, environment):
    """What a command of the shell prints, both on its output and its complaints, and its exit status."""
    try:
        done = subprocess.run(
            [*ENDS_WITH_US, "bash", "-c", f"set -e -o pipefail\n{command}"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"not done after {LIMIT} s: {command}") from None
    return done.stdout.decode(errors="replace"), done.returncode


def free_ports(count):
    """Ports that nobody listens on, all different."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def wait_for(what, condition, limit=START_LIMIT):
    """The first true answer of the condition."""
    end = time.monotonic() + limit
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed(f"{what}: not after {limit} s")
        time.sleep(0.05)


class Program:
    """A program in a process group of its own, gone with this script, however that ends."""

    def __init__(self, name, command, log, env=None, cwd=None):
        self.name, self.log = name, log
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                ENDS_WITH_US + command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                start_new_session=True,
            )

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait_until(self, what, condition, limit=START_LIMIT):
        def ready():
            if self.process.poll() is not None:
                raise Failed(f"{self.name} has ended:\n{self.said()[-2000:]}")
            return condition()

        try:
            return wait_for(f"{self.name} {what}", ready, limit)
        except Failed as failed:
            raise Failed(f"{failed}\n{self.said()[-2000:]}") from None

    def listening(self, port, limit):
        self.wait_until(f"listens on port {port}", lambda: listens(port), limit)

    def stop(self):
        for kind in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, kind)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
                # What it had started itself may be slower.
                if kind is signal.SIGTERM and group_is_gone(self.process.pid):
                    return


def group_is_gone(group):
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
