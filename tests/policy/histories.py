# SPDX-License-Identifier: Apache-2.0
"""Random trainings: rules of a policy, what the loop is like, and what happens in its processes one after the other."""
import math
import struct

import oracle as o

LOCAL, REMOTE = ("", "/run", "runs/checkpoints"), ("s3://b/run/", "s3://b/checkpoints")


def single(value):
    """As a metric is logged: in 32 bits."""
    return struct.unpack("f", struct.pack("f", value))[0]


def random_opts(rng, retention=False):
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
    opts.update({key: value for key, value in (("join", "_"), ("equals", ":"), ("ext", ".pt")) if rng.random() < .05})
    trigger = rng.choice(["", "", "every_n_train_steps", "every_n_train_steps", "every_n_epochs", "train_time_interval_ms"])
    if trigger:
        opts[trigger] = rng.choice([1, 2, 3, 4, o.ZERO])
    if trigger == "train_time_interval_ms":
        opts[trigger] = rng.choice([o.ZERO, 2500, 15000])
    if retention:
        opts.update({key: value for key, value in (("keep_newest", rng.randint(1, 3)), ("keep_every_n_steps", rng.randint(2, 5)),
                                                   ("keep_every_ms", 20000)) if rng.random() < .5})
    return {key: value for key, value in opts.items() if value is not None}


def random_run(rng, opts):
    run = {"flags": 0}
    for flag, share in ((o.REMOTE, .3), (o.DRY, .02), (o.MANUAL, .15), (o.NO_VALIDATION, .2), (o.VALIDATES_BY_TIME, .1),
                        (o.VALIDATES_WITHIN, .4)):
        run["flags"] |= flag if rng.random() < share else 0
    if opts["save_last"] == o.LINK_LAST:
        run["flags"] &= ~o.REMOTE
    if rng.random() < .2:
        run["validate_every_n_epochs"] = 2
        # it counts batches on from epoch to epoch
        run["over_epochs"] = bool(run["flags"] & o.VALIDATES_WITHIN) and rng.random() < .5
    return run


class Loop:
    """One training. Subclasses know what start() and happens() do, and add what they can go on from to saves."""
    retention = False
    local, remote = LOCAL, REMOTE

    def __init__(self, rng):
        self.rng = rng
        self.opts = random_opts(rng, self.retention)
        self.run = random_run(rng, self.opts)
        self.place()
        self.saves = []  # {"path", "epoch", "step", …}
        self.epoch = self.step = self.now = self.events = 0
        self.missing = rng.random() < .1  # a metric that never comes
        self.values = [rng.choice([.5, 1.0, 1.5, 2.0, math.nan, math.inf]) for _ in range(4)] if rng.random() < .4 else None
        self.own_counts = rng.random() < .1  # the loop logs epoch and step itself
        self.begin()

    def begin(self):
        self.metrics, self.validated = {}, False

    def place(self):
        """A folder, by the rules or by the run."""
        folder = self.rng.choice(self.remote if self.run["flags"] & o.REMOTE else self.local)
        self.opts.pop("dirpath", None)
        self.run["dirpath"] = folder
        if self.rng.random() < .5 or not folder.endswith("checkpoints"):
            self.opts["dirpath"] = folder

    def value(self):
        return self.rng.choice(self.values) if self.values else single(round(self.rng.gauss(1, 1), 3))

    def on(self, event, flags=0):
        if self.run["flags"] & o.MANUAL == 0 and "train_time_interval_ms" in self.opts and self.rng.random() < .3:
            flags |= self.rng.choice([o.TIME_DUE, o.TIME_NOT_DUE])
        self.events += 1
        self.happens(event, {"flags": flags | (o.VALIDATED if self.validated else 0), "epoch": self.epoch, "step": self.step,
                             "now_ms": self.now, "time_ms": 1000 + self.now, "metrics": dict(self.metrics)})

    def validate(self, flags=0):
        if not flags and not self.missing:
            self.metrics["val"] = self.value()
        self.validated = self.validated or not flags
        self.on(o.VALIDATION_END, flags)

    def validates(self, last):
        """(comes a validation behind this batch, was that to be foreseen): Lightning foresees by epochs, at their end."""
        flags, each = self.run["flags"], self.run.get("validate_every_n_epochs", 1)
        if flags & o.NO_VALIDATION:
            return False, False
        comes = bool(flags & (o.VALIDATES_WITHIN | o.VALIDATES_BY_TIME)) and self.rng.random() < .4
        if self.run.get("over_epochs"):
            return comes, comes or last
        due = last and (self.epoch + 1) % each == 0
        return comes or due, due if last else comes

    def batch(self, last):
        rng = self.rng
        self.step += rng.random() < .95
        self.now += rng.randint(1, 20) * 500
        if rng.random() < .7:
            self.metrics["train"] = self.value()
        if self.own_counts:
            self.metrics.update(epoch=float(self.epoch), step=single(self.step + .5))
        comes, foreseen = self.validates(last)
        self.on(o.BATCH_END, (o.LAST_BATCH if last else 0) | (o.VALIDATION_NEXT if foreseen else 0))
        if comes:
            self.validate()

    def process(self):
        rng = self.rng
        if rng.random() < .2:
            self.validate(o.SANITY)
        self.on(o.TRAIN_START)
        batches = rng.randint(1, 5)
        for _ in range(rng.randint(2, 7)):
            for i in range(batches):
                self.batch(i == batches - 1)
                if rng.random() < .02:
                    self.on(o.EXCEPTION, rng.choice([0, 0, o.NOT_FITTING, o.SANITY]))
                    return
            self.on(o.EPOCH_END)
            self.epoch += 1
        self.on(o.TRAIN_END)
        if rng.random() < .1:
            self.validate(o.NOT_FITTING)

    def resume(self):
        """Another process: from a checkpoint of before, perhaps with other rules, perhaps into another folder."""
        rng, resume = self.rng, None
        self.run.pop("resumed_from", None)
        self.epoch = self.step = 0
        if self.saves and rng.random() < .85:
            resume = rng.choice(self.saves)
            self.epoch, self.step, self.run["resumed_from"] = resume["epoch"], resume["step"], resume["path"]
        if self.opts.get("monitor") and rng.random() < .4:
            self.opts["save_top_k"] = rng.choice([o.ZERO, 1, 2, 4, o.ALL])
        if rng.random() < .2:
            self.place()
        self.begin()
        self.start(resume)

    def play(self, events=0):
        """One process to four, and more until there were so many events."""
        self.start(None)
        self.process()
        more = self.rng.randint(0, 3)
        while more > 0 or self.events < events:
            self.resume()
            self.process()
            more -= 1
