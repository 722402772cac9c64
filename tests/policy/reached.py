# SPDX-License-Identifier: Apache-2.0
"""Which lines and branches of one file run between begin() and end(), by function. Needs the package coverage."""
import json
import os
import tempfile

import coverage


def begin(path):
    counter = coverage.Coverage(branch=True, include=[path], data_file=None)
    counter.start()
    return counter


def end(counter, path):
    """{"functions": {name: coverage's report of it}, "source": lines}"""
    counter.stop()
    with tempfile.TemporaryDirectory() as temp:
        report = os.path.join(temp, "report.json")
        counter.json_report(outfile=report)
        with open(report, encoding="utf-8") as file:
            functions = next(iter(json.load(file)["files"].values()))["functions"]
    with open(path, encoding="utf-8") as file:
        return {"functions": functions, "source": file.read().splitlines()}
