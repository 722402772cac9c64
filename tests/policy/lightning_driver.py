# SPDX-License-Identifier: Apache-2.0
"""Drives Lightning's own ModelCheckpoint, by lines of JSON on standard input; runs in an environment that has Lightning.

  {"op": "new", "opts", "run", "root", "files", "state"}  an object and a trainer for it; a state to go on from, or null
  {"op": "on", "event", "moment"}                         one of its hooks, at a moment as polyfs/policy.h describes it
  {"op": "name", "opts", "metrics", "epoch", "step", "template", "prefix", "version"}
  {"op": "refused", "opts", "run"}                        does it take these rules?
  {"op": "fit", …}                                        lightning_fits.py
  {"op": "lines"}                                         lines and branches of it that ran, by function

Members are those of driver.c. An object answers with what it did, its state, and the files that are there.
"""
import datetime
import json
import logging
import os
import sys
import types
import warnings

import fsspec

import oracle as o
import reached
from peers import decoded, encoded

logging.disable(logging.WARNING)
warnings.simplefilter("ignore")
import torch  # noqa: E402
from pytorch_lightning.callbacks import model_checkpoint  # noqa: E402
from pytorch_lightning.plugins.io import TorchCheckpointIO  # noqa: E402
from pytorch_lightning.trainer.states import TrainerFn  # noqa: E402

IO = TorchCheckpointIO()
HOOKS = {o.TRAIN_START: "on_train_start", o.BATCH_END: "on_train_batch_end", o.EPOCH_END: "on_train_epoch_end",
         o.VALIDATION_END: "on_validation_end", o.TRAIN_END: "on_train_end", o.EXCEPTION: "on_exception"}


class Recorded(model_checkpoint.ModelCheckpoint):
    """Writes down what it does to files."""

    def _save_checkpoint(self, trainer, filepath):
        self.did.append([o.SAVE, filepath, None])
        super()._save_checkpoint(trainer, filepath)

    def _link_checkpoint(self, trainer, filepath, linkpath):
        if os.path.abspath(filepath) != os.path.abspath(linkpath):
            self.did.append([o.LINK, linkpath, filepath])
        super()._link_checkpoint(trainer, filepath, linkpath)

    def _remove_checkpoint(self, trainer, filepath):
        self.did.append([o.REMOVE, filepath, None])
        super()._remove_checkpoint(trainer, filepath)


Recorded.__qualname__ = "ModelCheckpoint"  # as which its state has its key


def trigger(value):
    return None if not value else 0 if value == o.ZERO else value


def checkpoint_of(opts, of=Recorded, **more):
    flags, ms = opts.get("flags", 0), trigger(opts.get("train_time_interval_ms"))
    made = of(dirpath=opts.get("dirpath"), filename=opts.get("filename"), monitor=opts.get("monitor"),
              mode=["min", "max", "neither"][opts.get("mode", 0)], save_top_k=o.given(opts.get("save_top_k"), 1),
              save_last=[None, True, "link"][opts.get("save_last", 0)], save_weights_only=bool(flags & o.WEIGHTS_ONLY),
              save_on_exception=bool(flags & o.ON_EXCEPTION), auto_insert_metric_name=not flags & o.PLAIN_VALUES,
              every_n_train_steps=trigger(opts.get("every_n_train_steps")), every_n_epochs=trigger(opts.get("every_n_epochs")),
              train_time_interval=None if ms is None else datetime.timedelta(milliseconds=ms),
              save_on_train_epoch_end=[None, True, False][opts.get("when", 0)],
              enable_version_counter=not flags & o.NO_VERSION_COUNTER, **more)
    for name, theirs in (("join", "CHECKPOINT_JOIN_CHAR"), ("equals", "CHECKPOINT_EQUALS_CHAR"), ("ext", "FILE_EXTENSION"),
                         ("name_last", "CHECKPOINT_NAME_LAST")):
        setattr(made, theirs, opts.get(name, getattr(made, theirs)))
    made.STARTING_VERSION = o.given(opts.get("starting_version"), 1)
    made.did = []
    return made


# ---- a trainer that only looks like one -----------------------------------------------------------------------------


