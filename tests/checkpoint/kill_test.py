#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the saver with SIGKILL at every system call of a save; after each the newest checkpoint must be the old or
the new one, whole, and the next save must work.

kill_test.py SAVER MUTANT.so [--mutants]
With --mutants: a saver that gives the record its name before the data must be caught.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile

from recording import between_marks, record

WITHOUT_EFFECT = {"fstat", "newfstatat", "fstatfs", "lseek", "getdents64", "fcntl", "access", "readlink", "readlinkat",
                  "fgetxattr", "flistxattr", "pread64", "read"}


class Crash:
    def __init__(self, saver, env=None):
        self.saver, self.env = saver, env
        self.folder = tempfile.mkdtemp(prefix="polyfs-kill-")
        self.template = f"{self.folder}/template"
        for step in ("1", "2", "3"):
            subprocess.run([saver, "save", self.template, step], check=True)

    def fresh(self):
        run = f"{self.folder}/run"
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(self.template, run)
        return run

    def points(self):
        calls = between_marks(record([self.saver, "save", self.fresh(), "4"], f"{self.folder}/recording", self.env))
        return [(c.name, c.nth, c.text[:80]) for c in calls]

    def kill_at(self, name, nth):
        """'killed', 'not reached', and what the check said."""
        run = self.fresh()
        result = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", f"trace={name}", "-e",
                                 f"inject={name}:signal=KILL:when={nth}", self.saver, "save", run, "4"],
                                env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        killed = result.returncode in (-9, 137)
        check = subprocess.run([self.saver, "check", run, "3", "4"], capture_output=True, text=True)
        return killed, check.returncode == 0, (check.stdout + check.stderr).strip()

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def run_points(crash, points):
    """Returns (hit, not reached, failures)."""
    hit, missed, failures, told = 0, 0, [], {"old": 0, "new": 0}
    for name, nth, text in points:
        killed, well, said = crash.kill_at(name, nth)
        hit += killed
        missed += not killed
        if well:
            told[said] += 1
        else:
            failures.append(f"killed at {name} number {nth} ({text}): {said}")
    print(f"points listed {len(points)}, hit {hit}, not reached {missed}; newest was the old one {told['old']} times, "
          f"the new one {told['new']} times; failures {len(failures)}")
    return hit, missed, failures


def main():
    saver, mutant = sys.argv[1:3]
    if "--mutants" in sys.argv:
        crash = Crash(saver, dict(os.environ, LD_PRELOAD=mutant, MUTANT="record-first"))
    else:
        crash = Crash(saver)
    points = crash.points()
    print(f"{len(points)} system calls from the first of the save to its return")
    limit = int(os.environ.get("POLYFS_CRASH_POINTS", "0"))
    if limit and limit < len(points):
        seed = int(os.environ.get("POLYFS_SEED", "1"))
        points = sorted(random.Random(seed).sample(points, limit))
        print(f"a sample of {limit}, seed {seed}")
    hit, missed, failures = run_points(crash, points)
    crash.close()
    for failure in failures[:10]:
        print(failure)
    if "--mutants" in sys.argv:
        print("the planted mistake was caught" if failures else "the planted mistake was NOT caught")
        sys.exit(not failures)
    if missed * 50 > len(points):
        sys.exit(f"over 2 % of the points were not reached: {missed} of {len(points)}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
