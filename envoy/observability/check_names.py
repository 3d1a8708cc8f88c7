#!/usr/bin/env python3
"""Holds the dashboard to what Grafana needs, and what it, the alerts and the scrape name to metrics.txt. Prints what is
wrong; `check_names.py --rules` prints the dashboard's expressions as rules, for promtool to read."""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
import dashboard  # noqa: E402
import promql  # noqa: E402

# Of the scrape itself, and of Prometheus.
EVERYWHERE = {"job", "instance"}
OF_PROMETHEUS = {"up": set(), "ALERTS": {"alertname", "alertstate", "severity"}}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
BUILT_IN = {"__all", "__rate_interval", "__range", "datasource"}


def read_metrics():
    """{name: {label: values, or None where these come from the configuration}}"""
    metrics = {}
    for line in (HERE / "metrics.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, *labels = line.split()
            pairs = [label.split("=", 1) for label in labels]
            metrics[name] = {label: None if values == "*" else set(values.split("|")) for label, values in pairs}
    return metrics


METRICS = read_metrics()


def read_rules():
    """Each rule of alerts.yaml as {key: text}, in the one way that this file is written in."""
    rules = []
    for line in (HERE / "alerts.yaml").read_text().splitlines():
        start = re.match(r"  - (alert|record): (\S+)$", line)
        member = re.match(r"    (?:  )?(expr|for|labels|annotations|summary|description): ?(.*)$", line)
        if start:
            rules.append({start[1]: start[2]})
            key = None
        elif rules and member and not line.strip().startswith("#"):
            key = member[1]
            rules[-1][key] = "" if member[2] in ("|", ">-") else member[2]
        elif rules and key and line.startswith("      "):
            rules[-1][key] += "\n" + line.strip()
        else:
            key = None
    return rules


RECORDED = {rule["record"]: rule["expr"] for rule in read_rules() if "record" in rule}


def labels_of(metric):
    if metric in RECORDED:
        return promql.names(RECORDED[metric])[1]
    return EVERYWHERE | set(METRICS.get(metric, OF_PROMETHEUS.get(metric, ())))


def problems_of(expression):
    """What an expression names that there is not."""
    selectors, groups = promql.names(expression)
    if not selectors:
        yield f"no metric: {expression}"
    known = set()
    for metric, matchers in selectors:
        if metric not in METRICS and metric not in RECORDED and metric not in OF_PROMETHEUS:
            yield f"no metric {metric} in metrics.txt: {expression}"
            continue
        known |= labels_of(metric)
        for label, operator, value in matchers:
            if label not in labels_of(metric):
                yield f"{metric} has no label {label}: {expression}"
            closed = METRICS.get(metric, {}).get(label)
            wanted = value.split("|") if "~" in operator else [value]
            for one in wanted:
                if closed and re.fullmatch(r"\w+", one) and one not in closed:
                    yield f"{metric} has no {label} {one}: {expression}"
    for label in sorted(groups - known):
        yield f"nothing here has the label {label}: {expression}"


def check_alerts():
    rules = read_rules()
    tests = (HERE / "alerts_test.yaml").read_text()
    for rule in rules:
        name = rule.get("alert") or rule["record"]
        yield from (f"{name}: {problem}" for problem in problems_of(rule["expr"]))
        if "alert" not in rule:
            continue
        for key in ("summary", "description"):
            if not rule.get(key):
                yield f"{name}: no {key}"
        severity = re.search(r"severity: (\w+)", rule.get("labels", ""))
        if not severity or severity[1] not in ("critical", "warning", "info"):
            yield f"{name}: no severity"
        labels = set().union(*map(labels_of, (metric for metric, _ in promql.names(rule["expr"])[0])))
        for label in re.findall(r"\$labels\.(\w+)", str(rule)):
            if label not in labels:
                yield f"{name}: its words name the label {label}, which nothing in it has"
        if not re.search(rf"labels: 'ALERTS\{{alertname=\"{name}\", alertstate=\"firing\"", tests):
            yield f"{name}: alerts_test.yaml has no test in which it fires"


def check_scrape():
    """What is used has to be kept, and what is kept has to be something."""
    text = (HERE / "prometheus.yaml").read_text()
    kept = re.search(r"action: keep\n.*\n    regex: >-\n +(.+)", text)[1]
    used = {metric for expression in all_expressions() for metric, _ in promql.names(expression)[0]}
    for metric in sorted(set(METRICS) | used):
        if metric in METRICS and not re.fullmatch(kept, metric):
            yield f"{metric} is not kept"
    if '"127.0.0.1:9901"' not in text or "job_name: envoy\n" not in text:
        yield "it does not look at what `make run` starts"


def all_expressions():
    yield from (rule["expr"] for rule in read_rules())
    yield from (dashboard.fill_in(expression) for _, expression in shown())


def shown():
    """Each expression of the dashboard with what it is for."""
    board = dashboard.load()
    for panel in dashboard.panels(board):
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])
    yield from (("annotation", note["expr"]) for note in board["annotations"]["list"] if "expr" in note)


