# SPDX-License-Identifier: Apache-2.0
"""Types every row of the hdfs table of docs/first-errors.md, with the cluster that the environment names: the text, the exit
status and the time must be as the table says. Java's own start comes on top of the two seconds, where a row needs it.

errors_test.py POLYFS
"""
import getpass
import os
import sys
import unittest

from cluster import URL, run, tell

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import first_errors  # noqa: E402

POLYFS = sys.argv.pop(1)
BEFORE_JAVA_S, TOLD_S = 1, 2
HERE = URL.removeprefix("hdfs://")  # in the table localhost:8020
PORT = HERE.rsplit(":", 1)[1]
WEB = os.environ["POLYFS_TEST_WEB"].rsplit(":", 1)[1]
# What is told before Java has started.
BEFORE_JAVA = ("Java missing", "no libhdfs", "Hadoop not where it was said", "class path without Hadoop", "port misspelt")


class Errors(first_errors.Typed, unittest.TestCase):
    java_s = 0.0  # what a call takes that meets no mistake
    stands_for = (("localhost:8020", HERE), ("localhost:8020", f"localhost:{PORT}"), ("localhost:$WEB", f"localhost:{WEB}"),
                  (":root:", f":{getpass.getuser()}:"))

    @classmethod
    def setUpClass(cls):
        took = [run(POLYFS, "stat", URL + "/")[3] for _ in range(3)]
        cls.java_s = max(took)

    def setUp(self):
        self.env = {**os.environ, "PATH": os.path.dirname(POLYFS) + ":" + os.environ["PATH"], "WEB": WEB}

    def seconds(self, mistake):
        return BEFORE_JAVA_S if mistake in BEFORE_JAVA else TOLD_S + self.java_s

    def Java_missing(self):
        self.env.pop("JAVA_HOME")
        return ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs none /usr/lib/jvm && exec "$@"', "sh"]

    def safe_mode(self):
        tell("safemode on")
        self.addCleanup(tell, "safemode off")


first_errors.rows_of(Errors, lambda heading: heading == "hdfs://", 7)


if __name__ == "__main__":
    unittest.main()
