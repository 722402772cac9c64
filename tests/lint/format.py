# SPDX-License-Identifier: Apache-2.0
"""10a. Every source is as clang-format has it. `./dev format` does it."""
from concurrent.futures import ThreadPoolExecutor

import tree

SOURCES = ("include", "core", "checkpoint", "plugins", "tools", "examples", "tests", "bench", "bindings")
SOME = 20


def check(sources):
    program = tree.need("clang-format", "clang-format")
    paths = sources.files(*SOURCES, ext=(".c", ".h", ".cc"))
    groups = [paths[at:at + SOME] for at in range(0, len(paths), SOME)]
    with ThreadPoolExecutor(2) as pool:
        for _, said in pool.map(lambda group: tree.output(program, "--dry-run", "-Werror", *group, cwd=sources.root), groups):
            yield from (line for line in said.splitlines() if "error:" in line)


def crooked(copy):
    copy.append("core/url.c", "int  planted( void ) ;\n")


if __name__ == "__main__":
    tree.main(check, [(crooked, "core/url.c:.*clang-format-violations")], narrow=True)
