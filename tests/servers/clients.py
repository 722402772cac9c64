# SPDX-License-Identifier: Apache-2.0
"""What tests of other people's clients share: one side is the polyfs command, the other a script in that client's own Python."""
import json
import os
import subprocess
import sys

import servers

LARGE = bytes(range(256)) * 4096 * 12  # which the scripts write as theirs/large


def theirs(client, script, env=None, **asked):
    """Runs the script, which is asked in JSON on standard input; its last line is the answer."""
    done = subprocess.run([servers.client_python(client), "-c", script], input=json.dumps(asked), text=True,
                          env={**os.environ, **(env or {})}, capture_output=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def polyfs(*words, stdin=None):
    """Of the command that the test was given as its first argument: what it prints."""
    done = subprocess.run([sys.argv[1], *words], input=stdin, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"{words}: {done.stderr.decode()}")
    return done.stdout


def expect(what, wanted, got):
    if wanted != got:
        sys.exit(f"{what}: not\n{wanted}\nbut\n{got}")


def expect_file(what, wanted, path):
    with open(path, "rb") as file:
        expect(what, True, file.read() == wanted)
