# SPDX-License-Identifier: Apache-2.0
"""Copies of a run of three steps on a real server behind proxy.py, saves to them through it, and what is left of them."""
import importlib
import json
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "servers"))

BUCKET = "crash"
RECORDS = 5
PROXIED = {**os.environ, "POLYFS_PART_BYTES": "5MiB"}
STORES = {"s3": "bucket", "gs": "gcs_bucket", "abfs": "container"}  # modules that ask a server of it


class Control:
    """The proxy, as it is told what to do."""

    def __init__(self):
        self.file = socket.create_connection(("127.0.0.1", int(os.environ["POLYFS_FAULT_CONTROL"]))).makefile("rwb")

    def tell(self, what, **more):
        self.file.write(json.dumps({"do": what, **more}).encode() + b"\n")
        self.file.flush()
        return json.loads(self.file.readline())


class Place:
    """The store of one protocol: requests of this program's own, and settings of others', which go past the proxy."""

    def __init__(self, scheme):
        self.scheme, self.store = scheme, importlib.import_module(STORES[scheme])
        own = self.store.past(os.environ["POLYFS_FAULT_DIRECT"])
        os.environ.update(own)
        self.direct = {**PROXIED, **own}

    def url(self, run):
        return f"{self.scheme}://{BUCKET}/{run}"

    def left_over(self, run):
        """What no kept record names, and uploads that nobody finished, by asking the store alone."""
        keys = self.store.keys(BUCKET, run + "/")
        records = [key for key in keys if key.startswith(f"{run}/.ckpt/log/")]
        states = [json.loads(self.store.get(BUCKET, key))["body"] for key in records]
        named = {row["attempt"] for state in states for row in state["live"] + state["garbage"]}
        bad = [key for key in keys if key not in records and not any(f"/{attempt}/" in key for attempt in named)]
        bad += [f"{len(records)} records"] if len(records) > RECORDS else []
        return bad + [f"the upload of {key}" for key in self.store.uploads(BUCKET, run + "/")]

    def make_template(self, saver):
        self.store.make(BUCKET)
        for step in ("1", "2", "3"):
            subprocess.run([saver, "save", self.url("template"), step], env=self.direct, check=True, stdout=subprocess.DEVNULL)


class Runs:
    """Each save in a copy of its own."""

    def __init__(self, place, saver, control, name):
        self.place, self.saver, self.control, self.name, self.runs = place, saver, control, name, 0

    def fresh(self):
        self.runs += 1
        run = f"{self.name}/run{self.runs}"
        self.place.store.copy(BUCKET, "template/", run + "/")
        return run

    def save(self, run, kind, rules=(), env=None):
        """What became of a save through the proxy."""
        self.control.tell("rules", rules=list(rules))
        return subprocess.run([self.saver, "save", self.place.url(run), "4", kind], env=env or PROXIED, capture_output=True, text=True)

    def count(self, kind):
        """How many requests it takes when nobody disturbs it."""
        run = self.fresh()
        if self.save(run, kind).returncode:
            sys.exit(f"a save of kind {kind} fails where nothing is wrong")
        self.place.store.remove(BUCKET, run + "/")
        return len(self.control.tell("journal")["requests"])

    def check(self, run, newest):
        """'old' or 'new' when all is well, else what is wrong; it goes past the proxy, and the run with it."""
        told = subprocess.run([self.saver, "check", self.place.url(run), "3", str(newest)], env=self.place.direct, capture_output=True, text=True)
        bad = self.place.left_over(run)
        self.place.store.remove(BUCKET, run + "/")
        if told.returncode or bad:
            return f"{told.stdout} {told.stderr} left behind: {bad[:3]}"
        return told.stdout.strip()
