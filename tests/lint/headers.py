# SPDX-License-Identifier: Apache-2.0
"""1. Each public header stands alone, in C99 and C++11, with the C standard library and nothing else."""
import os
import re
from concurrent.futures import ThreadPoolExecutor

import tree

FLAGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror", "-fsyntax-only"]
STANDARD = {"assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "stdarg.h", "stddef.h", "stdint.h",
            "stdio.h", "stdlib.h", "string.h", "time.h"}


def compilers():
    yield [tree.need("gcc", "gcc"), "-xc", "-std=c99"]
    yield [tree.need("g++", "g++"), "-xc++", "-std=c++11"]
    yield [tree.need("clang", "clang"), "-xc", "-std=c99"]
    yield [tree.need("clang++", "clang"), "-xc++", "-std=c++11"]


def user_code(sources, headers):
    """A program's source that takes every header at once and every ready initializer."""
    text = "".join(f'#include "polyfs/{os.path.basename(path)}"\n' for path in headers) + "int use(void);\nint use(void)\n{\n"
    count = 0
    for path in headers:
        macros = re.findall(r"#define (POLYFS_\w+_INIT)\b(.*?[^\\])\n(?!\s)", sources.text(path), re.S)
        for macro, body in macros:
            kind = re.search(r"sizeof\((struct \w+)\)", body)
            if kind:
                text += f"    {kind.group(1)} v{count} = {macro};\n    (void)v{count};\n"
                count += 1
    return text + f"    return {count};\n}}\n"


def compile_text(sources, compiler, text):
    return tree.output(*compiler, *FLAGS, "-I", sources.path("include"), "-", input=text.encode())


def check(sources):
    headers = sources.files("include", ext=(".h",))
    texts = [(path, f'#include "polyfs/{os.path.basename(path)}"\nextern int one;\n') for path in headers]
    texts.append(("all headers and their initialisers", user_code(sources, headers)))
    for path in headers:
        for match in re.finditer(r"^#include <([^>]+)>", sources.text(path), re.M):
            if match.group(1) not in STANDARD:
                yield f"{path}:{tree.line_of(sources.text(path), match.start())}: <{match.group(1)}> is no C standard header"
    jobs = [(path, text, compiler) for compiler in compilers() for path, text in texts]
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda job: compile_text(sources, job[2], job[1]), jobs)
        for (path, _, compiler), (status, said) in zip(jobs, answers):
            if status:
                yield f"{path}: {compiler[0]} {compiler[2]}: {said}"


def glib_in_a_header(copy):
    copy.replace("include/polyfs/op.h", "#include \"polyfs/", "#include <glib.h>\n#include \"polyfs/")


def cplusplus_keyword(copy):
    copy.append("include/polyfs/url.h", "int polyfs_planted(int class);\n")


def header_that_needs_another(copy):
    copy.append("include/polyfs/export.h", "uint32_t polyfs_planted(void);\n")


if __name__ == "__main__":
    tree.main(check, [(glib_in_a_header, "glib.h"), (cplusplus_keyword, "url.h: .*g\\+\\+"),
                      (header_that_needs_another, "export.h: .*gcc")])
