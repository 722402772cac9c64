#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares polyfs's policy with an independent model on random trainings, and its numbers and names with Python's own.

policy_test.py DRIVER [TRAININGS] [SEED]
"""
import copy
import datetime
import json
import math
import random
import struct
import subprocess
import sys
from collections import Counter

import oracle as o

NUMBERS, NAMES = 20000, 3000


class Driver:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, **line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"the driver died of {line}")
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        if self.process.wait():
            raise SystemExit(f"the driver ended with {self.process.returncode}")


def encoded(value):
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def decoded(value):
    return float(value) if value in ("nan", "inf", "-inf") else value


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
    wrong = ["{", "}", "{{", "{}", "{:d}", "{a[0]}", "{a]}", "{val:d}", "{n:.2}", "{val:q}", "{a{b}"]
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


def random_opts(rng, retention):
    opts = {"filename": rng.choice([None, "{epoch}-{step}", "{epoch}", "ck", "{step}-{val:.2f}", "a/{val}", "e{epoch}"]),
            "monitor": rng.choice([None, "val", "val", "val", "train", "step"]), "mode": rng.randint(0, 1),
            "save_last": rng.randint(0, 2), "when": rng.choice([0, 0, 1, 2]),
            "save_top_k": rng.choice([0, o.ZERO, 1, 1, 2, 2, 3, 5, o.ALL]),
            "starting_version": rng.choice([0, 0, o.ZERO, 4]), "flags": 0}
    for flag, share in ((o.WEIGHTS_ONLY, .1), (o.ON_EXCEPTION, .5), (o.PLAIN_VALUES, .2), (o.NO_VERSION_COUNTER, .2)):
        opts["flags"] |= flag if rng.random() < share else 0
    if not opts["monitor"]:
        opts["save_top_k"] = rng.choice([0, 1, o.ZERO, o.ALL])
    if rng.random() < .3:
        opts["name_last"] = rng.choice(["last-{step}", "{epoch}", "last{val:.1f}", "ck"])
    trigger = rng.choice(["", "", "every_n_train_steps", "every_n_train_steps", "every_n_epochs", "train_time_interval_ms"])
    if trigger:
        opts[trigger] = rng.choice([1, 2, 3, 4, o.ZERO])
    if trigger == "train_time_interval_ms":
        opts[trigger] = rng.choice([o.ZERO, 5, 30])
    if retention:
        opts.update({key: value for key, value in (("keep_newest", rng.randint(1, 3)), ("keep_every_n_steps", rng.randint(2, 5)),
                                                   ("keep_every_ms", 40)) if rng.random() < .5})
    return {key: value for key, value in opts.items() if value is not None}


def random_run(rng, opts):
    run = {"flags": 0, "dirpath": rng.choice(["", "/run", "s3://b/run/", "runs/a"])}
    for flag, share in ((o.REMOTE, .3), (o.DRY, .02), (o.MANUAL, .15), (o.NO_VALIDATION, .2), (o.VALIDATES_BY_TIME, .1),
                        (o.VALIDATES_WITHIN, .4)):
        run["flags"] |= flag if rng.random() < share else 0
    if opts["save_last"] == o.LINK_LAST:
        run["flags"] &= ~o.REMOTE
    if rng.random() < .2:
        run["validate_every_n_epochs"] = 2
    return run


class Training:
    """One run over several processes: the files that there are, and two policies that must agree."""

    def __init__(self, driver, rng, say, seen):
        self.driver, self.rng, self.say, self.seen = driver, rng, say, seen
        self.quirks = rng.random() < .5
        self.opts = random_opts(rng, not self.quirks and rng.random() < .5)
        self.run = random_run(rng, self.opts)
        folder = self.run["dirpath"] + ("/" if self.run["dirpath"] and self.run["dirpath"][-1] != "/" else "")
        self.files = {folder + name for name in ("last.ckpt", "ck.ckpt", "ck-v1.ckpt", "epoch=0.ckpt") if rng.random() < .2}
        self.ours, self.saves = set(), []
        self.epoch = self.step = self.now = 0
        self.missing = rng.random() < .1  # a metric that never comes
        self.values = [rng.choice([.5, 1.0, 1.5, 2.0, math.nan]) for _ in range(4)] if rng.random() < .4 else None
        self.log = []

    def start(self, resume):
        self.model = (o.Quirks if self.quirks else o.Model)(self.opts, self.run)
        self.log.append(["new", self.quirks, self.opts, self.run])
        got = self.driver.ask(op="new", quirks=self.quirks, opts=self.opts, run=self.run)
        if got["rc"] != "ok":
            self.differ("new", "ok", got)
        if resume:
            model, text = resume[:2]
            got = self.driver.ask(op="restore", state=text)
            whole = self.model.restore(model)
            self.log.append(["restore", text])
            if got["rc"] != "ok" or got["whole"] != whole:
                self.differ("restore", whole, got)
        self.metrics, self.validated = {}, False

    def differ(self, what, want, got):
        lines = "\n".join(f"    {line}" for line in self.log[-12:])
        self.say(f"{what}:\n  want {want}\n  got  {got}\n{lines}")
        raise StopIteration

    def value(self):
        return self.rng.choice(self.values) if self.values else round(self.rng.gauss(1, 1), 3)

    def on(self, event, flags=0, epoch=None):
        rng, before = self.rng, copy.deepcopy(self.model.s)
        if self.run["flags"] & o.MANUAL == 0 and self.model.interval is not None and rng.random() < .3:
            flags |= rng.choice([o.TIME_DUE, o.TIME_NOT_DUE])
        moment = {"flags": flags | (o.VALIDATED if self.validated else 0), "epoch": self.epoch if epoch is None else epoch,
                  "step": self.step, "now_ms": self.now, "time_ms": 1000 + self.now, "metrics": dict(self.metrics)}
        applied = rng.random() > .05
        sent = dict(moment, metrics={k: encoded(v) for k, v in self.metrics.items()})
        line = {"op": "on", "event": event, "moment": sent, "taken": sorted(self.files - self.ours), "ours": sorted(self.ours),
                "applied": applied}
        self.log.append(line)
        got = self.driver.ask(**line)
        try:
            want = {"rc": "ok", "steps": self.model.on(event, moment, self.files - self.ours, self.ours)}
        except o.Refused as refused:
            want = {"rc": str(refused)}
        self.compare(event, want, got)
        if got.get("steps") and not applied:
            self.model.s = before
            self.seen["dropped"] += 1
        elif got.get("steps"):
            self.carry_out(got)
        self.compare_state(got)
        if got.get("steps") and applied:
            self.remember(got)

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
                self.saves.append((copy.deepcopy(self.model), got["state"], path, self.epoch, self.step))

    # ---- the loop

    def validate(self, flags=0):
        if not flags and not self.missing:
            self.metrics["val"] = self.value()
        self.validated = self.validated or not flags
        self.on(o.VALIDATION_END, flags)

    def validates(self, last_batch):
        flags = self.run["flags"]
        if flags & o.NO_VALIDATION:
            return False
        if flags & (o.VALIDATES_WITHIN | o.VALIDATES_BY_TIME) and self.rng.random() < .4:
            return True
        return last_batch and (self.epoch + 1) % self.run.get("validate_every_n_epochs", 1) == 0

    def process(self):
        rng = self.rng
        if rng.random() < .2:
            self.validate(o.SANITY)
        self.on(o.TRAIN_START)
        batches = rng.randint(1, 5)
        for _ in range(rng.randint(2, 7)):
            for batch in range(batches):
                self.step += rng.random() < .95
                self.now += rng.randint(1, 20)
                if rng.random() < .7:
                    self.metrics["train"] = self.value()
                last = batch == batches - 1
                validates = self.validates(last)
                self.on(o.BATCH_END, (o.LAST_BATCH if last else 0) | (o.VALIDATION_NEXT if validates else 0))
                if validates:
                    self.validate()
                if rng.random() < .02:
                    self.on(o.EXCEPTION, rng.choice([0, 0, o.NOT_FITTING, o.SANITY]))
                    return
            self.on(o.EPOCH_END)
            self.epoch += 1
        self.on(o.TRAIN_END)

    def resume(self):
        """Another process: from a checkpoint of before, perhaps with other rules, perhaps into another folder."""
        rng, resume = self.rng, None
        if self.saves and rng.random() < .85:
            resume = rng.choice(self.saves)
            _, _, path, self.epoch, self.step = resume
            later = {p for _, _, p, _, step in self.saves if step > self.step}
            self.ours = (later | ({self.model.s["last_path"]} if self.model.s["last_path"] else set())) & self.files
            self.run["resumed_from"] = path
            self.seen["resumed"] += 1
        else:
            self.epoch = self.step = 0
        if self.opts.get("monitor") and rng.random() < .4:
            self.opts["save_top_k"] = rng.choice([o.ZERO, 1, 2, 4, o.ALL])
        if rng.random() < .2:
            self.run["dirpath"] = rng.choice(["/run", "runs/b"])
        self.start(resume)

    def play(self):
        self.start(None)
        for i in range(self.rng.randint(1, 4)):
            if i:
                self.resume()
            self.process()
        self.check_key()

    def check_key(self):
        ms = self.model.interval
        want = "ModelCheckpoint" + repr({
            "monitor": self.opts.get("monitor"), "mode": "min" if self.model.low else "max", "every_n_train_steps": self.model.steps,
            "every_n_epochs": self.model.epochs,
            "train_time_interval": None if ms is None else datetime.timedelta(milliseconds=ms)})
        got = self.driver.ask(op="key")
        if got["text"] != want:
            self.differ("key", want, got)


def check_trainings(driver, rng, say, count):
    seen = Counter()
    for i in range(count):
        own = random.Random(rng.getrandbits(64))
        try:
            Training(driver, own, lambda text, i=i: say(f"training {i}, {text}"), seen).play()
        except StopIteration:
            pass
    for what in ("save", "copy", "link", "remove", "leave", "ok", "config", "dropped", "resumed"):
        if seen[what] < count // 20:
            say(f"only {seen[what]} of {what} in {count} trainings")
    return f"{count} trainings: {dict(seen)}"


def main():
    trainings = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    rng, driver, complaints = random.Random(seed), Driver(sys.argv[1]), []

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
