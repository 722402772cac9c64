#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs what a page shows: each block marked `<!-- test: run -->` in a shell, line by line, with the built programs in
front of the path; a block marked `<!-- test: FILE -->` must be that file without its licence line, and compile. Its
program can be called by the blocks behind it.

readme_test.py PAGE SOURCE_FOLDER BIN_FOLDER LIB_FOLDER
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


def check_file(name, text, source, lib, folder):
    want = "".join(l for l in open(f"{source}/{name}") if "SPDX" not in l)
    if want != text:
        sys.exit(f"the page's block is not {name}")
    program = f"{folder}/{os.path.basename(name).removesuffix('.c')}"
    subprocess.run(["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", f"{source}/{name}", f"-I{source}/include", f"-L{lib}",
                    f"-Wl,-rpath,{lib}", "-lpolyfs", "-lpolyfs-checkpoint", "-o", program], check=True)
    print(f"{name}: as printed, and it compiles, {len(text.splitlines())} lines")
    if name.endswith("hello.c"):
        check_hello(f"{source}/{name}", program, f"{source}/LICENSE")


def check_hello(name, program, file):
    if len(open(name).readlines()) > 12:
        sys.exit("hello.c has more than 12 lines")
    if subprocess.run([program, file], capture_output=True, text=True, check=True).stdout != open(file).read():
        sys.exit("the program did not print the file")


def main():
    page, source, programs, lib = sys.argv[1:5]
    blocks = BLOCK.findall(open(f"{source}/{page}").read())
    if len(blocks) < 2:
        sys.exit(f"{page} shows nothing that can be run")
    with tempfile.TemporaryDirectory() as folder:
        env = dict(os.environ, PATH=f"{folder}:{programs}:{os.environ['PATH']}")
        for name, text in blocks:
            if name == "run":
                run_block(text, source, env)
            else:
                check_file(name, text, source, lib, folder)


if __name__ == "__main__":
    main()
