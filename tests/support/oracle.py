# SPDX-License-Identifier: Apache-2.0
"""An oracle as a Python object, and an interpreter with somebody else's library: a test starts itself again in that."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
import servers  # noqa: E402


def with_client(name):
    """Ends this interpreter, and runs the same program in the one that has this client (servers.CLIENTS)."""
    python = servers.client_python(name)
    if os.path.realpath(sys.prefix) != os.path.realpath(os.path.dirname(os.path.dirname(python))):
        os.execv(python, [python, *sys.argv])


def with_botocore():
    with_client("botocore")


class Oracle:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **asked):
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        return self.process.wait(10)
