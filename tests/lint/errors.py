# SPDX-License-Identifier: Apache-2.0
"""7b. One list of codes in four places: polyfs/error.h, core/error.c, docs/error-model.md, and the order agreed on."""
import ctypes
import errno
import re

import tree

HEADER, TABLE = "include/polyfs/error.h", "docs/error-model.md"
# Numbers are given in this order and never reused; a new code goes to the end.
ORDER = ("ok not_found exists condition changed is_dir not_dir not_empty permission auth invalid config unsupported range "
         "too_large no_space busy timeout network cancelled corrupt nomem forked plugin io").split()


def of_header(sources):
    rows = re.search(r"enum polyfs_code \{(.*?)\};", sources.code(HEADER), re.S).group(1)
    return {name.lower(): int(number) for name, number in re.findall(r"POLYFS_(\w+) = (-?\d+)", rows)}


def of_table(sources):
    """{name: (number, errno, exit status)}"""
    rows = re.findall(r"^\| `(\w+)` \| (-?\d+) \| (\w+) \| (\d+) \| (\w+|-) \|", sources.text(TABLE), re.M)
    return {name: (int(number), 0 if word == "0" else getattr(errno, word), int(status))
            for name, number, word, status, _ in rows}


def of_library(sources, numbers):
    library = ctypes.CDLL(sources.built("lib/libpolyfs.so"))
    library.polyfs_code_name.restype = ctypes.c_char_p
    return {library.polyfs_code_name(number).decode():
            (number, library.polyfs_code_errno(number), library.polyfs_code_exit_status(number)) for number in numbers}


def check(sources):
    header, table = of_header(sources), of_table(sources)
    library = of_library(sources, header.values())
    wanted = {name: -number for number, name in enumerate(ORDER)} | {"more": 1}
    for name in sorted(set(header) | set(wanted)):
        if header.get(name) != wanted.get(name):
            yield f"{HEADER}:1: {name} is {header.get(name)}, agreed is {wanted.get(name)}"
    for name in sorted(set(library) | set(table) | set(header)):
        if library.get(name) != table.get(name) or name not in header:
            yield f"{TABLE}:1: {name} is {table.get(name)}, core/error.c says {library.get(name)}"


def renumbered(copy):
    copy.replace(HEADER, "POLYFS_IO = -24", "POLYFS_IO = -25")


def other_status(copy):
    copy.replace(TABLE, "| `busy` | -16 | EBUSY | 5 |", "| `busy` | -16 | EBUSY | 4 |")


def row_left_out(copy):
    copy.replace(TABLE, "| `forked`", "| `spooned`")


if __name__ == "__main__":
    tree.main(check, [(renumbered, "io is -25"), (other_status, "busy is"), (row_left_out, "forked is None")])