def write(path):
    if "://" in path:
        fsspec.filesystem("memory").pipe_file(path, b"checkpoint")
        return
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    if os.path.islink(path):
        os.remove(path)
    with open(path, "wb") as file:
        file.write(b"checkpoint")


def trainer_of(opts, run):
    flags = run.get("flags", 0)
    batches = 0 if flags & o.NO_VALIDATION else 2
    trainer = types.SimpleNamespace(
        fast_dev_run=1 if flags & o.DRY else False, state=types.SimpleNamespace(fn=TrainerFn.FITTING), sanity_checking=False,
        is_global_zero=True, ckpt_path=run.get("resumed_from"), default_root_dir=os.path.dirname(run.get("dirpath", "")),
        loggers=[types.SimpleNamespace(after_save_checkpoint=lambda _: None)] if opts.get("dirpath") else [],
        check_val_every_n_epoch=None if run.get("over_epochs") else run.get("validate_every_n_epochs", 1),
        num_val_batches=[batches] if flags & o.VALIDATES_WITHIN else batches,
        enable_validation=bool(batches or flags & o.VALIDATES_WITHIN),
        val_check_interval=.5 if flags & o.VALIDATES_WITHIN else 1.0,
        _val_check_time_interval=60.0 if flags & o.VALIDATES_BY_TIME else None, verdict=None, global_step=0, current_epoch=0,
        callback_metrics={}, fit_loop=types.SimpleNamespace(epoch_loop=types.SimpleNamespace(
            val_loop=types.SimpleNamespace(_has_run=False), batch_progress=types.SimpleNamespace(is_last_batch=False))))
    trainer.strategy = types.SimpleNamespace(
        broadcast=lambda mine: mine if trainer.verdict is None or not isinstance(mine, bool) else trainer.verdict,
        reduce_boolean_decision=lambda mine, all=True: mine, barrier=lambda: None, remove_checkpoint=IO.remove_checkpoint)

    def save_checkpoint(path, weights_only=False):
        trainer.weights_only = weights_only
        write(path)
    trainer.save_checkpoint = save_checkpoint
    return trainer


def module_of(run, turn):
    """Lightning looks for weights of before the step in a module that steps its optimizer itself: half of them have some."""
    module = types.SimpleNamespace(automatic_optimization=not run.get("flags", 0) & o.MANUAL)
    if turn % 2:
        module.layer = torch.nn.Linear(1, 1)
        module.saved_models = {0: module.layer.state_dict()}
    return module


def tensors(metrics):
    return {name: torch.tensor(decoded(value)) for name, value in metrics.items()}


def set_moment(trainer, moment):
    flags = moment["flags"]
    trainer.current_epoch, trainer.global_step = moment["epoch"], moment["step"]
    trainer.callback_metrics = tensors(moment["metrics"])
    trainer.sanity_checking = bool(flags & o.SANITY)
    trainer.state.fn = TrainerFn.VALIDATING if flags & o.NOT_FITTING else TrainerFn.FITTING
    trainer.fit_loop.epoch_loop.val_loop._has_run = bool(flags & o.VALIDATED)
    trainer.fit_loop.epoch_loop.batch_progress.is_last_batch = bool(flags & o.LAST_BATCH)
    # of rank 0: is it to be skipped?
    trainer.verdict = False if flags & o.TIME_DUE else True if flags & o.TIME_NOT_DUE else None


# ---- answers ----------------------------------------------------------------------------------------------------------


def plain(value):
    return encoded(value.item() if isinstance(value, torch.Tensor) else value)


def state_of(checkpoint):
    state = {name: plain(value) for name, value in checkpoint.state_dict().items() if name != "best_k_models"}
    state["best_k_models"] = {path: plain(score) for path, score in checkpoint.best_k_models.items()}
    state.update(last_global_step_saved=checkpoint._last_global_step_saved, last_checkpoint_saved=checkpoint._last_checkpoint_saved,
                 deferred=checkpoint._defer_save_until_validation)
    return state


