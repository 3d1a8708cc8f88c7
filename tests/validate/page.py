"""Checks a page of Markdown: its relative links lead to files, its YAML and JSON can be read.

Called with the page and a folder, into which go those of its YAML blocks that are whole configurations of the filter.
"""

import json
import pathlib
import re
import sys

import yaml

page = pathlib.Path(sys.argv[1])
folder = pathlib.Path(sys.argv[2])
problems = []


class Loader(yaml.SafeLoader):
    """Refuses a name that stands twice, of which YAML keeps the last."""

    def construct_mapping(self, node, deep=False):
        names = [key.value for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{name} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def check_block(language, line, text):
    try:
        if language == "json":
            json.loads(text)
            return
        documents = list(yaml.load_all(text, Loader))
    except (ValueError, yaml.YAMLError) as error:
        problems.append(f"{page}:{line}: {language}: {' '.join(str(error).split())}")
        return
    if any(isinstance(document, dict) and "issuers" in document and "rules" in document for document in documents):
        (folder / f"{page.stem}-line-{line}.yaml").write_text(text)


def check_link(line, link):
    target = link.split("#")[0]
    if target and "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists():
        problems.append(f"{page}:{line}: no such file: {target}")


block = None
for number, text in enumerate(page.read_text().splitlines(), 1):
    fence = re.match(r"\s*```\s*(\S*)", text)
    if fence and block is None:
        block = (fence.group(1), number, [])
    elif fence:
        language, begin, lines = block
        if language in ("yaml", "json"):
            check_block(language, begin, "\n".join(lines) + "\n")
        block = None
    elif block is not None:
        block[2].append(text)
    else:
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            check_link(number, link)
if block is not None:
    problems.append(f"{page}:{block[1]}: a block without an end")

for problem in problems:
    print(problem)
sys.exit(bool(problems))
