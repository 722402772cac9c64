# SPDX-License-Identifier: Apache-2.0
"""Compares polyfs's policy with Lightning's own ModelCheckpoint: names over a table of templates, which rules are refused, and
random trainings with the switch for its quirks on; and shows that these trainings run nearly all lines of it.

lightning_test.py DRIVER [HISTORIES] [SEED]
"""
import glob
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter

import grammar
import oracle as o
import policy_test
from peers import Peer, decoded, encoded

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../servers"))
import servers  # noqa: E402

ROWS, HISTORIES, EVENTS, SHARE = 300, 2000, 30, .98  # at least
COUNTED = 500  # histories
TOLD = 5  # differences of a kind


def lightning_python():
    """The interpreter of an environment that has Lightning."""
    try:
        return servers.client_python("lightning")
    except (servers.Missing, subprocess.CalledProcessError) as why:
        first, second, *rest = [word for word in servers.CLIENTS["lightning"] if not word.startswith("-")]
        reason = f"pip ended with {why.returncode}" if isinstance(why, subprocess.CalledProcessError) else why
        sys.exit(f"{first}, {second} and {len(rest)} packages that they need cannot be installed from PyPI: {reason}")


def lightning():
    return Peer(lightning_python(), "-B", os.path.join(HERE, "lightning_driver.py"))


# ---- names ----------------------------------------------------------------------------------------------------------


def check_names(driver, real, say):
    counts, on_purpose = Counter(), set()
    for opts, template, prefix, version, more in grammar.rows():
        logged = {key: encoded(value) for key, value in {**grammar.LOGGED, **more}.items()}
        want = real.ask(op="name", opts=opts, metrics=logged, epoch=11, step=1234, template=template, prefix=prefix,
                        version=version)
        driver.ask(op="new", opts=opts, run={})
        got = driver.ask(op="name", template=template, prefix=prefix, version=-1 if version is None else version,
                         moment={"flags": 0, "epoch": 11, "step": 1234, "metrics": want["logged"]})
        counts["rows"] += 1
        counts["refused by both"] += want["error"] is not None and got["text"] is None
        same = got["text"] == want["text"]
        if template in grammar.DIFFERENT:
            on_purpose |= set() if same else {template}
        elif not same:
            say(f"name of {template!r}, {opts}, prefix {prefix!r}, version {version}, {more}:\n"
                f"  want {want['text']!r} {want['error']}\n  got  {got['text']!r} {got['message']}")
    if counts["rows"] < ROWS or on_purpose != set(grammar.DIFFERENT):
        say(f"names: {counts['rows']} rows; different on purpose, and the same: {set(grammar.DIFFERENT) - on_purpose}")
    return f"names: {dict(counts)}, {len(on_purpose)} templates different on purpose"


# ---- rules ----------------------------------------------------------------------------------------------------------

MONITORS = ("a'b", 'a"b', "a'b\"c", "a\\b", "a\nb\t\r", "\x01\x7f\x80\xa0\xad", "é€中😀", "\u200b\u2028\ue000\ufeff\U000e0001",
            "{a}", "")


def check_rules(driver, real, say):
    """Every combination of numbers around their bounds is taken by both or by none, and the state has one key."""
    counts = Counter()
    none = (None, o.ZERO, 1, 2)
    for top_k, monitor, steps, epochs, ms, mode, link, remote in itertools.product(
            (-2, -1, o.ZERO, 1, 2), (None, "val"), (-1, *none), (-1, *none), (None, o.ZERO, 5), (0, 2), (False, True), (False, True)):
        if mode and (link or steps):
            continue
        opts = {"save_top_k": top_k, "monitor": monitor, "every_n_train_steps": steps, "every_n_epochs": epochs, "mode": mode,
                "train_time_interval_ms": ms, "save_last": o.LINK_LAST if link else 0,
                "dirpath": "memory://rules/checkpoints" if remote else "/run/checkpoints"}
        opts = {name: value for name, value in opts.items() if value is not None}
        run = {"flags": o.REMOTE if remote else 0}
        want, got = real.ask(op="refused", opts=opts, run=run), driver.ask(op="new", opts=opts, run=run)
        counts[want["error"] or "taken"] += 1
        if {None: "ok", "MisconfigurationException": "config", "ValueError": "invalid"}.get(want["error"]) != got["rc"]:
            say(f"rules {opts}, {run}: want {want}, got {got}")
        elif want["key"] and want["key"] != driver.ask(op="key")["text"]:
            say(f"rules {opts}: the key is {want['key']}")
    for monitor in MONITORS:
        driver.ask(op="new", opts={"monitor": monitor}, run={})
        want, got = real.ask(op="refused", opts={"monitor": monitor, "dirpath": "/run"}, run={}), driver.ask(op="key")
        if want["key"] != got["text"]:
            say(f"rules: the key for {monitor!r} is {want['key']}, got {got['text']}")
    return f"rules: {dict(counts)}"


