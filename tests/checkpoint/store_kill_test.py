#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the saver with SIGKILL at every request that each kind of save sends to a real server, once before the server
sees it and once when it is applied and not yet answered; then at random requests, some of them late, and up to three times
in a row, so that what a kill left meets the next. After each the newest checkpoint must be the old or the new one, whole,
the next save must work, and behind garbage collection the store itself must hold no object that no record names, and no
unfinished upload.

Requests of a save follow each other, but those of a file's parts: there the point is the k-th that arrives.

proxy.py run SERVER -- python3 store_kill_test.py s3|gs|abfs SAVER [RANDOM]
POLYFS_CRASH_POINTS, POLYFS_SEED as for kill_test.py
"""
import os
import random
import signal
import subprocess
import sys

from store_run import BUCKET, Control, PROXIED, Place, Runs

KINDS = {"open": 3, "plain": 4, "tensors": 4, "ranks": 4, "async": 4, "parts": 4, "gc": 3, "drop": 3}  # the newest when done
AGAIN = ("plain", "tensors", "ranks", "async", "parts", "gc")  # what may be killed, and begun again
LATE_MS = 30


class Crash(Runs):
    """Saves of one kind that are killed."""

    def __init__(self, place, saver, control, kind):
        super().__init__(place, saver, control, kind)
        self.kind, self.opening, self.requests = kind, 0, 0

    def fresh(self):
        run = super().fresh()
        if self.kind == "gc":  # something to collect: a save that died, and its upload
            self.killed(run, "parts", {**self.place.store.ENDS_UPLOAD, "apply": False})
        return run

    def killed(self, run, kind, rule):
        """Whether a save was killed by that rule. It starts when the proxy knows its number."""
        wait = ["sh", "-c", 'read -r go && exec "$0" "$@"', self.saver, "save", self.place.url(run), "4", kind]
        process = subprocess.Popen(wait, env=PROXIED, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.control.tell("rules", rules=[{**rule, "kill": process.pid}])
        process.communicate(b"go\n")
        self.control.tell("quiet")
        return process.returncode == -signal.SIGKILL

    def points(self):
        """(number of the request, whether it is applied): of opening the run in a kind of its own, else of what follows."""
        self.opening = 0 if self.kind == "open" else self.count("open")
        self.requests = self.count(self.kind)
        return [(number, applied) for number in range(self.opening + 1, self.requests + 1) for applied in (False, True)]


class Result:
    def __init__(self):
        self.listed, self.hit, self.told, self.failures = 0, 0, {"old": 0, "new": 0}, []

    def add(self, hit, said, where):
        self.listed += 1
        self.hit += hit
        if said in self.told:
            self.told[said] += 1
        else:
            self.failures.append(f"{where}: {said}")

    def end(self, name):
        print(f"{name}: points listed {self.listed}, hit {self.hit}, not reached {self.listed - self.hit}; newest was the old one "
              f"{self.told['old']} times, the new one {self.told['new']} times; failures {len(self.failures)}", flush=True)
        for failure in self.failures[:10]:
            print(failure)
        if (self.listed - self.hit) * 50 > self.listed:
            self.failures.append(f"{name}: over 2 % of the points were not reached")
            print(self.failures[-1])
        return not self.failures and self.hit > 0


def at_every_request(crash, points):
    result = Result()
    for number, applied in points:
        run = crash.fresh()
        hit = crash.killed(run, crash.kind, {"from": number, "apply": applied})
        result.add(hit, crash.check(run, KINDS[crash.kind]), f"killed {'after' if applied else 'before'} request {number} of {crash.requests}")
    return result.end(crash.kind)


def at_random(crashes, count, rng):
    """The first kill of a row is a point; those that follow meet a run that another kill left."""
    result = Result()
    for _ in range(count):
        crash = crashes[rng.choice(AGAIN)]
        run, rows = crash.fresh(), []
        for _ in range(rng.randint(1, 3)):
            rule = {"from": rng.randint(1, crash.requests), "apply": rng.random() < .5, "delay_ms": rng.randint(0, LATE_MS)}
            rows.append((crash.killed(run, crash.kind, rule), rule))
        result.add(rows[0][0], crash.check(run, 4), f"{crash.kind} killed by {[rule for _, rule in rows]}")
    return result.end("random")


def planted(crash):
    """A check that finds nothing proves nothing: data that the server acknowledged and lost, an object and an upload of nobody."""
    run, place, store = crash.fresh(), crash.place, crash.place.store
    found = [crash.save(run, "plain").returncode == 0]
    for key in store.keys(BUCKET, f"{run}/step=4/"):
        if key.endswith("/a.bin"):
            store.remove(BUCKET, key)
    found.append(crash.check(run, 4) not in ("old", "new"))
    run = crash.fresh()
    known = set(place.left_over(run))
    store.put(BUCKET, f"{run}/step=9/{'0' * 32}/a.bin", b"planted")
    if store.has_uploads():
        store.begin(BUCKET, f"{run}/step=9/{'1' * 32}/a.bin")
    found += [len(set(place.left_over(run)) - known) == 1 + store.has_uploads(), crash.check(run, 4) == "old"]
    print(f"planted mistakes: {['NOT caught', 'caught'][all(found)]}")
    return all(found)


def sample(points, limit, rng):
    return sorted(rng.sample(points, limit)) if limit and limit < len(points) else points


def main():
    place, saver, count = Place(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0
    seed, limit = int(os.environ.get("POLYFS_SEED", "1")), int(os.environ.get("POLYFS_CRASH_POINTS", "0"))
    rng, control = random.Random(seed), Control()
    place.make_template(saver)
    crashes = {kind: Crash(place, saver, control, kind) for kind in KINDS}
    points = {kind: crash.points() for kind, crash in crashes.items()}
    print(f"{sum(map(len, points.values()))} points in all, seed {seed}" + (f", at most {limit}" if limit else ""), flush=True)
    well = planted(crashes["plain"])
    for kind, crash in crashes.items():
        well &= at_every_request(crash, sample(points[kind], limit // len(KINDS), rng))
    if count:
        well &= at_random(crashes, count, rng)
    sys.exit(not well)


if __name__ == "__main__":
    main()
