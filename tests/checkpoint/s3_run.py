# SPDX-License-Identifier: Apache-2.0
"""Copies of a run of three steps on a real S3 server behind proxy.py, saves to them through it, and what is left of them."""
import json
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "servers"))
import bucket as store

BUCKET = "crash"
RECORDS = 5
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


def make_template(saver):
    store.send("PUT", f"/{BUCKET}")
    for step in ("1", "2", "3"):
        subprocess.run([saver, "save", f"s3://{BUCKET}/template", step], env=DIRECT, check=True, stdout=subprocess.DEVNULL)


class Runs:
    """Each save in a copy of its own."""

    def __init__(self, saver, control, name):
        self.saver, self.control, self.name, self.runs = saver, control, name, 0

    def fresh(self):
        self.runs += 1
        run = f"{self.name}/run{self.runs}"
        store.copy(BUCKET, "template/", run + "/")
        return run

    def save(self, run, kind, rules=(), env=None):
        """What became of a save through the proxy."""
        self.control.tell("rules", rules=list(rules))
        return subprocess.run([self.saver, "save", f"s3://{BUCKET}/{run}", "4", kind], env=env or PROXIED, capture_output=True, text=True)

    def count(self, kind):
        """How many requests it takes when nobody disturbs it."""
        run = self.fresh()
        if self.save(run, kind).returncode:
            sys.exit(f"a save of kind {kind} fails where nothing is wrong")
        store.remove(BUCKET, run + "/")
        return len(self.control.tell("journal")["requests"])

    def check(self, run, newest):
        """'old' or 'new' when all is well, else what is wrong; it goes past the proxy, and the run with it."""
        told = subprocess.run([self.saver, "check", f"s3://{BUCKET}/{run}", "3", str(newest)], env=DIRECT, capture_output=True, text=True)
        bad = left_over(run)
        store.remove(BUCKET, run + "/")
        if told.returncode or bad:
            return f"{told.stdout} {told.stderr} left behind: {bad[:3]}"
        return told.stdout.strip()
