# SPDX-License-Identifier: Apache-2.0
"""Compares polyfs's policy, its quirks on, with what ModelCheckpoint does in real fits of Lightning's Trainer.

fits_test.py DRIVER [FITS] [SEED]
"""
import json
import os
import random
import sys
import tempfile
import types
from collections import Counter

import lightning_test
import oracle as o
import policy_test
from peers import Peer, decoded, encoded

FITS = 200


def model_of(state):
    """As oracle.py keeps it."""
    names = {"best_score": "best_model_score", "best_path": "best_model_path", "best_k": "best_k_models",
             "kth_path": "kth_best_model_path", "kth_value": "kth_value", "last_path": "last_model_path"}
    s = {ours: decoded(state[name]) if ours != "best_k" else {path: decoded(score) for path, score in state[name].items()}
         for ours, name in names.items()}
    return types.SimpleNamespace(folder=state["dirpath"], s=s)


class Fits(lightning_test.History):
    """Fits one after the other in one place, of whose events polyfs hears afterwards."""

    def fit(self, resume):
        rng, manual = self.rng, self.run["flags"] & o.MANUAL
        return self.real.ask(
            op="fit", opts=self.opts, run=self.run, root=self.root, files=self.new_files, resume=resume and resume["path"],
            epochs=self.epoch + rng.randint(2, 4), batches=rng.randint(2, 5), values=[encoded(self.value()) for _ in range(20)],
            clock=[rng.randint(1, 20) * 500 for _ in range(20)], accumulate=1 if manual or rng.random() < .8 else 2,
            sanity=rng.choice([0, 0, 2]), raises_at=rng.randint(2, 20) if rng.random() < .2 else None, validates=rng.random() < .2,
            logs={"train": rng.choice([[True, False], [False, True]]), "val": not self.missing, "counts": self.own_counts})

    def start(self, resume):
        self.answer = self.fit(resume)
        self.new_files = []
        self.seen["fits"] += 1
        if resume:
            resume = {**resume, "state": json.dumps(self.answer["state"]), "model": model_of(self.answer["state"])}
        policy_test.Training.start(self, resume)

    def resume(self):
        """From a file that is there, as it was written last."""
        newest = {save["path"]: save for save in self.saves if not self.opts["flags"] & o.WEIGHTS_ONLY}
        self.saves = [save for path, save in newest.items() if path in self.files]
        super().resume()

    def tell(self, event, moment):
        pass

    def hear(self):
        return self.row

    def process(self):
        for self.row in self.answer["rows"]:
            moment = {**self.row["moment"], "time_ms": 0}
            moment["metrics"] = {key: decoded(value) for key, value in moment["metrics"].items()}
            self.epoch, self.step, self.events = moment["epoch"], moment["step"], self.events + 1
            self.happens(self.row["event"], moment)
        error = self.answer["error"]
        meant = [None, "Planted"] + [row["error"] for row in self.answer["rows"]]
        self.seen[f"fits that end by {error and error.split(':')[0]}"] += 1
        if (error and error.split(":")[0]) not in meant:
            self.differ("a fit", f"one of {set(meant)}", error)


def check_fits(driver, real, rng, say, count):
    seen, events = Counter(), 0
    with tempfile.TemporaryDirectory(prefix="polyfs-fits-") as temp:
        i = 0
        while seen["fits"] < count:
            i += 1
            own, root = random.Random(rng.getrandbits(64)), os.path.join(os.path.realpath(temp), str(i))
            fits = Fits(real, root, driver, own, lambda text, i=i: say(f"fits {i}, {text}"), seen)
            try:
                fits.play()
            except lightning_test.Short:
                seen["short"] += 1
            except StopIteration:
                pass
            events += fits.events
    for what in ("save", "link", "remove", "leave", "resumed"):
        if seen[what] < count // 50:
            say(f"only {seen[what]} of {what} in {count} fits")
    return f"{events} events: {dict(seen)}"


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else FITS
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    rng, driver, real, complaints = random.Random(seed), Peer(sys.argv[1]), lightning_test.lightning(), []

    def say(text):
        complaints.append(text)
        if len(complaints) <= 5:
            print(text)

    print(check_fits(driver, real, rng, say, count))
    driver.close()
    real.close()
    print(f"seed {seed}: {len(complaints)} different")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
