# SPDX-License-Identifier: Apache-2.0
"""Real fits of Lightning's Trainer for lightning_driver.py. A ModelCheckpoint writes down each of its hooks: when it came, as
polyfs/policy.h tells a moment, what it did, its state, and the files that are there.

  {"op": "fit", "opts", "run", "root", "files", "resume": path or null, "epochs", "batches", "values": [numbers], "clock": [ms],
   "accumulate", "sanity", "logs": {"train": [on_step, on_epoch], "val": b, "counts": b}, "raises_at": n or null, "validates": b}
"""
import datetime
import os

import fsspec
import pytorch_lightning as pl
import torch

import lightning_driver as driver
import oracle as o
from peers import decoded


def moment_of(trainer):
    epochs, loop = trainer.check_val_every_n_epoch, trainer.fit_loop.epoch_loop
    batches = sum(trainer.num_val_batches) if isinstance(trainer.num_val_batches, list) else trainer.num_val_batches
    foreseen = trainer.enable_validation and batches and (epochs is None or (trainer.current_epoch + 1) % epochs == 0)
    rows = ((loop.batch_progress.is_last_batch, o.LAST_BATCH), (foreseen, o.VALIDATION_NEXT), (loop.val_loop._has_run, o.VALIDATED),
            (trainer.sanity_checking, o.SANITY), (trainer.state.fn != driver.TrainerFn.FITTING, o.NOT_FITTING))
    return {"flags": sum(flag for said, flag in rows if said), "epoch": trainer.current_epoch, "step": trainer.global_step,
            "now_ms": round(driver.DRIVEN.now * 1000),
            "metrics": {key: driver.plain(value) for key, value in trainer.callback_metrics.items()}}


def watched(event, name):
    def hook(self, trainer, module, *more):
        driver.DRIVEN.now += self.clock[len(self.rows) % len(self.clock)] / 1000
        row = {"event": event, "moment": moment_of(trainer), "error": None}
        self.did, self.rows = [], self.rows + [row]
        try:
            getattr(driver.Recorded, name)(self, trainer, module, *more)
        except Exception as raised:
            row["error"] = type(raised).__name__
            raise
        finally:
            row.update(did=self.did, state=driver.state_of(self), files=driver.files_below(driver.DRIVEN.root),
                       weights_only=self.save_weights_only)
    return hook


Witness = type("Witness", (driver.Recorded,), {name: watched(event, name) for event, name in driver.HOOKS.items()})


class Planted(Exception):
    """Ends a fit."""


class Tiny(pl.LightningModule):
    def __init__(self, line):
        super().__init__()
        self.line, self.layer, self.turn = line, torch.nn.Linear(2, 1), 0
        self.automatic_optimization = not line["run"]["flags"] & o.MANUAL

    def value(self):
        self.turn += 1
        return decoded(self.line["values"][self.turn % len(self.line["values"])])

    def training_step(self, batch, _):
        logs = self.line["logs"]
        if self.turn == self.line["raises_at"]:
            raise Planted("of the training")
        loss = self.layer(batch[0]).sum()
        self.log("train", self.value(), on_step=logs["train"][0], on_epoch=logs["train"][1])
        if logs["counts"]:
            self.log("epoch", float(self.current_epoch))
            self.log("step", self.global_step + .5)
        if not self.automatic_optimization:
            optimizer = self.optimizers()
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()
        return loss

    def validation_step(self, batch, _):
        if self.line["logs"]["val"]:
            self.log("val", self.value())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=.001)


def loader(count):
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(max(count, 1), 2)), batch_size=1)


def trainer_of(line, checkpoint):
    flags, run = line["run"]["flags"], line["run"]
    interval = .5 if flags & o.VALIDATES_WITHIN else 1.0
    if run.get("over_epochs"):
        interval = line["batches"] + 1
    if flags & o.VALIDATES_BY_TIME:
        interval = datetime.timedelta(milliseconds=1)
    return pl.Trainer(
        accelerator="cpu", devices=1, logger=False, enable_progress_bar=False, enable_model_summary=False, callbacks=[checkpoint],
        max_epochs=line["epochs"], limit_val_batches=0 if flags & o.NO_VALIDATION else 2, val_check_interval=interval,
        check_val_every_n_epoch=None if run.get("over_epochs") else run.get("validate_every_n_epochs", 1),
        num_sanity_val_steps=line["sanity"], accumulate_grad_batches=line["accumulate"], fast_dev_run=bool(flags & o.DRY),
        default_root_dir=os.path.dirname(run["dirpath"]))


def saved_state(path, key):
    """What a checkpoint holds of this callback, as a line of JSON can."""
    with fsspec.open(path, "rb") as file:
        state = torch.load(file, weights_only=False)["callbacks"].get(key)
    return state and {name: {path: driver.plain(score) for path, score in value.items()} if name == "best_k_models"
                      else driver.plain(value) for name, value in state.items()}


def fit(line):
    driver.enter(line["root"], line["files"])
    checkpoint, error = driver.checkpoint_of(line["opts"], of=Witness), None
    checkpoint.rows, checkpoint.clock = [], line["clock"]
    state = saved_state(line["resume"], checkpoint.state_key) if line["resume"] else None
    trainer, module = trainer_of(line, checkpoint), Tiny(line)
    try:
        trainer.fit(module, loader(line["batches"]), loader(2), ckpt_path=line["resume"])
        if line["validates"]:
            trainer.validate(module, loader(2), verbose=False)
    except Exception as raised:  # the rows tell whether it was due
        error = f"{type(raised).__name__}: {raised}"
    return {"rows": checkpoint.rows, "error": error, "state": state}
