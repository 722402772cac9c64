# SPDX-License-Identifier: Apache-2.0
"""The cluster that the environment names (servers.py run hdfs|hdfspair): commands to it (MiniCluster.java), and what is on it by
the file system that its own process has, which shares nothing with polyfs."""
import base64
import os
import subprocess
import time

URL = os.environ["POLYFS_TEST_URL"]


def tell(command, seconds=60):
    """Gives the cluster a command, and waits until it has obeyed; the lines that it answers."""
    with open(os.environ["POLYFS_TEST_LOG"], encoding="utf-8", errors="replace") as log:
        log.seek(0, os.SEEK_END)
        with open(os.environ["POLYFS_TEST_COMMANDS"], "w", encoding="utf-8") as commands:
            commands.write(command + "\n")
        until, said = time.monotonic() + seconds, ""
        while time.monotonic() < until:
            said += log.read()
            lines = said.split("\n")[:-1]
            for i, line in enumerate(lines):
                if line == "ok":
                    return lines[:i]
                if line.startswith("failed "):
                    raise RuntimeError(f"{command[:200]}: {line}")
            time.sleep(0.02)
    raise RuntimeError(f"{command[:200]}: the cluster says nothing")


def files(folder):
    """The paths of all files below; none where there is no such folder."""
    try:
        return tell(f"files {folder}")
    except RuntimeError as error:
        if "FileNotFoundException" in str(error):
            return []
        raise


def read(path):
    return base64.b64decode(tell(f"read {path}")[0])


def write(path, data):
    tell(f"write {path} {base64.b64encode(data).decode()}")


def run(program, *words):
    """(exit status, standard output, standard error, seconds)"""
    began = time.monotonic()
    done = subprocess.run([program, *words], capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr.decode(), time.monotonic() - began
