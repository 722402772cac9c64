# SPDX-License-Identifier: Apache-2.0
"""An independent model of ModelCheckpoint: names, triggers, ranking, removal, state.

Quirks is what Lightning 2.6 does; Model is that with the defects mended, and retention. Both answer an event with
steps [what, path, source] as polyfs/policy.h numbers them, over a set of names that are taken.
"""
import math
import re

ALL, ZERO = -1, -2**63
WEIGHTS_ONLY, ON_EXCEPTION, PLAIN_VALUES, NO_VERSION_COUNTER = 1, 2, 4, 8
REMOTE, DRY, MANUAL, NO_VALIDATION, VALIDATES_BY_TIME, VALIDATES_WITHIN = 1, 2, 4, 8, 16, 32
TRAIN_START, BATCH_END, EPOCH_END, VALIDATION_END, TRAIN_END, EXCEPTION = range(1, 7)
LAST_BATCH, VALIDATION_NEXT, VALIDATED, SANITY, NOT_FITTING, TIME_DUE, TIME_NOT_DUE = (1 << i for i in range(7))
SAVE, COPY, LINK, REMOVE, LEAVE = range(1, 6)
COPY_LAST, LINK_LAST = 1, 2
WIDTH_MAX = 255

PIECE = re.compile(r"\{(?P<key>[^:{}\]]+)(?::(?P<spec>[^{}]*))?\}|(?P<close>\}\})|(?P<text>[^{}]+)")


class Refused(Exception):
    """An event that fails with this code."""


def number(value, spec):
    """format(value, spec), or Refused where it raises, and for what polyfs does not take."""
    if any(int(digits) > WIDTH_MAX for digits in re.findall(r"[0-9]+", spec)):
        raise Refused("invalid")
    try:
        made = format(value, spec)
    except (ValueError, OverflowError):
        raise Refused("invalid") from None
    if "\0" in made or any("\ud800" <= c <= "\udfff" for c in made):
        raise Refused("invalid")
    return made


def pieces(template):
    at = 0
    while at < len(template):
        match = PIECE.match(template, at)
        if not match:
            raise Refused("invalid")
        yield match
        at = match.end()


def candidates(moment):
    """The metrics, with epoch and step as whole numbers."""
    out = {"epoch": moment["epoch"], "step": moment["step"]}
    for name, value in moment["metrics"].items():
        out[name] = int(value) if name in out and math.isfinite(value) else out[name] if name in out else value
    return out


def name(opts, template, moment, prefix=None, version=None):
    join, equals = opts.get("join", "-"), opts.get("equals", "=")
    made, metrics = "", candidates(moment)
    for piece in pieces(template or "{epoch}" + join + "{step}"):
        if piece["key"]:
            made += "" if opts.get("flags", 0) & PLAIN_VALUES else piece["key"] + equals
            made += number(metrics.get(piece["key"], 0), piece["spec"] or "")
        else:
            made += "}" if piece["close"] else piece["text"]
    made = join.join(([] if prefix is None else [prefix]) + [made] + ([f"v{version}"] if version is not None else []))
    return made + opts.get("ext", ".ckpt")


def given(value, otherwise):
    return 0 if value == ZERO else value or otherwise


def copied(state):
    """Of a state, whose lists and dicts hold what never changes."""
    return {key: value.copy() if isinstance(value, (dict, list)) else value for key, value in state.items()}


