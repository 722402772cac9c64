# SPDX-License-Identifier: Apache-2.0
"""Time budgets of the labels, tests/budget.txt: every label has one, and ./dev fails a run in which one is over it.

budget.py SOURCE BUILD          the check: rows are well formed, and no label of this build lacks one
budget.py --run TIER FILE LOG   what ./dev calls with ctest's output: seconds of each label against its row
"""
import json
import re
import sys

import tree

FILE = "tests/budget.txt"
TIERS = ("quick", "plain", "asan", "clang", "tsan", "full")
TOTAL = re.compile(r"^Total Test time \(real\) =\s+([\d.]+) sec", re.M)
SUMMARY = re.compile(r"^(\S+)\s+=\s+([\d.]+) sec\*proc", re.M)


def rows_of(text):
    """{(tier, label): seconds}"""
    rows = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            match = re.fullmatch(r"(\w+)\s+(\w+)\s+(\d+)", line.strip())
            if not match or match.group(1) not in TIERS or match.groups()[:2] in rows:
                raise ValueError(f"{FILE}:{number}: is not a new row of tier, label, seconds")
            rows[match.groups()[:2]] = int(match.group(3))
    return rows


def over(rows, tier, log):
    """Labels whose tests took longer together than they may, or that may take no time at all."""
    found = SUMMARY.findall(log)
    if not found:
        yield f"ctest told no times of labels in the tier {tier}"
    found += [("all", seconds) for seconds in TOTAL.findall(log) if (tier, "all") in rows]
    for label, seconds in found:
        if (tier, label) not in rows:
            yield f"{FILE}: has no row \"{tier} {label}\"; the tests took {float(seconds):.0f} s"
        elif float(seconds) > rows[tier, label]:
            yield f"label {label} took {float(seconds):.0f} s of {rows[tier, label]} s that {FILE} gives it in the tier {tier}"


def check(sources):
    try:
        rows = rows_of(sources.text(FILE))
    except ValueError as why:
        yield str(why)
        return
    tests = json.loads(tree.read(tree.need("ctest", "cmake"), "--test-dir", sources.build, "--show-only=json-v1"))["tests"]
    for test in tests:
        labels = [label for row in test.get("properties", []) if row["name"] == "LABELS" for label in row["value"]]
        if not labels:
            yield f"test {test['name']} has no label"
        for label in labels:
            tier = "full" if label == "full" else "plain"  # tests of this label run in no other tier
            if (tier, label) not in rows:
                yield f"{FILE}:1: has no row \"{tier} {label}\""


def label_without_row(copy):
    copy.replace(FILE, "plain lint", "plain lent")


def row_twice(copy):
    copy.append(FILE, "plain lint 1\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        with open(sys.argv[3], encoding="utf-8") as budget, open(sys.argv[4], encoding="utf-8", errors="replace") as log:
            late = list(over(rows_of(budget.read()), sys.argv[2], log.read()))
        print("\n".join(late))
        raise SystemExit(1 if late else 0)
    SAMPLE = "Label Time Summary:\nlint    =  61.20 sec*proc (3 tests)\nnew     =   1.00 sec*proc (1 test)\n\nTotal Test time (real) =  55.00 sec\n"
    told = list(over({("quick", "lint"): 60}, "quick", SAMPLE))
    if len(told) != 2 or list(over({("quick", "lint"): 62, ("quick", "new"): 1}, "quick", SAMPLE)):
        raise SystemExit(f"a label over its budget was not told: {told}")
    if len(list(over({("quick", "lint"): 62, ("quick", "new"): 1, ("quick", "all"): 54}, "quick", SAMPLE))) != 1:
        raise SystemExit("a run over its budget was not told")
    tree.main(check, [(label_without_row, 'no row "plain lint"'), (row_twice, "is not a new row")])
