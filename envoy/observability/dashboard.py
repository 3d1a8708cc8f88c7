"""The dashboard as its file has it, with the variables filled in for those who are no Grafana."""

import json
import pathlib
import re

FILE = pathlib.Path(__file__).resolve().parent / "grafana-dashboard.json"
EVERYTHING = {"job": "envoy", "instance": ".*", "rule": ".*", "issuer": ".*"}


def load():
    return json.loads(FILE.read_text())


def fill_in(expression, window="1m", span="1h", **variables):
    """The expression for Prometheus, with this window for rates and this span for what is shown."""
    values = {"__rate_interval": window, "__range": span, **EVERYTHING, **variables}
    return re.sub(r"\$\{?(\w+)\}?", lambda found: values[found[1]], expression)


def panels(dashboard):
    """Those that show something: rows only part them."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def of_title(dashboard, title):
    return next(panel for panel in panels(dashboard) if panel["title"] == title)