class Quirks:
    quirks = True

    def __init__(self, opts, run):
        self.opts, self.run = opts, run
        triggers = [opts.get(n, 0) for n in ("every_n_train_steps", "every_n_epochs", "train_time_interval_ms")]
        self.steps, self.epochs = given(triggers[0], 0), given(triggers[1], 0 if any(triggers) else 1)
        self.interval = given(triggers[2], 0) if triggers[2] else None
        self.top_k = given(opts.get("save_top_k", 0), 1)
        self.low = opts.get("mode", 0) == 0
        self.worst_score = math.inf if self.low else -math.inf
        self.folder = opts.get("dirpath") or run.get("dirpath") or ""
        self.s = self.empty()

    def empty(self):
        return {"best_score": None, "best_path": "", "current_score": None, "best_k": {}, "kth_path": "",
                "kth_value": self.worst_score, "last_path": "", "saved_step": 0, "saved_path": "", "deferred": False,
                "kept": [], "kept_time": None, "timer": 0, "warned": False}

    # ---- triggers

    def at_train_end(self):
        if self.opts.get("when", 0):
            return self.opts["when"] == 1
        flags = self.run.get("flags", 0)
        if flags & VALIDATES_BY_TIME or self.run.get("validate_every_n_epochs", 1) != 1:
            return False
        return bool(flags & NO_VALIDATION) or not flags & VALIDATES_WITHIN

    def skipped(self):
        return (self.run.get("flags", 0) & DRY or self.m["flags"] & (SANITY | NOT_FITTING)
                or self.s["saved_step"] == self.m["step"])

    def on(self, event, moment, taken, ours=()):
        """Steps of the plan. self.s is as after it; give it back what it was when the plan was not carried out."""
        before = copied(self.s)
        self.m, self.plan, self.warn, self.taken, self.ours = moment, [], False, set(taken), set(ours)
        try:
            {TRAIN_START: self.train_start, BATCH_END: self.batch_end, EPOCH_END: self.epoch_end, EXCEPTION: self.exception,
             VALIDATION_END: self.validation_end, TRAIN_END: self.train_end}[event]()
        except Refused:
            self.s = before
            raise
        return self.plan

    def train_start(self):
        self.s["timer"] = self.m["now_ms"]

    def time_due(self):
        if self.interval is None:
            return False
        if self.m["flags"] & (TIME_DUE | TIME_NOT_DUE):
            return bool(self.m["flags"] & TIME_DUE)
        return self.m["now_ms"] - self.s["timer"] >= self.interval

    def batch_end(self):
        monitor = self.opts.get("monitor")
        due_step = self.steps >= 1 and self.m["step"] % self.steps == 0
        if self.run.get("flags", 0) & MANUAL:
            if due_step and not self.skipped():
                self.put_off() if self.absent() else self.save_due()
            return
        due_time = self.time_due()
        if not due_step and not due_time:
            return
        if due_time:
            self.s["timer"] = self.m["now_ms"]
        if self.absent():
            self.put_off()
        elif monitor and not self.at_train_end() and self.m["flags"] & LAST_BATCH and self.m["flags"] & VALIDATION_NEXT:
            self.s["deferred"] = True
        elif not self.skipped():
            self.save_due()

    def absent(self):
        return self.opts.get("monitor") is not None and self.opts["monitor"] not in candidates(self.m)

    def put_off(self):
        self.s["deferred"] = True

    def epoch_end(self):
        if not self.skipped() and self.at_train_end():
            self.each_epoch()

    def validation_end(self):
        if self.skipped() or self.at_train_end():
            return
        if self.s["deferred"]:
            self.save_due()
            self.s["deferred"] = False
        else:
            self.each_epoch()

    def each_epoch(self):
        if self.epochs >= 1 and (self.m["epoch"] + 1) % self.epochs == 0:
            self.rank()
        if self.s["saved_step"] == self.m["step"] or (self.opts.get("save_last") == LINK_LAST and self.s["saved_path"]):
            self.last()

    def train_end(self):
        if not self.s["saved_path"]:
            self.last()

    def exception(self):
        if (not self.opts.get("flags", 0) & ON_EXCEPTION or self.run.get("flags", 0) & DRY or self.m["flags"] & SANITY
                or self.s["saved_step"] == self.m["step"]):
            return
        self.save(self.path(name(self.opts, self.opts.get("filename"), self.m)))
        self.last()

    def save_due(self):
        self.rank()
        self.last()

    # ---- what is done

    def do(self, what, path, source=None):
        self.plan.append([what, path, source])
        if what == REMOVE:
            self.taken.discard(path)
            self.ours.discard(path)
        elif what != LEAVE:
            self.taken.add(path)

    def save(self, path):
        self.s["saved_step"], self.s["saved_path"] = self.m["step"], path
        self.do(SAVE, path)

    def path(self, made):
        return self.folder + ("/" if self.folder and not self.folder.endswith("/") else "") + made

    def is_taken(self, path):
        return path in self.taken or path in self.ours

    def pick(self, template, reusable):
        made = self.path(name(self.opts, template, self.m))
        version = given(self.opts.get("starting_version", 0), 1)
        if not self.opts.get("flags", 0) & NO_VERSION_COUNTER:
            while made != reusable and self.is_taken(made):
                made = self.path(name(self.opts, template, self.m, version=version))
                version += 1
        return made

    def guarded(self):
        return not self.run.get("flags", 0) & REMOTE

    def drop(self, path, current=None):
        if path == current:
            return
        below = not self.folder.rstrip("/") or path.startswith(self.folder.rstrip("/") + "/")
        stays = self.guarded() and (path == self.run.get("resumed_from") or not below)
        self.do(LEAVE if stays else REMOVE, path)

    # ---- ranking

    def better(self, a, b):
        return a < b if self.low else a > b

    def first(self, best):
        """The first of the best, or of the worst."""
        choose = min if best == self.low else max
        return choose(self.s["best_k"], key=self.s["best_k"].get)

    def kth(self):
        """A state that was saved before it was full, and is full for a smaller k, names none: Lightning raises then."""
        return self.s["kth_path"] if self.s["kth_path"] in self.s["best_k"] else self.first(False)

    def rank(self):
        if self.top_k == 0:
            return
        if self.opts.get("monitor") is None:
            self.newest()
        elif self.absent():
            if self.m["flags"] & VALIDATED:
                raise Refused("config")
            self.warn, self.s["warned"] = not self.s["warned"], True
        else:
            self.monitored(float(candidates(self.m)[self.opts["monitor"]]))

    def newest(self):
        previous = self.s["best_path"]
        self.s["best_path"] = self.pick(self.opts.get("filename"), self.reusable(previous))
        self.save(self.s["best_path"])
        if self.top_k == 1 and previous:
            self.drop(previous, self.s["best_path"])

    def reusable(self, path):
        return path

    def monitored(self, score):
        s = self.s
        if self.top_k != ALL and len(s["best_k"]) >= self.top_k and not self.better(score, s["best_k"][self.kth()]):
            return
        victim = None
        if self.top_k > 0 and len(s["best_k"]) == self.top_k:
            victim = self.kth()
            del s["best_k"][victim]
        if math.isnan(score):
            score = self.worst_score
        made = self.pick(self.opts.get("filename"), self.reusable(victim))
        more = made not in s["best_k"] or not self.quirks  # Lightning expects one more, and looks for the worst of them only then
        s["current_score"] = s["best_k"][made] = score
        if more if self.top_k == ALL else len(s["best_k"]) == self.top_k:
            s["kth_path"] = self.first(False)
            s["kth_value"] = s["best_k"][s["kth_path"]]
        s["best_path"] = self.first(True)
        s["best_score"] = s["best_k"][s["best_path"]]
        self.save(made)
        if victim:
            self.drop(victim, made)

    def last(self):
        if not self.opts.get("save_last"):
            return
        previous, self.s["last_path"] = self.s["last_path"], self.pick(self.opts.get("name_last", "last"), self.s["last_path"])
        self.make_last(self.s["last_path"])
        if previous:
            self.drop(previous, self.s["last_path"])

    def make_last(self, made):
        if self.opts["save_last"] == LINK_LAST and self.s["saved_path"] and self.top_k != 0:
            if self.s["saved_path"] != made:
                self.do(LINK, made, self.s["saved_path"])
        else:
            self.save(made)

    # ---- state

    def state(self):
        return {"monitor": self.opts.get("monitor"), "best_model_score": self.s["best_score"],
                "best_model_path": self.s["best_path"], "current_score": self.s["current_score"], "dirpath": self.folder,
                "best_k_models": self.s["best_k"], "kth_best_model_path": self.s["kth_path"],
                "kth_value": self.s["kth_value"], "last_model_path": self.s["last_path"]}

    def restore(self, other):
        """Takes what another one of the same kind was. True: all of it."""
        whole, state = other.folder == self.folder, copied(other.s)
        self.s["best_path"] = state["best_path"]
        if whole:
            self.s.update({key: state[key] for key in self.restored()})
        return whole

    def restored(self):
        return "best_score", "best_k", "kth_path", "kth_value", "last_path"