# ---- trainings ------------------------------------------------------------------------------------------------------


FLAGS = {o.WEIGHTS_ONLY: "save_weights_only", o.ON_EXCEPTION: "save_on_exception", o.PLAIN_VALUES: "auto_insert_metric_name",
         o.NO_VERSION_COUNTER: "enable_version_counter"}
# What processes must have been given other than its default: all parameters, and what classes set beside them.
DRAWN = ("dirpath", "filename", "monitor", "mode", "save_last", "when", "save_top_k", "every_n_train_steps", "every_n_epochs",
         "train_time_interval_ms", *FLAGS.values(), "name_last", "join", "equals", "ext", "starting_version")


class Short(Exception):
    """Lightning cannot go on: it was told to keep fewer when it had not named its worst yet."""


class History(policy_test.Training):
    """A training before three judges: polyfs, the model of oracle.py, and Lightning, which keeps real files."""
    failing = 0

    def __init__(self, real, root, *args):
        self.real, self.root, self.links = real, root, {}
        name = os.path.basename(root)
        self.local = (f"{root}/run/checkpoints", f"{root}/other", "")
        self.remote = (f"memory://{name}/run/checkpoints", f"memory://{name}/run/")
        super().__init__(*args)
        if self.run["flags"] & o.REMOTE:
            self.root = f"memory://{name}"
        self.new_files = sorted(self.files)

    def choose(self, rng):
        self.quirks = True

    def start(self, resume):
        super().start(resume)
        answer = self.real.ask(op="new", opts=self.opts, run=self.run, root=self.root, files=self.new_files,
                               state=json.loads(resume["state"]) if resume else None)
        self.new_files = []
        if answer["key"] != policy_test.state_key(self.model):
            self.differ("key", answer["key"], policy_test.state_key(self.model))
        self.check_key()
        for name in [name for name, value in self.opts.items() if value] + [FLAGS[bit] for bit in FLAGS if self.opts["flags"] & bit]:
            self.seen[name, "given"] += 1

    # ---- files

    def target(self, path):
        while path in self.links:
            path = self.links[path]
        return path

    def carry_out(self, got):
        for what, path, source, *_ in got["steps"]:
            if what == o.LINK:
                self.links[path] = source
            elif what != o.LEAVE:
                self.links.pop(path, None)
            if what != o.LEAVE:
                (self.files.discard if what == o.REMOVE else self.files.add)(path)
        self.files = {path for path in self.files if self.target(path) in self.files}

    def below_root(self, path):
        return path[len(self.root) + 1:] if path.startswith(self.root + "/") else path

    # ---- events

    def tell(self, event, moment):
        self.real.send(op="on", event=event,
                       moment=dict(moment, metrics={key: encoded(value) for key, value in moment["metrics"].items()}))

    def hear(self):
        return self.real.receive()

    def happens(self, event, moment):
        short = len(self.model.s["best_k"]) and self.model.s["kth_path"] not in self.model.s["best_k"]
        self.tell(event, moment)
        got = super().happens(event, moment)
        real = self.hear()
        if real["error"] == "KeyError" and short:
            raise Short
        want = {"config": "MisconfigurationException"}.get(got["rc"])
        if real["error"] != want:
            self.differ(f"error of event {event}", real, got)
        if got["rc"] == "ok":
            self.compare_did(event, real, got)
        self.compare_real_state(real, got)
        if got.get("steps"):
            self.remember_real(got, real)

    def compare_did(self, event, real, got):
        did = [step[:3] for step in got["steps"] if step[0] != o.LEAVE]
        if real["did"] != did:
            self.differ(f"what event {event} did", real["did"], did)
        files = sorted(map(self.below_root, self.files))
        if real["files"] != files:
            self.differ(f"files after event {event}", real["files"], files)
        if any(step[0] == o.SAVE for step in did) and real["weights_only"] != bool(got["flags"] & 1):
            self.differ("weights only", real["weights_only"], got["flags"])

    def compare_real_state(self, real, got):
        have, want = ({name: decoded(value) if isinstance(value, str) else value for name, value in state.items()}
                      for state in (json.loads(got["state"]), real["state"]))
        for state in have, want:
            state["best_k_models"] = [(path, decoded(score)) for path, score in state["best_k_models"].items()]
        if {name: have[name] for name in want} != want:
            self.differ("state", want, have)

    def remember(self, got):
        pass

    def remember_real(self, got, real):
        before = len(self.saves)
        super().remember(got)
        for save in self.saves[before:]:
            save["state"] = json.dumps(real["state"])