def check_dashboard():
    board = dashboard.load()
    for key, kind in [("uid", str), ("title", str), ("schemaVersion", int), ("panels", list), ("templating", dict),
                      ("time", dict), ("annotations", dict)]:
        if not isinstance(board.get(key), kind):
            yield f"no {key}"
    if board.get("id") is not None:
        yield "an id belongs to one Grafana: it has to be null"
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    taken = {}
    ids, titles = [], []
    for panel in board["panels"]:
        title = panel.get("title")
        ids.append(panel.get("id"))
        titles.append(title)
        if panel.get("type") not in ("row", "stat", "timeseries", "table"):
            yield f"{title}: no type that Grafana 10 brings along"
        place = panel["gridPos"]
        if place["x"] < 0 or place["w"] < 1 or place["x"] + place["w"] > 24:
            yield f"{title}: does not fit in 24 columns"
        for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])):
            if cell in taken:
                yield f"{title}: lies over {taken[cell]}"
                break
            taken[cell] = title
        if panel["type"] == "row":
            continue
        if panel.get("datasource") != DATASOURCE or not panel.get("targets"):
            yield f"{title}: no datasource, or nothing asked"
        for target in panel["targets"]:
            if target.get("datasource") != DATASOURCE:
                yield f"{title}: {target.get('refId')} has another datasource"
            labels = set().union(*map(labels_of, (metric for metric, _ in promql.names(target["expr"])[0])))
            for label in re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")):
                if label not in labels:
                    yield f"{title}: its legend names the label {label}, which nothing in it has"
        references = [target["refId"] for target in panel["targets"]]
        if len(set(references)) < len(references):
            yield f"{title}: one refId stands twice"
    for what, found in [("id", ids), ("title", titles)]:
        for one in {one for one in found if one is None or found.count(one) > 1}:
            yield f"the {what} {one} is not one panel's alone"
    used = set(re.findall(r"\$\{?(\w+)", str(board["panels"]) + str(board["templating"]) + str(board["annotations"])))
    for name in sorted(used - BUILT_IN - set(variables)):
        yield f"no variable {name}"
    for name in sorted(set(variables) - used - {"datasource"}):
        yield f"the variable {name} is not used"
    if variables.get("datasource", {}).get("type") != "datasource":
        yield "no variable for the datasource"
    for variable in variables.values():
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            metric = promql.names(dashboard.fill_in(asked[1]))[0][0][0]
            if asked[2] not in labels_of(metric):
                yield f"{metric} has no label {asked[2]}, which {variable['name']} asks for"
    for title, expression in shown():
        yield from (f"{title}: {problem}" for problem in problems_of(dashboard.fill_in(expression)))


def print_rules():
    print("groups:\n- name: dashboard\n  rules:")
    for number, (_, expression) in enumerate(shown()):
        print(f"  - record: expression:{number}\n    expr: '{dashboard.fill_in(expression)}'")


def main():
    if sys.argv[1:] == ["--rules"]:
        return print_rules()
    bad = False
    for name, check in [("prometheus.yaml", check_scrape), ("alerts.yaml", check_alerts),
                        ("grafana-dashboard.json", check_dashboard)]:
        for problem in check():
            print(f"{name}: {problem}")
            bad = True
    sys.exit(bad)


if __name__ == "__main__":
    main()
