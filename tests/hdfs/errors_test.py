# SPDX-License-Identifier: Apache-2.0
"""Types every row of the hdfs table of docs/first-errors.md, with the cluster that the environment names: the text, the exit
status and the time must be as the table says. Java's own start comes on top of the two seconds, where a row needs it.

errors_test.py POLYFS
"""
import getpass
import os
import re
import subprocess
import sys
import time
import unittest

from cluster import URL, run, tell

POLYFS = sys.argv.pop(1)
TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/first-errors.md")
BEFORE_JAVA_S, TOLD_S = 1, 2
HERE = URL.removeprefix("hdfs://")  # in the table localhost:8020
PORT = HERE.rsplit(":", 1)[1]


def rows():
    with open(TABLE, encoding="utf-8") as file:
        for line in file.read().split("\n## hdfs://")[1].splitlines():
            cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
            if line.startswith("| ") and cells[0] != "Mistake":
                yield cells[0], *[cell.strip("`") for cell in cells[1:]]


class Errors(unittest.TestCase):
    java_s = 0.0  # what a call takes that meets no mistake

    @classmethod
    def setUpClass(cls):
        took = [run(POLYFS, "stat", URL + "/")[3] for _ in range(3)]
        cls.java_s = max(took)

    def Java_missing(self):
        return ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs none /usr/lib/jvm && exec "$@"', "sh"]

    def safe_mode(self):
        tell("safemode on")
        self.addCleanup(tell, "safemode off")
        return []

    def check(self, mistake, typed, says, status):
        prepare = getattr(self, re.sub(r"\W+", "_", mistake), None)
        before, env = prepare() if prepare else [], dict(os.environ)
        env["PATH"] = os.path.dirname(POLYFS) + ":" + env["PATH"]
        env["WEB"] = os.environ["POLYFS_TEST_WEB"].rsplit(":", 1)[1]
        if "libjvm" in says:
            env.pop("JAVA_HOME")
        began = time.monotonic()
        done = subprocess.run([*before, "sh", "-c", typed.replace("localhost:8020", HERE)], env=env, capture_output=True, timeout=60,
                              check=False)
        spent = time.monotonic() - began
        told = done.stderr.decode().replace(HERE, "localhost:8020").replace(f"localhost:{PORT}", "localhost:8020")
        self.assertEqual(told, says.replace("$WEB", env["WEB"]).replace(":root:", f":{getpass.getuser()}:") + "\n")
        self.assertEqual((done.returncode, done.stdout), (int(status), b""))
        needs_java = status == "3" or "Hadoop says" in says or mistake in ("no fs.defaultFS", "safe mode")
        self.assertLessEqual(spent, TOLD_S + self.java_s if needs_java else BEFORE_JAVA_S)


def add(number, row):
    def test(self):
        self.check(*row[:4])
    test.__doc__ = row[0]
    setattr(Errors, f"test_{number:02}_" + re.sub(r"\W+", "_", row[0]), test)


for at, cells in enumerate(rows(), 1):
    add(at, cells)


class Table(unittest.TestCase):
    def test_it_is_there(self):
        self.assertGreater(len(list(rows())), 6)


if __name__ == "__main__":
    unittest.main()