def check_histories(driver, real, rng, say, count, count_lines):
    """Lines are counted over the first COUNTED of them, since counting takes time."""
    seen, done, events = Counter(), 0, []
    with tempfile.TemporaryDirectory(prefix="polyfs-histories-") as temp:
        temp = os.path.realpath(temp)
        for i in itertools.count():
            own = random.Random(rng.getrandbits(64))
            history = History(real, os.path.join(temp, str(i)), driver, own, lambda text, i=i: say(f"history {i}, {text}"), seen)
            try:
                history.play(EVENTS)
                done += 1
                events.append(history.events)
            except Short:
                seen["short"] += 1
            except StopIteration:
                done += 1
            if done == min(count, COUNTED) and count_lines:
                count_lines = count_lines()
            if done == count:
                break
    for what in ("save", "link", "remove", "leave", "config", "resumed"):
        if seen[what] < count // 20:
            say(f"only {seen[what]} of {what} in {count} histories")
    for name in DRAWN:
        if seen[name, "given"] < count // 20:
            say(f"only {seen[name, 'given']} processes with {name} given")
    plain = {key: value for key, value in seen.items() if isinstance(key, str)}
    return f"{done} histories of {min(events, default=0)} to {max(events, default=0)} events, {sum(events)} in all: {plain}"


# ---- what they reached ----------------------------------------------------------------------------------------------

# The policy: a4 to a7 of the rules, with the names and the state that they work on.
POLICY = (
    "on_train_start", "on_train_batch_end", "on_train_epoch_end", "on_validation_end", "on_exception", "on_train_end",
    "_save_topk_checkpoint", "_save_checkpoint", "_link_checkpoint", "_should_skip_saving_checkpoint", "_should_save_on_exception",
    "_should_save_on_train_epoch_end", "check_monitor_top_k", "_format_checkpoint_name", "format_checkpoint_name",
    "_get_metric_interpolated_filepath_name", "_monitor_candidates", "_save_last_checkpoint", "_save_monitor_checkpoint",
    "_save_none_monitor_checkpoint", "_update_best_and_save", "file_exists", "_should_remove_checkpoint", "_remove_checkpoint")

# What no training here can reach, the branches to it too: what the line holds, or the one before or at its branch → why.
UNREACHED = {
    "if not saved_models:": "it was looked at before, and is not empty",
    "if not isinstance(saved_state, dict)": "a mistake in the module, about its weights",
    "trainer.is_global_zero": "there is one process, rank 0",
    "elif os.path.isdir(linkpath)": "checkpoints are files here, so that links replace files",
    "except OSError": "links can be made here",
    "shutil.copy(filepath, linkpath)": "the same",
}


def check_lines(whose, ran, names, say):
    counts, lost = Counter(), []
    for name in names:
        function = ran["functions"][name]
        for kind in ("lines", "branches"):
            for each in function[f"missing_{kind}"]:
                at, *to = each if kind == "branches" else [each]
                targets = [ran["source"][n - 1] for n in to if n > 0]
                near = [*ran["source"][at - 2:at], *targets]
                excused = any(text in line for text in UNREACHED for line in near)
                counts[f"excused {kind}"] += excused
                counts[f"missed {kind}"] += not excused
                lost += [] if excused else [f"{name}: {each}: {ran['source'][at - 1].strip()}"]
            counts[kind] += len(function[f"executed_{kind}"])
    of = {kind: counts[kind] + counts[f"missed {kind}"] for kind in ("lines", "branches")}
    if lost or counts["lines"] < SHARE * of["lines"]:
        say(f"the histories did not reach in {whose}:\n" + "\n".join(lost))
    return (f"of {whose} they ran {counts['lines']} of {of['lines']} lines and {counts['branches']} of {of['branches']} branches; "
            f"{counts['excused lines']} lines and {counts['excused branches']} branches cannot be reached here")


def count_lines():
    """Of the model in oracle.py, by the package coverage that is installed beside Lightning."""
    sys.path += glob.glob(os.path.join(os.path.dirname(lightning_python()), "../lib/python*/site-packages"))
    import reached
    counter = reached.begin(o.__file__)
    return lambda: reached.end(counter, o.__file__)


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else HISTORIES
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    rng, complaints = random.Random(seed), []
    driver, real, counter = Peer(sys.argv[1]), lightning(), count_lines()

    def say(text):
        complaints.append(text.split()[0])
        if complaints.count(complaints[-1]) <= TOLD:
            print(text)

    print(check_names(driver, real, say))
    print(check_rules(driver, real, say))
    def tell_lines():
        ran = counter()
        print(check_lines("Lightning's policy", real.ask(op="lines"), [f"ModelCheckpoint.{name}" for name in POLICY], say))
        print(check_lines("its model", ran, [name for name in ran["functions"] if name.startswith("Quirks.")], say))

    print(check_histories(driver, real, rng, say, count, tell_lines))
    driver.close()
    real.close()
    print(f"seed {seed}: {len(complaints)} different")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
