#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the saver with SIGKILL at every system call of a save, of a sharded save, of garbage collection and of a drop,
and at random instants of a save by a thread; after each the newest checkpoint must be the old or the new one, whole, the
next save must work, and garbage collection must leave nothing behind.

kill_test.py SAVER MUTANT.so [--mutants]
With --mutants: a saver that gives the record its name before the data must be caught.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

from recording import between_marks, record

WITHOUT_EFFECT = {"fstat", "newfstatat", "fstatfs", "lseek", "getdents64", "fcntl", "access", "readlink", "readlinkat",
                  "fgetxattr", "flistxattr", "pread64", "read"}


KINDS = {"plain": 4, "tensors": 4, "ranks": 4, "gc": 3, "drop": 3}  # and the newest step when it is done
INSTANTS = 40  # of the kinds with a thread, where a system call cannot be named by its number


class Crash:
    def __init__(self, saver, kind="plain", env=None):
        self.saver, self.kind, self.env = saver, kind, env
        self.folder = tempfile.mkdtemp(prefix="polyfs-kill-")
        self.template = f"{self.folder}/template"
        for step in ("1", "2", "3"):
            subprocess.run([saver, "save", self.template, step], check=True)
        if kind == "gc":  # something to collect: a save that died
            subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:signal=KILL:when=4",
                            saver, "save", self.template, "9"], check=False, stderr=subprocess.DEVNULL)

    def fresh(self):
        run = f"{self.folder}/run"
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(self.template, run)
        return run

    def points(self):
        calls = between_marks(record([self.saver, "save", self.fresh(), "4", self.kind], f"{self.folder}/recording",
                                     self.env))
        return [(c.name, c.nth, c.text[:80]) for c in calls]

    def kill_at(self, name, nth):
        """'killed', 'not reached', and what the check said."""
        run = self.fresh()
        result = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", f"trace={name}", "-e",
                                 f"inject={name}:signal=KILL:when={nth}", self.saver, "save", run, "4", self.kind],
                                env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return result.returncode in (-9, 137), *self.check(run)

    def kill_after(self, seconds):
        """The same after a time; killed is false when the saver was done by then."""
        run = self.fresh()
        process = subprocess.Popen([self.saver, "save", run, "4", self.kind], stdout=subprocess.DEVNULL)
        time.sleep(seconds)
        process.kill()
        return process.wait() == -9, *self.check(run)

    def check(self, run):
        newest = str(KINDS.get(self.kind, 4))
        check = subprocess.run([self.saver, "check", run, "3", newest], capture_output=True, text=True)
        return check.returncode == 0, (check.stdout + check.stderr).strip()

    def length(self):
        """Seconds that it takes when nobody kills it."""
        run, begun = self.fresh(), time.monotonic()
        subprocess.run([self.saver, "save", run, "4", self.kind], check=True)
        return time.monotonic() - begun

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def run_points(crash, points):
    """Returns (hit, not reached, failures)."""
    hit, missed, failures, told = 0, 0, [], {"old": 0, "new": 0}
    for name, nth, text in points:
        killed, well, said = crash.kill_at(name, nth)
        hit += killed
        missed += not killed
        if well and (said in told):
            told[said] += 1
        else:
            failures.append(f"killed at {name} number {nth} ({text}): {said}")
    print(f"points listed {len(points)}, hit {hit}, not reached {missed}; newest was the old one {told['old']} times, "
          f"the new one {told['new']} times; failures {len(failures)}")
    return hit, missed, failures


def run_instants(crash, rng):
    """At random instants: (killed, failures)."""
    length, killed, failures = crash.length(), 0, []
    for _ in range(INSTANTS):
        after = rng.random() * length
        hit, well, said = crash.kill_after(after)
        killed += hit
        if not well:
            failures.append(f"killed after {after * 1000:.1f} ms: {said}")
    print(f"{crash.kind}: {INSTANTS} instants, killed at {killed}, failures {len(failures)}")
    return killed, failures


def sample(points, limit, rng):
    return sorted(rng.sample(points, limit)) if limit and limit < len(points) else points


def mutants(saver, mutant):
    crash = Crash(saver, env=dict(os.environ, LD_PRELOAD=mutant, MUTANT="record-first"))
    _, _, failures = run_points(crash, crash.points())
    crash.close()
    for failure in failures[:10]:
        print(failure)
    print("the planted mistake was caught" if failures else "the planted mistake was NOT caught")
    sys.exit(not failures)


def main():
    saver, mutant = sys.argv[1:3]
    if "--mutants" in sys.argv:
        mutants(saver, mutant)
    seed, limit = int(os.environ.get("POLYFS_SEED", "1")), int(os.environ.get("POLYFS_CRASH_POINTS", "0"))
    rng = random.Random(seed)
    listed, missed, failures = 0, 0, []
    for kind in KINDS:
        crash = Crash(saver, kind)
        points = crash.points()
        print(f"{kind}: {len(points)} system calls from the first to its return" + (f"; at most {limit}, seed {seed}" if limit else ""))
        points = sample(points, limit // len(KINDS), rng)
        _, none, bad = run_points(crash, points)
        listed, missed, failures = listed + len(points), missed + none, failures + [f"{kind}: {f}" for f in bad]
        crash.close()
    crash = Crash(saver, "async")
    killed, bad = run_instants(crash, rng)
    crash.close()
    failures += bad
    for failure in failures[:10]:
        print(failure)
    if missed * 50 > listed:
        sys.exit(f"over 2 % of the points were not reached: {missed} of {listed}")
    sys.exit(1 if failures or not killed else 0)


if __name__ == "__main__":
    main()
