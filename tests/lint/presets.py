# SPDX-License-Identifier: Apache-2.0
"""CMakePresets.json and ./dev are two ways to the same builds: same names, same folders, same environment of tests."""
import json
import re

import tree

FILE = "CMakePresets.json"
KINDS = ("configure", "build", "test", "workflow")


def resolve(rows, name):
    """A preset with what it inherits."""
    row = next(row for row in rows if row["name"] == name)
    merged = resolve(rows, row["inherits"]) if "inherits" in row else {}
    for key, value in row.items():
        merged[key] = {**merged[key], **value} if isinstance(value, dict) and isinstance(merged.get(key), dict) else value
    return merged


def of_dev(sources):
    """(names that ./dev build takes, variables that it exports to sanitized tests)"""
    text = sources.text("dev")
    cases = re.search(r"^build\(\) \{(.*?)^\}", text, re.M | re.S).group(1)
    names = set(re.findall(r"^    ([\w |]+)\)", cases, re.M))
    exports = re.search(r"^sanitized\(\) \{(.*?)^\}", text, re.M | re.S).group(1)
    return {name.strip() for group in names for name in group.split("|")}, dict(re.findall(r"(\w+_\w+)=(\S+)", exports))


def check(sources):
    presets = json.loads(sources.text(FILE))
    names, environment = of_dev(sources)
    for kind in KINDS:
        have = {row["name"] for row in presets[kind + "Presets"] if not row.get("hidden")}
        if have != names:
            yield f"{FILE}:1: {kind} presets are {sorted(have)}, ./dev build takes {sorted(names)}"
    for name in sorted(names & {row["name"] for row in presets["configurePresets"]}):
        folder = resolve(presets["configurePresets"], name)["binaryDir"].replace("${presetName}", name)
        wanted = "${sourceDir}/build" + ("" if name == "release" else "-" + name)
        if folder != wanted:
            yield f"{FILE}:1: {name} builds in {folder}, ./dev in {wanted}"
    for name in ("asan", "tsan"):
        given = resolve(presets["testPresets"], name).get("environment", {})
        if given != environment:
            yield f"{FILE}:1: tests of {name} run with {given}, ./dev gives them {environment}"
    for row in presets["workflowPresets"]:
        if [(step["type"], step["name"]) for step in row["steps"]] != [(kind, row["name"]) for kind in KINDS[:3]]:
            yield f"{FILE}:1: the workflow {row['name']} is not configure, build, test of its own preset"
    status, said = tree.output(tree.need("cmake", "cmake"), "--list-presets=all", ".", cwd=sources.root)
    if status:
        yield f"{FILE}:1: {said}"


def preset_that_dev_lacks(copy):
    copy.replace("dev", "| asan)", "| ubsan)")


def other_environment(copy):
    copy.replace(FILE, "die_after_fork=0", "die_after_fork=1")


def other_folder(copy):
    copy.replace(FILE, '"binaryDir": "${sourceDir}/build"', '"binaryDir": "${sourceDir}/out"')


def broken_file(copy):
    copy.replace(FILE, '"version": 6', '"version": 60')


if __name__ == "__main__":
    tree.main(check, [(preset_that_dev_lacks, "configure presets are"), (other_environment, "tests of tsan run with"),
                      (other_folder, "release builds in"), (broken_file, "CMakePresets.json:1: .*[Vv]ersion")])
