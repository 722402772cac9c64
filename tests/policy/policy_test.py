#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares polyfs's policy with an independent model on random trainings, and its numbers and names with Python's own.

policy_test.py DRIVER [TRAININGS] [SEED]
"""
import datetime
import json
import math
import random
import struct
import sys
import types
from collections import Counter

import histories
import oracle as o
from peers import Peer, decoded, encoded

NUMBERS, NAMES = 20000, 3000


# ---- numbers ----------------------------------------------------------------------------------------------------


def random_number(rng):
    kind = rng.random()
    if kind < .08:
        return rng.random() < .5
    if kind < .4:
        return rng.choice([0, 1, -1, 65, 0x1f600, 0xd800, 1000, -12345, 2**63 - 1, -2**63, rng.randint(-10**6, 10**6),
                           rng.randint(-2**63, 2**63 - 1), 10**rng.randint(0, 18)])
    if kind < .5:
        return rng.choice([math.nan, math.inf, -math.inf, 0.0, -0.0, .5, 1.5, 2.5, .125, .375, .25, 1e16, 1e15, 1e-4, 1e-5,
                           5e-324, sys.float_info.max, 999999.5, 9.5])
    if kind < .6:
        return math.ldexp(rng.choice([1, -1]), rng.randint(-1074, 1023))
    if kind < .75:
        return struct.unpack("d", struct.pack("Q", rng.getrandbits(64)))[0]
    if kind < .85:
        return struct.unpack("f", struct.pack("f", rng.uniform(-10, 10)))[0]
    return round(rng.uniform(-1000, 1000), rng.randint(0, 5)) * 10**rng.randint(-8, 20)


def random_spec(rng):
    def maybe(share, text):
        return text if rng.random() < share else ""
    small, wide = str(rng.randint(0, 30)), str(rng.randint(31, 270))
    spec = maybe(.3, maybe(.6, rng.choice("*0 x_é😀<=+1")) + rng.choice("<>=^"))
    spec += maybe(.3, rng.choice("+- ")) + maybe(.2, "#") + maybe(.3, "0")
    spec += maybe(.5, small if rng.random() < .95 else wide) + maybe(.25, rng.choice(",_"))
    spec += maybe(.4, "." + rng.choice([str(rng.randint(0, 20))] * 9 + [wide, ""]))
    spec += maybe(.75, rng.choice("eEfFgGn%bcdoxX" if rng.random() < .95 else "sAq, "))
    return maybe(.9, spec) + maybe(.02, rng.choice(["a", "b", " ", "1", "."]))


def expected(make, *args, **kwargs):
    try:
        return make(*args, **kwargs)
    except o.Refused:
        return None


def check_numbers(driver, rng, say):
    refused = 0
    cases = [(random_number(rng), random_spec(rng)) for _ in range(NUMBERS)]
    cases += [(math.ldexp(1, e), "") for e in range(-1074, 1024)]
    for value, spec in cases:
        want = expected(o.number, value, spec)
        got = driver.ask(op="format", value=encoded(value), spec=spec)
        refused += want is None
        if (got["text"] if got["rc"] == "ok" else None) != want or (want is None) != (got["message"] != ""):
            say(f"format({value!r}, {spec!r}): want {want!r}, got {got}")
    return f"{len(cases)} numbers, {refused} refused"


# ---- names ------------------------------------------------------------------------------------------------------


def random_template(rng):
    words = ["{epoch}", "{step}", "{epoch:02d}", "{step:06}", "{val}", "{val:.2f}", "{val_x:.3}", "{a/b.c@d e!}", "{none}", "{n:d}",
             "{none:.3f}", "{flag}", "{flag:d}", "{val:e}", "{n:,}", "x", "-", "a/", "}}", "é", " "]
    wrong = ["{", "}", "{{", "{}", "{:d}", "{a[0]}", "{a]}", "{a[}", "{val:d}", "{n:.2}", "{val:q}", "{a{b}"]
    parts = [rng.choice(words) for _ in range(rng.randint(0, 5))]
    if rng.random() < .2:
        parts.insert(rng.randint(0, len(parts)), rng.choice(wrong))
    return "".join(parts)


def check_names(driver, rng, say):
    refused = 0
    for i in range(NAMES):
        if i % 10 == 0:
            opts = {"flags": rng.choice([0, o.PLAIN_VALUES])}
            opts.update({key: value for key, value in (("join", "_"), ("equals", ":"), ("ext", "")) if rng.random() < .2})
            driver.ask(op="new", opts=opts, run={})
        moment = {"flags": 0, "epoch": rng.randint(0, 20), "step": rng.randint(0, 10**6), "metrics": {
            "val": rng.choice([.3, 1e-7, math.nan, 12.5]), "val_x": 1234.5, "a/b.c@d e!": 1, "n": rng.randint(-5, 10**7),
            "flag": rng.random() < .5, **({"epoch": 3.7} if rng.random() < .2 else {})}}
        args = {"template": random_template(rng), "prefix": rng.choice([None, "", "pre"]), "version": rng.choice([-1, 0, 7])}
        want = expected(o.name, opts, args["template"], moment, prefix=args["prefix"],
                        version=None if args["version"] < 0 else args["version"])
        sent = dict(moment, metrics={k: encoded(v) for k, v in moment["metrics"].items()})
        got = driver.ask(op="name", moment=sent, **args)
        refused += want is None
        if got["text"] != want or (want is None) != (got["rc"] == "invalid"):
            say(f"name of {args}, {moment}: want {want!r}, got {got}")
    return f"{NAMES} names, {refused} refused"


# ---- trainings --------------------------------------------------------------------------------------------------


class Training(histories.Loop):
    """One run over several processes: the files that there are, and two policies that must agree."""
    failing = .05  # of the plans

    def __init__(self, driver, rng, say, seen):
        self.driver, self.say, self.seen = driver, say, seen
        self.choose(rng)
        self.log, self.ours = [], set()
        super().__init__(rng)
        folder = self.run["dirpath"] + ("/" if self.run["dirpath"] and self.run["dirpath"][-1] != "/" else "")
        self.files = {folder + name for name in ("last.ckpt", "ck.ckpt", "ck-v1.ckpt", "epoch=0.ckpt") if rng.random() < .2}

    def choose(self, rng):
        self.quirks = rng.random() < .5
        self.retention = not self.quirks and rng.random() < .5

    def start(self, resume):
        if resume:
            later = {save["path"] for save in self.saves if save["step"] > self.step}
            self.ours = (later | ({self.model.s["last_path"]} if self.model.s["last_path"] else set())) & self.files
            self.seen["resumed"] += 1
        self.model = (o.Quirks if self.quirks else o.Model)(self.opts, self.run)
        self.log.append(["new", self.quirks, dict(self.opts), dict(self.run)])
        got = self.driver.ask(op="new", quirks=self.quirks, opts=self.opts, run=self.run)
        if got["rc"] != "ok":
            self.differ("new", "ok", got)
        if resume:
            got = self.driver.ask(op="restore", state=resume["state"])
            whole = self.model.restore(resume["model"])
            self.log.append(["restore", resume["state"]])
            if got["rc"] != "ok" or got["whole"] != whole:
                self.differ("restore", whole, got)

    def differ(self, what, want, got):
        lines = "\n".join(f"    {line}" for line in self.log[-12:])
        self.say(f"{what}:\n  want {want}\n  got  {got}\n{lines}")
        raise StopIteration

    def happens(self, event, moment):
        before, applied = o.copied(self.model.s), self.rng.random() >= self.failing
        ours, taken = self.files & self.ours, self.files - self.ours
        line = {"op": "on", "event": event, "taken": sorted(taken), "ours": sorted(ours), "applied": applied,
                "moment": dict(moment, metrics={key: encoded(value) for key, value in moment["metrics"].items()})}
        self.log.append(line)
        self.driver.send(**line)
        try:
            want = {"rc": "ok", "steps": self.model.on(event, moment, taken, ours)}
        except o.Refused as refused:
            want = {"rc": str(refused)}
        got = self.driver.receive()
        self.compare(event, want, got)
        if got.get("steps") and not applied:
            self.model.s = before
            self.seen["dropped"] += 1
        elif got.get("steps"):
            self.carry_out(got)
        self.compare_state(got)
        if got.get("steps") and applied:
            self.remember(got)
        return got

    def compare(self, event, want, got):
        steps = [step[:3] for step in got["steps"]] if "steps" in got else None
        self.seen[got["rc"]] += 1
        if got["rc"] != want["rc"] or steps != want.get("steps"):
            self.differ(f"event {event}", want, got)
        if steps is None:
            return
        s = self.model.s
        for step in steps:
            self.seen[("", "save", "copy", "link", "remove", "leave")[step[0]]] += 1
        score = decoded(got["best_score"]) if got["flags"] & 4 else None
        plan = [got["last"], got["best"], score, bool(got["flags"] & 2), got["flags"] & 1]
        model = [s["last_path"], s["best_path"], s["best_score"], self.model.warn, self.opts["flags"] & o.WEIGHTS_ONLY]
        if plan != model:
            self.differ(f"plan of event {event}", model, plan)

    def compare_state(self, got):
        have = json.loads(got["state"])
        have["best_k_models"] = {path: decoded(score) for path, score in have["best_k_models"].items()}
        want, s = self.model.state(), self.model.s
        if list(have["best_k_models"].items()) != list(want["best_k_models"].items()):
            self.differ("best_k", want, have)
        want.update(last_global_step_saved=s["saved_step"], last_checkpoint_saved=s["saved_path"], deferred=s["deferred"],
                    kept=[{"path": path, "for_good": good} for path, good in s["kept"]], kept_time_ms=s["kept_time"])
        have = {key: decoded(value) if isinstance(value, str) else value for key, value in have.items() if key != "format"}
        if have != want:
            self.differ("state", want, have)

    def carry_out(self, got):
        for what, path, *_ in got["steps"]:
            if what == o.REMOVE:
                self.files.discard(path)
            elif what != o.LEAVE:
                self.files.add(path)

    def remember(self, got):
        for what, path, *_ in got["steps"]:
            if what == o.SAVE:
                model = types.SimpleNamespace(folder=self.model.folder, s=o.copied(self.model.s))
                self.saves.append({"model": model, "state": got["state"], "path": path, "epoch": self.epoch, "step": self.step})

    def check_key(self):
        got = self.driver.ask(op="key")
        if got["text"] != state_key(self.model):
            self.differ("key", state_key(self.model), got)


def state_key(model):
    ms = model.interval
    return "ModelCheckpoint" + repr({
        "monitor": model.opts.get("monitor"), "mode": "min" if model.low else "max", "every_n_train_steps": model.steps,
        "every_n_epochs": model.epochs, "train_time_interval": None if ms is None else datetime.timedelta(milliseconds=ms)})


def check_trainings(driver, rng, say, count):
    seen = Counter()
    for i in range(count):
        own = random.Random(rng.getrandbits(64))
        training = Training(driver, own, lambda text, i=i: say(f"training {i}, {text}"), seen)
        try:
            training.play()
            training.check_key()
        except StopIteration:
            pass
    for what in ("save", "copy", "link", "remove", "leave", "ok", "config", "dropped", "resumed"):
        if seen[what] < count // 20:
            say(f"only {seen[what]} of {what} in {count} trainings")
    return f"{count} trainings: {dict(seen)}"


def main():
    trainings = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    rng, driver, complaints = random.Random(seed), Peer(sys.argv[1]), []

    def say(text):
        complaints.append(text)
        if len(complaints) <= 5:
            print(text)

    print(check_numbers(driver, rng, say))
    print(check_names(driver, rng, say))
    print(check_trainings(driver, rng, say, trainings))
    driver.close()
    print(f"seed {seed}: {len(complaints)} different")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
