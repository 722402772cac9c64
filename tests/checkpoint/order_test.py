#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A kill cannot see a missing fsync, so the order of writes, fsyncs and names is asserted in a recording of a save:

  every file:   its last write < fsync of the file < its name < fsync of the folder that the name lies in
  new folders:  mkdir < fsync of the parent
  each folder is synced before anything else gets a name, so before the record does: what a call at full durability
  has answered for is on the disk

order_test.py SAVER MUTANT.so [--mutants]
With --mutants: every saver with one fsync taken out must be caught.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from recording import between_marks, record

FD = re.compile(r"^(\d+)<([^>]*)>")
LINK = re.compile(r'"/proc/self/fd/(\d+)", \d+<([^>]*)>, "([^"]+)"')
MKDIR = re.compile(r'(?:AT_FDCWD(?:<[^>]*>)?|\d+<[^>]*>), "([^"]+)"')


def gives_name(call):
    return call.name in ("linkat", "renameat2", "renameat", "rename", "mkdirat") and call.text.rstrip().endswith("= 0")


def next_name(calls, i):
    return next((k for k in range(i + 1, len(calls)) if gives_name(calls[k])), len(calls))


def first_after(calls, start, test):
    return next((i for i in range(start, len(calls)) if test(calls[i])), None)


def is_fsync_of(call, path):
    match = FD.match(call.text)
    return call.name == "fsync" and match and os.path.normpath(match.group(2)) == os.path.normpath(path)


def is_fsync_of_fd(call, fd):
    match = FD.match(call.text)
    return call.name == "fsync" and match and match.group(1) == fd


def mistakes_in(calls):
    found, links = [], []
    for i, call in enumerate(calls):
        match = LINK.search(call.text) if call.name == "linkat" else None
        if match and "= 0" in call.text:
            links.append((i, match.group(1), match.group(2), match.group(3)))
    record_link = next((l for l in links if re.match(r"\d{19}\.json", l[3])), None)
    if not record_link:
        return ["no record was given a name"]
    for i, fd, folder, name in links:
        writes = [k for k in range(i) if calls[k].name in ("write", "pwrite64", "ftruncate", "copy_file_range") and
                  FD.match(calls[k].text) and FD.match(calls[k].text).group(1) == fd]
        opened = max((k for k in range(i) if calls[k].name in ("openat", "openat2") and f"= {fd}<" in calls[k].text),
                     default=-1)
        last_write = max([k for k in writes if k > opened], default=opened)
        synced = first_after(calls, last_write + 1, lambda c: is_fsync_of_fd(c, fd))
        if synced is None or synced > i:
            found.append(f"{name}: named before its bytes were synced")
        named = first_after(calls, i + 1, lambda c: is_fsync_of(c, folder))
        if named is None or named > next_name(calls, i):
            found.append(f"{name}: its folder was not synced before the next name was given")
    for i, call in enumerate(calls):
        match = MKDIR.search(call.text) if call.name == "mkdirat" and call.text.rstrip().endswith("= 0") else None
        if match:
            parent = os.path.dirname(match.group(1).rstrip("/"))
            synced = first_after(calls, i + 1, lambda c: is_fsync_of(c, parent))
            if synced is None or synced > next_name(calls, i):
                found.append(f"{match.group(1)}: its parent was not synced before the next name was given")
    return found


def recording_of(saver, env=None):
    folder = tempfile.mkdtemp(prefix="polyfs-order-")
    try:
        subprocess.run([saver, "save", f"{folder}/run", "1"], check=True)
        return between_marks(record([saver, "save", f"{folder}/run", "2"], f"{folder}/recording", env))
    finally:
        shutil.rmtree(folder)


def main():
    saver, mutant = sys.argv[1:3]
    calls = recording_of(saver)
    mistakes = mistakes_in(calls)
    syncs = [c.nth for c in calls if c.name == "fsync"]
    print(f"{len(calls)} system calls, {len(syncs)} fsyncs, mistakes: {mistakes or 'none'}")
    if mistakes or not syncs:
        sys.exit(1)
    if "--mutants" not in sys.argv:
        return
    missed = []
    for nth in syncs:
        env = dict(os.environ, LD_PRELOAD=mutant, MUTANT=f"fsync:{nth}")
        found = mistakes_in(recording_of(saver, env))
        print(f"without fsync number {nth}: {found[0] if found else 'NOT caught'}")
        if not found:
            missed.append(nth)
    sys.exit(f"not caught: {missed}" if missed else 0)


if __name__ == "__main__":
    main()
