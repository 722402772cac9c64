# SPDX-License-Identifier: Apache-2.0
"""A recording of the saver's system calls by strace, and what the crash tests ask of it."""
import re
import shutil
import subprocess
import sys

LINE = re.compile(r"^(\d+)\s+(\w+)\((.*)$")
CALLS = "trace=%file,%desc"


class Call:
    def __init__(self, thread, name, text, nth):
        self.thread, self.name, self.text, self.nth = thread, name, text, nth

    def __repr__(self):
        return f"{self.name}({self.text[:100]}"


def need(tool, package=None):
    if not shutil.which(tool):
        sys.exit(f"{tool} is missing; install it: apt-get install {package or tool}")


def record(command, out, env=None):
    """Runs a command under strace; every call that touches files or descriptors, with names of descriptors."""
    need("strace")
    subprocess.run(["strace", "-f", "-y", "-s", "128", "-e", CALLS, "-e", "signal=none", "-o", out] + command,
                   check=True, env=env, stdout=subprocess.DEVNULL)
    calls, seen = [], {}
    for line in open(out, errors="replace"):
        match = LINE.match(line)
        if not match or match.group(3).startswith("resumed"):
            continue
        thread, name = int(match.group(1)), match.group(2)
        seen[thread, name] = seen.get((thread, name), 0) + 1  # as strace counts for when=N
        calls.append(Call(thread, name, match.group(3), seen[thread, name]))
    return calls


def between_marks(calls, first="begin"):
    """Those from a mark to the one of the end, which is the last of them."""
    begin = next(i for i, c in enumerate(calls) if "/polyfs-mark-" + first in c.text)
    end = next(i for i, c in enumerate(calls) if "/polyfs-mark-end" in c.text)
    return calls[begin + 1:end + 1]
