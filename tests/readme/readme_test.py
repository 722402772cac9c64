#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs what the README shows: each block marked `<!-- test: run -->` in a shell, line by line, with the built programs
in front of the path; a block marked `<!-- test: FILE -->` must be that file without its licence line, and compile.

readme_test.py SOURCE_FOLDER BIN_FOLDER LIB_FOLDER
"""
import os
import re
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"<!-- test: (\S+) -->\n```\w*\n(.*?)```", re.S)


def run_block(text, source, env):
    for line in filter(None, text.splitlines()):
        done = subprocess.run(["bash", "-c", "set -o pipefail; " + line], cwd=source, env=env, capture_output=True, text=True)
        print(f"$ {line}\n{done.stdout}", end="")
        if done.returncode != 0:
            sys.exit(f"failed with {done.returncode}: {done.stderr}")


def check_file(name, text, source, lib):
    want = "".join(l for l in open(f"{source}/{name}") if "SPDX" not in l)
    if want != text:
        sys.exit(f"the README's block is not {name}")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", f"{source}/{name}", f"-I{source}/include",
                        f"-L{lib}", f"-Wl,-rpath,{lib}", "-lpolyfs", "-o", f"{folder}/program"], check=True)
        out = subprocess.run([f"{folder}/program", f"{source}/LICENSE"], capture_output=True, text=True, check=True).stdout
        if out != open(f"{source}/LICENSE").read():
            sys.exit("the program did not print the file")
    lines = len(text.splitlines())
    print(f"{name}: as printed, compiled and run, {lines} lines")
    if name.endswith("hello.c") and len(open(f"{source}/{name}").readlines()) > 12:
        sys.exit("hello.c has more than 12 lines")


def main():
    source, programs, lib = sys.argv[1:4]
    env = dict(os.environ, PATH=f"{programs}:{os.environ['PATH']}")
    blocks = BLOCK.findall(open(f"{source}/README.md").read())
    if len(blocks) < 2:
        sys.exit("the README shows nothing that can be run")
    for name, text in blocks:
        if name == "run":
            run_block(text, source, env)
        else:
            check_file(name, text, source, lib)


if __name__ == "__main__":
    main()
