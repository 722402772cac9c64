#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""guide_test.py SOURCE BUILD: what docs/plugin-guide.md shows, typed as it is printed, in a copy of examples/plugin-c, against
an installed polyfs; and what it says about the examples.
"""
import os
import re
import shutil
import sys

from prefix import SOURCE, Prefix, check, need

BLOCK = re.compile(r"<!-- test: run -->\n```sh\n(.*?)```", re.S)
LINES = re.compile(r"`(examples/plugin-\w+/\w+\.\w+)` \((\d+) lines\)")


def main():
    need("pkg-config", "cc")
    guide = open(SOURCE + "/docs/plugin-guide.md").read()
    blocks = BLOCK.findall(guide)
    counts = LINES.findall(guide)
    check("the guide shows commands and tells the size of two examples", len(blocks) >= 1 and len(counts) == 2)
    for name, lines in counts:
        check(f"{name} has {lines} lines", len(open(f"{SOURCE}/{name}").readlines()) == int(lines))
    with Prefix() as p:
        p.dev("install", "--prefix", p.prefix)
        work = p.temp + "/work"
        os.mkdir(work)
        shutil.copy(SOURCE + "/examples/plugin-c/onefile.c", work)
        for block in blocks:
            out = p.run("bash", "-euxc", "set -o pipefail\n" + block, cwd=work)
            print(out)
            check("it loads, and the suite found nothing", "onefile" in out and re.search(r"  all +\d+ +0 +0\n", out), out)
        check("the manifest is where the guide puts it", os.path.exists(p.home + "/.local/lib/polyfs/plugins-1/onefile.plugin"))


if __name__ == "__main__":
    sys.exit(main())
