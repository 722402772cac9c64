# SPDX-License-Identifier: Apache-2.0
"""Programs that are asked by lines of JSON and answer each with one. A number that JSON has none for is its name as text."""
import json
import math
import subprocess


def encoded(value):
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def decoded(value):
    return float(value) if value in ("nan", "inf", "-inf") else value


class Peer:
    def __init__(self, *command):
        self.name = command[-1]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def send(self, **line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        self.sent = line

    def receive(self):
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name} died of {self.sent}")
        return json.loads(answer)

    def ask(self, **line):
        self.send(**line)
        return self.receive()

    def close(self):
        self.process.stdin.close()
        if self.process.wait():
            raise SystemExit(f"{self.name} ended with {self.process.returncode}")
