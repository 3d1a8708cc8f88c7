"""Holds documents against a schema.

Reads {"schema": …, "documents": […]} and prints a list: for each document null, or the first thing that is wrong with it.
"""

import json
import sys

from jsonschema import Draft202012Validator

asked = json.load(sys.stdin)
Draft202012Validator.check_schema(asked["schema"])
validator = Draft202012Validator(asked["schema"])


def problem(document):
    error = next(validator.iter_errors(document), None)
    return error and f"{error.json_path}: {error.message}"


json.dump([problem(document) for document in asked["documents"]], sys.stdout)