def files_below(root):
    """What exists, by its name below @root. A link whose target is gone goes too, lest it come to life again."""
    if "://" in root:
        return sorted(path[len(root) - len("memory:/") + 1:] for path in fsspec.filesystem("memory").find(root))
    found = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names]
    for path in found:
        if not os.path.exists(path):
            os.remove(path)
    return sorted(os.path.relpath(path, root) for path in found if os.path.lexists(path))


def enter(root, files):
    """Names that stand alone are names below it."""
    if "://" not in root:
        os.makedirs(root, exist_ok=True)
        os.chdir(root)
    for path in files:
        write(path)
    DRIVEN.root, DRIVEN.files = root, files_below(root)


def new(line):
    opts, run = line["opts"], line["run"]
    enter(line["root"], line["files"])
    DRIVEN.turn += 1
    DRIVEN.trainer, DRIVEN.module = trainer_of(opts, run), module_of(run, DRIVEN.turn)
    DRIVEN.checkpoint = checkpoint_of(opts, verbose=DRIVEN.turn % 3 == 0)
    DRIVEN.checkpoint.setup(DRIVEN.trainer, DRIVEN.module, "fit")
    if line["state"]:
        scores = tensors(line["state"]["best_k_models"])
        numbers = {name: torch.tensor(decoded(line["state"][name])) for name in ("kth_value", "best_model_score", "current_score")
                   if line["state"][name] is not None}
        DRIVEN.checkpoint.load_state_dict({**line["state"], "best_k_models": scores, **numbers})
    return {"key": DRIVEN.checkpoint.state_key, "state": state_of(DRIVEN.checkpoint)}


def on(line):
    checkpoint, trainer, error = DRIVEN.checkpoint, DRIVEN.trainer, None
    set_moment(trainer, line["moment"])
    DRIVEN.now = line["moment"]["now_ms"] / 1000
    more = {o.BATCH_END: (None, None, 0), o.EXCEPTION: (RuntimeError("of the training"),)}.get(line["event"], ())
    checkpoint.did = []
    try:
        getattr(checkpoint, HOOKS[line["event"]])(trainer, DRIVEN.module, *more)
    except Exception as raised:  # which one is for the caller to judge
        error = type(raised).__name__
    if checkpoint.did:
        DRIVEN.files = files_below(DRIVEN.root)
    return {"error": error, "did": checkpoint.did, "state": state_of(checkpoint), "files": DRIVEN.files,
            "weights_only": getattr(trainer, "weights_only", None)}


def name(line):
    checkpoint, trainer = checkpoint_of(line["opts"]), trainer_of(line["opts"], {})
    set_moment(trainer, {"flags": 0, "epoch": line["epoch"], "step": line["step"], "metrics": line["metrics"]})
    logged = {key: plain(value) for key, value in trainer.callback_metrics.items()}
    try:
        made = checkpoint.format_checkpoint_name(checkpoint._monitor_candidates(trainer), line["template"], line["version"],
                                                 line["prefix"])
    except Exception as raised:  # of whatever kind: there is no name
        return {"text": None, "error": type(raised).__name__, "logged": logged}
    return {"text": made, "error": None, "logged": logged}


def refused(line):
    """Does it take these rules for a folder there? The name of what it raises, or null and the key of its state."""
    try:
        checkpoint = checkpoint_of(line["opts"])
        checkpoint.setup(trainer_of(line["opts"], line["run"]), None, "fit")
    except Exception as raised:
        return {"error": type(raised).__name__, "key": None}
    return {"error": None, "key": checkpoint.state_key}


def lines(_):
    return reached.end(COUNTER, model_checkpoint.__file__)


def fit(line):
    sys.modules.setdefault("lightning_driver", sys.modules[__name__])
    import lightning_fits
    return lightning_fits.fit(line)


DRIVEN = types.SimpleNamespace(turn=0, now=0.0)
COUNTER = reached.begin(model_checkpoint.__file__)


def main():
    torch.set_num_threads(1)
    model_checkpoint.time = types.SimpleNamespace(monotonic=lambda: DRIVEN.now)
    answers, sys.stdout = sys.stdout, sys.stderr
    ops = {"new": new, "on": on, "name": name, "refused": refused, "lines": lines, "fit": fit}
    for text in sys.stdin:
        line = json.loads(text)
        answers.write(json.dumps(ops[line["op"]](line)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
