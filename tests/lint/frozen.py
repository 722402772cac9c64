# SPDX-License-Identifier: Apache-2.0
"""10. tests/contract-v1 is as it was frozen, and the headers of today still say all that it says.

Its SHA256SUMS names each of its files. Every size and offset of a struct of the frozen headers is to be found in
tests/lint/abi.c, which the compiler holds against the headers of today: a struct may grow at its end, where its size is
said, and nothing may move. Numbers of enums and macros stay, too.
"""
import hashlib
import re
import sys

import abi
import tree

FOLDER = "tests/contract-v1"
SUMS = FOLDER + "/SHA256SUMS"
NUMBER = re.compile(r"^\s*(?:#define )?(POLYFS_\w+)(?: = | )(-?\d+|0x[0-9a-f]+)u?,?(?:\s|$)", re.M)
GROWS = {"POLYFS_FACT_COUNT", "POLYFS_PLUGIN_MINOR"}


def sums(sources):
    names = [path for path in sources.files(FOLDER) if path != SUMS]
    return "".join(f"{hashlib.sha256(sources.text(path).encode()).hexdigest()}  {path[len(FOLDER) + 1:]}\n" for path in names)


def changed(sources):
    kept = dict(reversed(line.split("  ", 1)) for line in sources.text(SUMS).splitlines())
    now = dict(reversed(line.split("  ", 1)) for line in sums(sources).splitlines())
    for name in sorted(kept.keys() | now.keys()):
        if kept.get(name) != now.get(name):
            yield f"{FOLDER}/{name}:1: is not as it was frozen; undo the change"


def moved(sources):
    today = sources.text(abi.ASSERTS)
    for path in sources.files(FOLDER + "/polyfs"):
        for name, body in abi.STRUCT.findall(sources.code(path)):
            here = re.findall(rf"^AT\({name}, (\w+), \d+\);", today, re.M)
            for place, member in enumerate(abi.members(body)):
                if here[place:place + 1] != [member]:
                    yield f"struct {name}: its member {member} is not where it was frozen; new ones go to the end"


def renumbered(sources):
    for path in sources.files(FOLDER + "/polyfs"):
        today = dict(NUMBER.findall(sources.text("include/polyfs/" + path.rsplit("/", 1)[1])))
        for name, number in NUMBER.findall(sources.text(path)):
            if name not in GROWS and today.get(name) != number:
                yield f"{name}: was {number} when the contract was frozen, and is {today.get(name)}"


def check(sources):
    for look in (changed, moved, renumbered):
        yield from look(sources)


def frozen_header(copy):
    copy.append(FOLDER + "/polyfs/plugin.h", "\n")


def one_file_more(copy):
    copy.write(FOLDER + "/planted.c", "int planted;\n")


def member_moved(copy):
    copy.replace(abi.ASSERTS, "AT(polyfs_caps, shapes, 4);\n", "")


def code_renumbered(copy):
    copy.replace("include/polyfs/error.h", "POLYFS_EXISTS = -2", "POLYFS_EXISTS = -30")


if __name__ == "__main__":
    if "--write" in sys.argv:
        root = tree.Tree(*sys.argv[1:3])
        root.write(SUMS, sums(root))
        raise SystemExit(0)
    tree.main(check, [(frozen_header, "polyfs/plugin.h:1: is not as"), (one_file_more, "planted.c:1"),
                      (member_moved, "struct polyfs_caps"), (code_renumbered, "POLYFS_EXISTS")])
