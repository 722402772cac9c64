#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The bucket vanishes, or the credential expires, in the middle of a save and of a load, at every request in turn: what is
said tells which of them, it is never taken for a run without checkpoints, and once it is over the newest checkpoint is
whole: the old one where the save failed, the new one where it did not; the next save works and nothing is left behind.

proxy.py run minio -- python3 s3_faults_test.py SAVER POLYFS
"""
import subprocess
import sys
import tempfile

from store_run import BUCKET, Control, PROXIED, Place, Runs

ERROR = "<Error><Code>{}</Code><Message>{}</Message></Error>"
NO_BUCKET = {"status": 404, "body": ERROR.format("NoSuchBucket", "The specified bucket does not exist")}
EXPIRED = ERROR.format("ExpiredToken", "The provided token has expired")
CONFIG, AUTH, NONE = 2, 4, 3  # exit statuses; the last one is that of "none"
OF_MINIO = {"status": 403, "body": EXPIRED, "headers": [["x-minio-error-code", "ExpiredToken"]]}
# what happens, what it says, exit status of the command, kinds of saves that it happens to
FAULTS = [("bucket gone", NO_BUCKET, "bucket", CONFIG, ("plain", "async", "parts")),
          ("expired, as Amazon tells it", {"status": 400, "body": EXPIRED}, "get new keys", AUTH, ("plain", "parts")),
          ("expired, as MinIO tells it", OF_MINIO, "get new keys", AUTH, ("plain",))]
QUESTIONS = [("latest", "template"), ("list", "template"), ("verify", "template"), ("load", "template"),
             ("read", "tensors"), ("export", "tensors")]
PLACE = Place("s3")


def from_request(number, answer):
    return {"from": number, "count": 0, **answer}


class Faults:
    def __init__(self, saver, command):
        self.saver, self.command, self.control = saver, command, Control()
        self.failures = []

    def expect(self, well, what):
        if not well:
            self.failures.append(what)
            print(what, flush=True)

    def ask(self, question, run, env=PROXIED):
        with tempfile.TemporaryDirectory(prefix="polyfs-faults-") as folder:
            words = [self.command, "ckpt", question, run]
            words += {"load": [folder], "export": [folder + "/one.safetensors"]}.get(question, [])
            if question == "read":  # whole, and its tensors straight into memory
                words = [self.saver, "read", run, "3"]
            return subprocess.run(words, env=env, capture_output=True, text=True)

    # ---- by the proxy ----

    def save(self, runs, number, fault):
        name, answer, word, *_ = fault
        run, where = runs.fresh(), f"{runs.name}, {name} from request {number} on"
        told = runs.save(run, runs.name, [from_request(number, answer)])
        self.expect(not told.returncode or word in told.stderr, f"{where}: it says: {told.stderr}")
        said = runs.check(run, 4)
        self.expect(said == ("old" if told.returncode else "new"), f"{where}: status {told.returncode}, then: {said}")
        return bool(told.returncode)

    def saves(self, kind, fault):
        runs = Runs(PLACE, self.saver, self.control, kind)
        count = runs.count(kind)
        failed = sum(self.save(runs, number, fault) for number in range(1, count + 1))
        print(f"{kind}: {fault[0]} at each of {count} requests; {failed} saves failed", flush=True)
        self.expect(0 < failed < count, f"{kind}: {failed} saves failed")

    def question(self, fault, question, run):
        """From the first request on, from the second, … until it is not met any more."""
        name, answer, word, status, _ = fault
        status = 1 if question == "read" else status
        number, told = 1, None
        while number < 20 and (told is None or told.returncode):
            self.control.tell("rules", rules=[from_request(number, answer)])
            told = self.ask(question, run)
            self.expect(not told.returncode or (told.returncode == status and word in told.stdout + told.stderr),
                        f"{question}, {name} from request {number} on: status {told.returncode}, {told.stdout}{told.stderr}")
            number += 1
        self.expect(2 < number < 20, f"{question}, {name}: it sent {number - 1} requests")
        self.control.tell("rules", rules=[])
        self.expect(self.ask(question, run).returncode == 0, f"{question}: it does not work again")

    # ---- for real ----

    def removed(self, target):
        """Somebody removes the bucket while a request of the save is on its way."""
        PLACE.store.make("gone")
        run = "s3://gone/run"
        for step in ("2", "3"):
            subprocess.run([self.saver, "save", run, step], env=PLACE.direct, check=True)
        self.control.tell("rules", rules=[{"method": "PUT", "target": target, "hold": True}])
        save = subprocess.Popen([self.saver, "save", run, "4"], env=PROXIED, stderr=subprocess.PIPE, text=True)
        self.control.tell("held")
        subprocess.run([self.command, "rb", "--force", "s3://gone"], env=PLACE.direct, check=True)
        self.control.tell("release")
        _, told = save.communicate()
        self.expect(save.returncode == 1 and "bucket" in told, f"removed at {target}: status {save.returncode}, {told}")
        answer = self.ask("latest", run)
        self.expect(answer.returncode == CONFIG, f"removed at {target}: latest is {answer.returncode}, {answer.stderr}")
        print(f"removed at {target}: {told.strip()}", flush=True)


def main():
    saver, command = sys.argv[1:3]
    PLACE.make_template(saver)
    subprocess.run([saver, "save", PLACE.url("tensors"), "3", "tensors"], env=PLACE.direct, check=True, stdout=subprocess.DEVNULL)
    faults = Faults(saver, command)
    for fault in FAULTS:
        for question, run in QUESTIONS:
            faults.question(fault, question, PLACE.url(run))
        for kind in fault[-1]:
            faults.saves(kind, fault)
    for target in (r"b\.bin", r"manifest\.json", r"\.ckpt/log/"):
        faults.removed(target)
    print(f"failures {len(faults.failures)}")
    sys.exit(len(faults.failures) > 0)


if __name__ == "__main__":
    main()
