# SPDX-License-Identifier: Apache-2.0
"""10b. clang-tidy with .clang-tidy's checks over core, checkpoint, plugins and tools. Label tidy: not in the quick tier.

A source that was clean is remembered by the hash of everything that it is made of (its preprocessed text, the checks,
the program), in BUILD/tidy; so the first run takes minutes, and a later one looks only at what changed.
"""
import hashlib
import json
import os
import re
import shlex
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import tree

SOURCES = r"(core|checkpoint|plugins|tools)/"
NOT_FOR_CLANG = re.compile(r"-Wno-format-truncation|-ftrivial-auto-var-init=\S+|-fstack-clash-protection")


def commands(sources):
    """{path: (folder, arguments)} without what clang does not know."""
    with open(sources.built("compile_commands.json"), encoding="utf-8") as file:
        rows = json.load(file)
    home = re.search(r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$", open(sources.built("CMakeCache.txt"), encoding="utf-8").read(),
                     re.M).group(1)
    found = {}
    for row in rows:
        path = os.path.relpath(row["file"], home)
        if re.match(SOURCES, path) and "POLYFS_STATIC" not in row["command"]:
            words = shlex.split(row["command"])
            while not re.search(r"(gcc|cc|clang)(-\d+)?$", words[0]):
                del words[0]
            words = [word for word in words if not NOT_FOR_CLANG.fullmatch(word)]
            found[path] = (row["directory"], words)
    return found


def hash_of(sources, folder, words, checks):
    """Of the text that the compiler sees: any header that changes changes it."""
    at = words.index("-o")
    status, text = tree.output(*words[:at], *words[at + 2:], "-E", cwd=folder)
    return hashlib.sha256((str(status) + text + checks).encode()).hexdigest()


def look(program, config, folder, words, path):
    at = words.index("-o")
    _, said = tree.output(program, "--quiet", f"--config-file={config}", path, "--", *words[1:at], *words[at + 2:-2], cwd=folder)
    return [line for line in said.splitlines() if re.search(r": (error|warning): ", line)]


def check_one(sources, program, row):
    path, (folder, words) = row
    config = sources.path(".clang-tidy")
    mark = sources.built("tidy", hash_of(sources, folder, words, sources.text(".clang-tidy")))
    if os.path.exists(mark):
        return []
    said = look(program, config, folder, words, sources.path(path))
    if not said:
        os.makedirs(os.path.dirname(mark), exist_ok=True)
        with open(mark, "w", encoding="utf-8"):
            pass
    return said


def check(sources):
    program = tree.need("clang-tidy", "clang-tidy")
    rows = sorted(commands(sources).items())
    if len(rows) < 100:
        yield f"compile_commands.json names {len(rows)} sources only; configure first"
    with ThreadPoolExecutor(2) as pool:
        for said in pool.map(lambda row: check_one(sources, program, row), rows):
            yield from said


def planted(sources):
    """A source with a mistake that the checks must see."""
    with tempfile.TemporaryDirectory(prefix="polyfs-lint-") as folder:
        path = os.path.join(folder, "planted.c")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#define TWICE(x) x * 2\nint f(int a);\nint f(int a)\n{\n    return TWICE(a + 1);\n}\n")
        return look(tree.need("clang-tidy", "clang-tidy"), sources.path(".clang-tidy"), folder, ["cc", "-o", "x", "-c", path], path)


if __name__ == "__main__":
    root = tree.Tree(*sys.argv[1:3])
    complaints = sorted(set(check(root)))
    if not any("bugprone-macro-parentheses" in line for line in planted(root)):
        complaints.append("the planted mistake was not found")
    print("\n".join(complaints + [f"{len(complaints)} complaints"]))
    raise SystemExit(1 if complaints else 0)
