# SPDX-License-Identifier: Apache-2.0
"""5. A function fits a screen and a file fits a head. Exceptions stand in size.allow, each with its reason."""
import json
import os
import re
import sys

import tree

FUNCTION, WARN, FILE = 40, 600, 800
ALLOW = "tests/lint/size.allow"
SOURCES = ("include", "core", "checkpoint", "plugins", "tools", "examples", "tests", "bindings", "bench")


def functions(sources, paths):
    """(path, name, line, lines), as ctags counts them: from the name to the closing brace."""
    text = tree.read(tree.need("ctags", "universal-ctags"), "--output-format=json", "--fields=+ne", "--kinds-C=f",
                     "--kinds-C++=f", "-f", "-", *(sources.path(path) for path in paths))
    for row in map(json.loads, text.splitlines()):
        if "end" in row:
            yield os.path.relpath(row["path"], sources.root), name_of(row), row["line"], row["end"] - row["line"] + 1


def name_of(row):
    """A test's own name, since to ctags all are called after their macro."""
    case = re.match(r"/\^(?:TEST_F|TEST|TEST_P|CONFORMANCE_CASE)\((\w+), (\w+)\)", row["pattern"])
    return ".".join(case.groups()) if case else row["name"]


def check(sources):
    paths = sources.files(*SOURCES, ext=(".c", ".h", ".cc"))
    allow = sources.allowed(ALLOW)
    used = set()
    for path, name, line, lines in functions(sources, paths):
        if lines <= FUNCTION:
            continue
        key = f"{path}:{name}"
        used.add(key)
        if key not in allow:
            yield f"{path}:{line}: {name} has {lines} lines, {FUNCTION} at most; split it by noun"
    for key in sorted(set(allow) - used):
        yield f"{ALLOW}: {key} is not too long any more; take its row out"
    for path in paths:
        lines = sources.text(path).count("\n")
        if lines > FILE:
            yield f"{path}:{lines}: {lines} lines, {FILE} at most; split it by noun"
        elif lines > WARN and sources.root == os.path.abspath(sys.argv[1]):
            print(f"warning: {path} has {lines} lines; {WARN} are usual at most")


def long_function(copy):
    copy.append("core/url.c", "void planted(void)\n{\n" + "    planted();\n" * 39 + "}\n")


def long_file(copy):
    copy.append("core/url.c", "/* */\n" * FILE)


def unused_row(copy):
    copy.append(ALLOW, "core/url.c:nobody  because\n")


if __name__ == "__main__":
    tree.main(check, [(long_function, "planted has 42 lines"), (long_file, "core/url.c:.*800 at most"),
                      (unused_row, "nobody is not too long")])
