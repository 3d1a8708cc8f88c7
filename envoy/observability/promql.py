"""What an expression for Prometheus names: metrics, and the labels and values that it asks for. No judgement of its syntax,
which promtool has."""

import re

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\$?[A-Za-z_][\w:]*|[0-9.]+\w*|=~|!~|!=|[=<>]+|\S')
GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
# What follows the name of a function. Nothing has to follow a metric.
CALL = {"(", "by", "without"}
WORDS = {"and", "or", "unless", "offset", "bool", "inf", "nan"}


def names(expression):
    """[(metric, [(label, operator, value)])] and the set of labels that it groups by."""
    tokens = TOKEN.findall(expression)
    selectors, labels, place = [], set(), 0
    while place < len(tokens):
        token, following = tokens[place], tokens[place + 1:place + 2]
        if token in GROUPING and following == ["("]:
            end = tokens.index(")", place)
            labels.update(name for name in tokens[place + 2:end] if name != ",")
            place = end
        elif token == "[":
            place = tokens.index("]", place)
        elif token == "{":
            end = tokens.index("}", place)
            inside = tokens[place + 1:end]
            matchers = [tuple(inside[n:n + 3]) for n in range(0, len(inside), 4)]
            selectors[-1][1].extend((label, operator, value[1:-1]) for label, operator, value in matchers)
            place = end
        elif re.match(r"[A-Za-z_]", token) and token not in WORDS and not CALL.intersection(following):
            selectors.append((token, []))
        place += 1
    return selectors, labels
