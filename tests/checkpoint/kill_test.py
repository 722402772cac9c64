#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the saver with SIGKILL at every system call of a save, of a sharded save, of garbage collection and of a drop,
and at random instants of a save by a thread; after each the newest checkpoint must be the old or the new one, whole, the
next save must work, and garbage collection must leave nothing behind.

kill_test.py SAVER MUTANT.so [--all | --mutants]
With --all: from the first call of opening the run on; of an empty run, too, of one that drops nothing yet and of one that
does; of one whose record grows so long that its older rows go into a segment; of one that makes `last`, too; what a thread
calls; and at thousands of instants: LEAST kills in all, or it fails.
With --mutants: a saver that gives the record its name before the data must be caught.
"""
import atexit
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from recording import between_marks, record

KINDS = {"plain": 1, "tensors": 1, "ranks": 1, "gc": 0, "drop": 0}  # and by how much the newest step is newer in the end
SAVES = 3  # that a run has had before; it keeps two
INSTANTS = 40  # of the kinds with a thread, where a system call cannot always be named by its number
EVERY = [(kind, SAVES) for kind in (*KINDS, "async", "segment", "link", "pointer")] + \
    [(kind, saves) for saves in (0, 1) for kind in ("plain", "tensors", "ranks", "async")]
EVERY_INSTANT, LEAST = 1500, 3000


class Crash:
    place = None  # for the folder: the usual one
    at_once = 2  # each point has a run of its own

    def __init__(self, saver, kind="plain", env=None, saves=SAVES, first="begin"):
        self.saver, self.kind, self.env, self.saves, self.first = saver, kind, env, saves, first
        self.folder = tempfile.mkdtemp(prefix="polyfs-kill-", dir=self.place)
        atexit.register(self.close)
        self.make(f"{self.folder}/template")

    def make(self, template):
        os.mkdir(template)
        if self.kind == "segment":
            self.saves = self.fill(self.folder + "/tried", 0) - 1  # the next one writes the segment
            self.fill(template, self.saves)
            return
        for step in range(self.saves):
            kind = self.kind if self.kind in ("link", "pointer") else "plain"
            subprocess.run([self.saver, "save", template, str(step + 1), kind], check=True, stdout=subprocess.DEVNULL)
        if self.kind == "gc":  # something to collect: a save that died
            subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:signal=KILL:when=4",
                            self.saver, "save", template, "9"], check=False, stderr=subprocess.DEVNULL)

    def fill(self, run, count):
        told = subprocess.run([self.saver, "fill", run, str(count)], check=True, capture_output=True)
        return int(told.stdout)

    def fresh(self):
        return shutil.copytree(f"{self.folder}/template", f"{tempfile.mkdtemp(dir=self.folder)}/run", symlinks=True)

    def end(self, run):
        shutil.rmtree(os.path.dirname(run))

    def command(self, run):
        return [self.saver, "save", run, str(self.saves + 1), self.kind]

    def recorded(self):
        """The calls until the saver returns, but those whose number another thread reaches before: strace counts the calls of
        each thread by themselves, and would stop that one."""
        run, first = self.fresh(), {}
        calls = record(self.command(run), f"{self.folder}/recording", self.env)
        self.end(run)
        for call in calls:
            first.setdefault((call.name, call.nth), call)
        return [call for call in between_marks(calls, self.first) if first[call.name, call.nth] is call]

    def points(self):
        return [(c.name, c.nth, c.text[:80]) for c in self.recorded()]

    def kill_at(self, name, nth):
        """'killed', 'not reached', and what the check said."""
        run = self.fresh()
        result = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", f"trace={name}", "-e",
                                 f"inject={name}:signal=KILL:when={nth}", *self.command(run)],
                                env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return result.returncode in (-9, 137), *self.check(run)

    def kill_after(self, us):
        """The same after a time from its begin; killed is false when the saver was done by then."""
        run = self.fresh()
        result = subprocess.run(self.command(run), env=dict(os.environ, POLYFS_TEST_KILL_US=str(us)), stdout=subprocess.DEVNULL)
        return result.returncode == -9, *self.check(run)

    def check(self, run):
        newest = self.saves + KINDS.get(self.kind, 1)
        check = subprocess.run([self.saver, "check", run, str(self.saves), str(newest), self.kind], capture_output=True, text=True)
        self.end(run)
        return check.returncode == 0, (check.stdout + check.stderr).strip()

    def length(self):
        """Microseconds that it takes when nobody kills it."""
        run = self.fresh()
        took = int(subprocess.run(self.command(run), check=True, capture_output=True).stdout)
        self.end(run)
        return took

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def each(crash, action, places):
    """What an action says of each place."""
    with ThreadPoolExecutor(crash.at_once) as pool:
        return list(pool.map(action, places))


def run_points(crash, points):
    """Returns (hit, not reached, failures)."""
    hit, missed, failures, told = 0, 0, [], {"old": 0, "new": 0}
    for (name, nth, text), (killed, well, said) in zip(points, each(crash, lambda point: crash.kill_at(*point[:2]), points)):
        hit += killed
        missed += not killed
        returned = "/polyfs-mark-end" in text
        if well and said in told and not (returned and said == "old"):
            told[said] += 1
        else:
            failures.append(f"killed {'when it had returned' if returned else f'at {name} number {nth} ({text})'}: {said}")
    print(f"points listed {len(points)}, hit {hit}, not reached {missed}; newest was the old one {told['old']} times, "
          f"the new one {told['new']} times; failures {len(failures)}", flush=True)
    return hit, missed, failures


def run_instants(crash, rng, count=INSTANTS):
    """At random instants: (killed, failures)."""
    length, killed, failures = statistics.median(crash.length() for _ in range(9)), 0, []
    instants = [rng.randrange(int(length)) for _ in range(count)]
    for after, (hit, well, said) in zip(instants, each(crash, crash.kill_after, instants)):
        killed += hit
        if not well or (not hit and said != "new"):
            failures.append(f"killed after {after} us: {said}")
    print(f"{crash.kind}: {count} instants, killed at {killed}, failures {len(failures)}", flush=True)
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


def verdict(listed, missed, failures):
    for failure in failures[:10]:
        print(failure)
    if missed * 50 > listed:
        sys.exit(f"over 2 % of the points were not reached: {missed} of {listed}")
    if failures:
        sys.exit(1)


def main():
    saver, mutant = sys.argv[1:3]
    if "--mutants" in sys.argv:
        mutants(saver, mutant)
    every = "--all" in sys.argv
    seed, limit = int(os.environ.get("POLYFS_SEED", "1")), int(os.environ.get("POLYFS_CRASH_POINTS", "0"))
    rng = random.Random(seed)
    listed, killed, missed, failures = 0, 0, 0, []
    plan = EVERY if every else [(kind, SAVES) for kind in KINDS]
    for kind, saves in plan:
        crash = Crash(saver, kind, saves=saves, first="open" if every else "begin")
        points = crash.points()
        print(f"{kind} after {saves} saves: {len(points)} system calls" + (f"; at most {limit}, seed {seed}" if limit else ""))
        points = sample(points, limit // len(plan), rng)
        hit, none, bad = run_points(crash, points)
        listed, killed, missed = listed + len(points), killed + hit, missed + none
        failures += [f"{kind} after {saves} saves: {f}" for f in bad]
        crash.close()
    crash = Crash(saver, "async")
    hit, bad = run_instants(crash, rng, EVERY_INSTANT if every else INSTANTS)
    crash.close()
    print(f"killed at {killed} calls and {hit} instants, seed {seed}")
    verdict(listed, missed, failures + bad)
    if not hit or (every and not limit and killed + hit < LEAST):
        sys.exit(f"too few kills: {killed + hit}")


if __name__ == "__main__":
    main()
