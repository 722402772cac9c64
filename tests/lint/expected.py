# SPDX-License-Identifier: Apache-2.0
"""Cases that are n/a stay as few as agreed: each row of expected.tsv is a case that exists, none of them of memory, and
at most 15 % of local's. That a case turned n/a without a row fails in the conformance program itself (--expected)."""
import re

import tree

FILE = "tests/conformance/expected.tsv"
SHARE = {"memory": 0, "local": 15}  # percent of a store's cases
OTHERS = 30


def cases(sources):
    """"group.Case" of every case, as the sources name them."""
    found = set()
    for path in sources.files("tests/conformance", ext=(".cc", ".h")):
        found |= {".".join(names) for names in re.findall(r"^CONFORMANCE_\w*CASE\w*\((\w+), (\w+)", sources.text(path), re.M)}
    return found


def check(sources):
    known, rows = cases(sources), []
    if len(known) < 100:
        yield f"{FILE}:1: only {len(known)} cases were recognised in the sources; mend this check"
    for number, line in enumerate(sources.text(FILE).splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        parts = line.split("\t")
        if len(parts) != 3 or parts[2] != "n/a":
            yield f"{FILE}:{number}: is not store, case, n/a between tabs"
        elif re.sub("_(put|parts|placed|stream)$", "", parts[1]) not in known:
            yield f"{FILE}:{number}: there is no case {parts[1]}"
        elif parts[:2] in rows:
            yield f"{FILE}:{number}: stands here twice"
        else:
            rows.append(parts[:2])
    for store in {store for store, _ in rows}:
        count, most = sum(row[0] == store for row in rows), SHARE.get(store.split(".")[0], OTHERS)
        if count * 100 > most * len(known):
            yield f"{FILE}:1: {count} of {len(known)} cases of {store} are n/a, {most} % at most"


def memory_case(copy):
    copy.append(FILE, f"memory\t{sorted(cases(copy))[0]}\tn/a\n")


def unknown_case(copy):
    copy.append(FILE, "local\tread.Planted\tn/a\n")


def failing_case(copy):
    copy.append(FILE, f"local\t{sorted(cases(copy))[0]}\tfailed\n")


def too_many(copy):
    names = sorted(cases(copy))
    copy.append(FILE, "".join(f"local\t{name}\tn/a\n" for name in names[:len(names) // 6]))


if __name__ == "__main__":
    tree.main(check, [(memory_case, "cases of memory"), (unknown_case, "no case read.Planted"),
                      (failing_case, "is not store"), (too_many, "cases of local")])
