# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command share: a folder of its own for each test, and ways to run the command in it."""
import json
import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import time
import unittest

POLYFS = os.environ.get("POLYFS", "/tmp/build-cli/bin/polyfs")
SHARE = os.environ.get("POLYFS_SHARE", os.path.join(os.path.dirname(os.path.dirname(POLYFS)), "share"))
LIB = os.environ.get("POLYFS_LIB", os.path.join(os.path.dirname(os.path.dirname(POLYFS)), "lib"))


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="polyfs-tools-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        keep = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH")
        self.env = {name: os.environ[name] for name in keep if name in os.environ}
        self.env.update(HOME=self.dir + "/home", LC_ALL="C.UTF-8")

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data=b"x"):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as out:
            out.write(data)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def start(self, *args, **how):
        how.setdefault("stdin", subprocess.DEVNULL)
        how.setdefault("stdout", subprocess.PIPE)
        how.setdefault("stderr", subprocess.PIPE)
        how.setdefault("env", self.env)
        return subprocess.Popen([POLYFS, *args], cwd=self.dir, **how)

    def run_polyfs(self, *args, data=None, **how):
        how["stdin"] = subprocess.PIPE if data is not None else subprocess.DEVNULL
        process = self.start(*args, **how)
        out, err = process.communicate(data, timeout=60)
        return process.returncode, out, err.decode("utf-8", "replace")

    def ok(self, *args, data=None):
        """Standard output of a run that must go well and say nothing on standard error."""
        status, out, err = self.run_polyfs(*args, data=data)
        self.assertEqual((status, err), (0, ""), args)
        return out

    def text(self, *args):
        return self.ok(*args).decode()

    def fails(self, status, *args, data=None):
        """Standard error of a run that must end with this status."""
        got, _, err = self.run_polyfs(*args, data=data)
        self.assertEqual(got, status, (args, err))
        return err

    def rows(self, *args):
        return [json.loads(line) for line in self.ok(*args, "--json").splitlines()]

    def on_terminal(self, *args, **env):
        """What a terminal shows: both outputs, as bytes; and the exit status."""
        master, slave = pty.openpty()
        process = subprocess.Popen([POLYFS, *args], cwd=self.dir, env={**self.env, **env}, stdin=slave, stdout=slave,
                                   stderr=slave)
        os.close(slave)
        shown, until = b"", time.monotonic() + 30
        while time.monotonic() < until and select.select([master], [], [], 30)[0]:
            try:
                shown += os.read(master, 65536)
            except OSError:
                break
        os.close(master)
        return process.wait(30), shown


def main():
    unittest.main(verbosity=1)


def words(text):
    return re.sub(r"\s+", " ", text).strip()
