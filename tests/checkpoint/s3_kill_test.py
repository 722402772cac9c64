#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the saver with SIGKILL at every request that each kind of save sends to a real S3 server, once before the server
sees it and once when it is applied and not yet answered; then at random requests, some of them late, and up to three times
in a row, so that what a kill left meets the next. After each the newest checkpoint must be the old or the new one, whole,
the next save must work, and behind garbage collection the store itself must hold no object that no record names, and no
unfinished upload.

Requests of a save follow each other, but those of a file's parts: there the point is the k-th that arrives.

proxy.py run minio -- python3 s3_kill_test.py SAVER [RANDOM]      POLYFS_CRASH_POINTS, POLYFS_SEED as for kill_test.py
"""
import json
import os
import random
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "servers"))
import bucket as store

BUCKET = "crash"
KINDS = {"open": 3, "plain": 4, "tensors": 4, "ranks": 4, "async": 4, "parts": 4, "gc": 3, "drop": 3}  # the newest when done
AGAIN = ("plain", "tensors", "ranks", "async", "parts", "gc")  # what may be killed, and begun again
RECORDS = 5
LATE_MS = 30
PROXIED = {**os.environ, "POLYFS_PART_BYTES": "5MiB"}
DIRECT = {**PROXIED, "AWS_ENDPOINT_URL": os.environ["POLYFS_FAULT_DIRECT"]}
os.environ["AWS_ENDPOINT_URL"] = DIRECT["AWS_ENDPOINT_URL"]  # of this program's own requests


class Control:
    """The proxy, as it is told what to do."""

    def __init__(self):
        self.file = socket.create_connection(("127.0.0.1", int(os.environ["POLYFS_FAULT_CONTROL"]))).makefile("rwb")

    def tell(self, what, **more):
        self.file.write(json.dumps({"do": what, **more}).encode() + b"\n")
        self.file.flush()
        return json.loads(self.file.readline())


def left_over(run):
    """What no kept record names, and uploads that nobody finished, by asking the store alone."""
    keys = store.keys(BUCKET, run + "/")
    records = [key for key in keys if key.startswith(f"{run}/.ckpt/log/")]
    states = [json.loads(store.get(BUCKET, key))["body"] for key in records]
    named = {row["attempt"] for state in states for row in state["live"] + state["garbage"]}
    bad = [key for key in keys if key not in records and not any(f"/{attempt}/" in key for attempt in named)]
    bad += [f"{len(records)} records"] if len(records) > RECORDS else []
    return bad + [f"the upload of {key}" for key in store.uploads(BUCKET, run + "/")]


class Crash:
    """Saves of one kind, each in a copy of the same run of three steps."""

    def __init__(self, saver, control, kind):
        self.saver, self.control, self.kind, self.runs = saver, control, kind, 0
        self.opening, self.requests = 0, 0

    def fresh(self):
        self.runs += 1
        run = f"{self.kind}/run{self.runs}"
        store.copy(BUCKET, "template/", run + "/")
        if self.kind == "gc":  # something to collect: a save that died, and its upload
            self.killed(run, "parts", {"method": "POST", "target": "uploadId", "apply": False})
        return run

    def killed(self, run, kind, rule):
        """Whether a save was killed by that rule. It starts when the proxy knows its number."""
        wait = ["sh", "-c", 'read -r go && exec "$0" "$@"', self.saver, "save", f"s3://{BUCKET}/{run}", "4", kind]
        process = subprocess.Popen(wait, env=PROXIED, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.control.tell("rules", rules=[{**rule, "kill": process.pid}])
        process.communicate(b"go\n")
        self.control.tell("quiet")
        return process.returncode == -signal.SIGKILL

    def count(self, kind):
        """How many requests it takes when nobody kills it."""
        run = self.fresh()
        self.control.tell("rules", rules=[])
        subprocess.run([self.saver, "save", f"s3://{BUCKET}/{run}", "4", kind], env=PROXIED, check=True)
        store.remove(BUCKET, run + "/")
        return len(self.control.tell("journal")["requests"])

    def points(self):
        """(number of the request, whether it is applied): of opening the run in a kind of its own, else of what follows."""
        self.opening = 0 if self.kind == "open" else self.count("open")
        self.requests = self.count(self.kind)
        return [(number, applied) for number in range(self.opening + 1, self.requests + 1) for applied in (False, True)]

    def check(self, run, old="3", new=None):
        """'old' or 'new' when all is well, else what is wrong."""
        told = subprocess.run([self.saver, "check", f"s3://{BUCKET}/{run}", old, new or str(KINDS[self.kind])], env=DIRECT,
                              capture_output=True, text=True)
        bad = left_over(run)
        store.remove(BUCKET, run + "/")
        if told.returncode or bad:
            return f"{told.stdout} {told.stderr} left behind: {bad[:3]}"
        return told.stdout.strip()


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
        result.add(hit, crash.check(run), f"killed {'after' if applied else 'before'} request {number} of {crash.requests}")
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
        result.add(rows[0][0], crash.check(run, new="4"), f"{crash.kind} killed by {[rule for _, rule in rows]}")
    return result.end("random")


def planted(crash):
    """A check that finds nothing proves nothing: data that the server acknowledged and lost, an object and an upload of nobody."""
    lost = {"method": "PUT", "target": r"a\.bin", "status": 200, "headers": [["ETag", '"0"']], "count": 0}
    run = crash.fresh()
    crash.control.tell("rules", rules=[lost])
    subprocess.run([crash.saver, "save", f"s3://{BUCKET}/{run}", "4"], env=PROXIED, check=True)
    found = [crash.check(run) not in ("old", "new")]
    run = crash.fresh()
    store.put(BUCKET, f"{run}/step=9/{'0' * 32}/a.bin", b"planted")
    store.send("POST", store.path_of(BUCKET, f"{run}/step=9/{'1' * 32}/a.bin"), "uploads=")
    found += [len(left_over(run)) == 2, crash.check(run) == "old"]
    print(f"planted mistakes: {['NOT caught', 'caught'][all(found)]}")
    return all(found)


def sample(points, limit, rng):
    return sorted(rng.sample(points, limit)) if limit and limit < len(points) else points


def main():
    saver, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    seed, limit = int(os.environ.get("POLYFS_SEED", "1")), int(os.environ.get("POLYFS_CRASH_POINTS", "0"))
    rng, control = random.Random(seed), Control()
    store.send("PUT", f"/{BUCKET}")
    for step in ("1", "2", "3"):
        subprocess.run([saver, "save", f"s3://{BUCKET}/template", step], env=DIRECT, check=True)
    crashes = {kind: Crash(saver, control, kind) for kind in KINDS}
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
