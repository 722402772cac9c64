# SPDX-License-Identifier: Apache-2.0
"""9. Size of every struct and offset of every member of the public headers, as tests/lint/abi.c asserts them (LP64).

With --write it makes abi.c anew, of what the compiler says: what a struct or member that was added takes. A changed row
means that old plugins and programs break; of the contract with plugins frozen.py refuses it.
"""
import re
import sys

import tree

ASSERTS = "tests/lint/abi.c"
STRUCT = re.compile(r"^struct (\w+) \{\n(.*?)^\};", re.M | re.S)
HEAD = """/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The binary interface, as numbers: made by `tests/lint/abi.py SOURCE BUILD --write`, compiled by the check of the
 * same name. A row that fails after the contract was frozen breaks plugins and programs that exist.
 */
#include "polyfs/async.h"
#include "polyfs/checkpoint.h"
#include "polyfs/plugin.h"
#include "polyfs/policy.h"
#include "polyfs/polyfs.h"

_Static_assert(sizeof(void *) == 8 && sizeof(long) == 8, "these numbers are of LP64");
"""


def members(body):
    """Names of the members, in their order; parameters of function pointers are not among them."""
    names = []
    for declaration in split(body):
        pointer = re.match(r".*?\(\*(\w+)\)\s*\(", declaration, re.S)
        plain = re.search(r"(\w+)(?:\[\w+\])?\s*$", declaration)
        names.append(pointer.group(1) if pointer else plain.group(1))
    return names


def split(body):
    """Declarations of a struct's body, comments gone already."""
    depth, start = 0, 0
    for at, c in enumerate(body):
        depth += (c in "({[") - (c in ")}]")
        if c == ";" and depth == 0:
            if body[start:at].strip():
                yield body[start:at].strip()
            start = at + 1


def structs(sources):
    found = {}
    for path in sources.files("include", ext=(".h",)):
        for name, body in STRUCT.findall(sources.code(path)):
            found[name] = members(body)
    return found


def made(sources):
    """abi.c's text as the compiler has it for these headers."""
    shapes = structs(sources)
    rows = [f'"size", "{name}", "", sizeof(struct {name})' for name in shapes]
    rows += [f'"offset", "{name}", "{member}", offsetof(struct {name}, {member})' for name in shapes for member in shapes[name]]
    program = HEAD + "int main(void)\n{\n" + "".join(f'    printf("%s %s %s %zu\\n", {row});\n' for row in rows) + "}\n"
    with tree.tempfile.TemporaryDirectory(prefix="polyfs-lint-") as folder:
        status, said = tree.output("gcc", "-std=gnu11", "-xc", "-I", sources.path("include"), "-o", folder + "/abi", "-",
                                   input=program.encode())
        if status:
            raise SystemExit(said)
        numbers = [line.rsplit(" ", 3) for line in tree.read(folder + "/abi").splitlines()]
    text = HEAD
    for kind, name, member, number in numbers:
        if kind == "size":
            text += f"\nSIZE({name}, {number});\n"
            for _, _, inner, offset in (row for row in numbers if row[0] == "offset" and row[1] == name):
                text += f"AT({name}, {inner}, {offset});\n"
    return text.replace('"these numbers are of LP64");\n', '"these numbers are of LP64");\n' + MACROS, 1)


MACROS = """
#define SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), "size of struct " #type)
#define AT(type, member, bytes) _Static_assert(offsetof(struct type, member) == (bytes), #type "." #member)
"""


def check(sources):
    status, said = tree.output("gcc", "-std=gnu11", "-fsyntax-only", "-I", sources.path("include"), sources.path(ASSERTS))
    if status:
        for line in said.splitlines():
            if "error" in line:
                yield f"{ASSERTS}: {line.strip()}"
    text = sources.text(ASSERTS)
    for name, inner in structs(sources).items():
        if f"SIZE({name}, " not in text:
            yield f"{ASSERTS}:1: struct {name} has no size here; run tests/lint/abi.py with --write"
        for member in inner:
            if f"AT({name}, {member}, " not in text:
                yield f"{ASSERTS}:1: struct {name} has no offset of {member} here; run tests/lint/abi.py with --write"
    for name, body in ((n, b) for p in sources.files("include", ext=(".h",)) for n, b in STRUCT.findall(sources.code(p))):
        if re.search(r"\w\s*:\s*\d+\s*;", body) or re.search(r"^\s+enum \w+ \w+;", body, re.M):
            yield f"struct {name}: bit-fields and enums as types of members do not cross"


def member_in_the_middle(copy):
    copy.replace("include/polyfs/types.h", "    uint32_t length;   /**< bytes used", "    uint64_t wide;\n    uint32_t length;   /**< bytes used")


def member_at_the_end(copy):
    copy.replace("include/polyfs/types.h", "    char storage_class[32];\n", "    char storage_class[32];\n    uint64_t planted;\n")


def bit_field(copy):
    copy.replace("include/polyfs/types.h", "    char storage_class[32];\n", "    char storage_class[32];\n    uint32_t planted : 1;\n")


if __name__ == "__main__":
    root = tree.Tree(*sys.argv[1:3])
    if "--write" in sys.argv:
        root.write(ASSERTS, made(root))
        raise SystemExit(0)
    tree.main(check, [(member_in_the_middle, "polyfs_checksum.value"), (member_at_the_end, "no offset of planted"),
                      (bit_field, "bit-fields")])