class Model(Quirks):
    """Last follows every due event, trial runs save nothing, guards everywhere, evictions behind the saves and down to k,
    names of our own, nothing removed that another role has taken over, retention."""
    quirks = False

    def do(self, what, path, source=None):
        self.plan.append([what, path, source])
        self.plan.sort(key=lambda step: step[0] >= REMOVE)
        self.taken.add(path)  # what goes is there until the end

    def guarded(self):
        return True

    def tracked(self, path):
        s = self.s
        return path in s["best_k"] or path in (s["best_path"], s["last_path"], s["saved_path"]) or path in self.kept_paths()

    def is_taken(self, path):
        return path in self.taken or (path in self.ours and self.tracked(path))

    def put_off(self):
        super().put_off()
        at_hand = self.m["flags"] & VALIDATION_NEXT and not self.at_train_end()
        if not at_hand and not self.skipped():
            self.retain()
            self.last()

    def train_end(self):
        if not self.run.get("flags", 0) & DRY:
            super().train_end()

    def save_due(self):
        self.rank()
        self.retain()
        self.last()

    def each_epoch(self):
        if self.epochs >= 1 and (self.m["epoch"] + 1) % self.epochs == 0:
            self.save_due()

    def monitored(self, score):
        s = self.s
        while self.top_k > 0 and len(s["best_k"]) > self.top_k:
            worst = self.first(False)
            del s["best_k"][worst]
            self.refresh()
            self.drop(worst)
        if s["best_k"]:
            self.refresh()
        super().monitored(score)

    def refresh(self):
        s = self.s
        s["best_path"] = self.first(True)
        s["best_score"] = s["best_k"][s["best_path"]]
        if self.top_k == ALL or len(s["best_k"]) == self.top_k:
            s["kth_path"] = self.first(False)
            s["kth_value"] = s["best_k"][s["kth_path"]]

    def saved_now(self):
        return next((path for what, path, _ in self.plan if what == SAVE), None)

    def make_last(self, made):
        source = self.saved_now()
        link = self.opts["save_last"] == LINK_LAST and (self.top_k != 0 or self.opts.get("keep_newest", 0))
        if not source:
            self.save(made)
        elif source != made:
            self.do(LINK if link else COPY, made, source)

    def drop(self, path, current=None):
        needed = [made for what, made, _ in self.plan if what < REMOVE]
        needed += [self.s["best_path"], self.s["last_path"], *self.s["best_k"], *self.kept_paths()]
        if path not in needed:
            super().drop(path, current)

    def restore(self, other):
        whole = super().restore(other)
        if whole and self.s["best_k"]:
            self.refresh()
        return whole

    def restored(self):
        return super().restored() + ("saved_step", "saved_path", "deferred", "kept", "kept_time")

    # ---- retention

    def kept_paths(self):
        return [path for path, _ in self.s["kept"]]

    def reusable(self, path):
        kept, newest = self.kept_paths(), self.opts.get("keep_newest", 0)
        if path in kept and (dict(self.s["kept"])[path] or len(kept) - kept.index(path) < newest):
            return None
        return path

    def for_good(self):
        n, ms = self.opts.get("keep_every_n_steps", 0), self.opts.get("keep_every_ms", 0)
        by_time = ms and (self.s["kept_time"] is None or self.m["time_ms"] - self.s["kept_time"] >= ms)
        if by_time:
            self.s["kept_time"] = self.m["time_ms"]
        return bool((n and self.m["step"] % n == 0) or by_time)

    def retain(self):
        newest = self.opts.get("keep_newest", 0)
        if not (newest or self.opts.get("keep_every_n_steps") or self.opts.get("keep_every_ms")):
            return
        good, saved = self.for_good(), self.saved_now()
        if not saved and (newest or good):
            saved = self.pick(self.opts.get("filename"), None)
            self.save(saved)
        if saved:
            self.s["kept"] = [row for row in self.s["kept"] if row[0] != saved] + [(saved, good)]
        count, left, gone = len(self.s["kept"]), [], []
        for i, (path, forever) in enumerate(self.s["kept"]):
            ranked = self.is_ranked(path)
            if i >= count - newest or (ranked and forever and self.top_k != ALL):
                left.append((path, forever))
            elif not ranked and not forever:
                gone.append(path)
        self.s["kept"] = left
        for path in gone:
            self.drop(path)

    def is_ranked(self, path):
        if self.top_k == ALL:
            return True
        if self.opts.get("monitor") is None:
            return self.top_k != 0 and path == self.s["best_path"]
        return path in self.s["best_k"]
