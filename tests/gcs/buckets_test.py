# SPDX-License-Identifier: Apache-2.0
"""Buckets of gs:// by the command: made, listed while empty, told from missing ones, removed.

buckets_test.py POLYFS
"""
import os
import subprocess
import sys
import time
import unittest

POLYFS = sys.argv.pop(1)


def run(*words, **environment):
    return subprocess.run([POLYFS, *words], env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False)


class Buckets(unittest.TestCase):
    def expect(self, status, *words, told="", **environment):
        done = run(*words, **environment)
        self.assertEqual(status, done.returncode, done.stderr)
        self.assertIn(told, done.stderr)
        return done.stdout

    def test_empty_is_not_missing(self):
        self.expect(0, "mb", "gs://polyfs-empty")
        for url in ("gs://polyfs-empty", "gs://polyfs-empty/"):
            self.assertEqual("", self.expect(0, "ls", url))
            self.assertEqual("", self.expect(0, "ls", "-r", url))
        self.assertIn("polyfs-empty", self.expect(0, "ls", "gs://"))
        self.expect(3, "ls", "gs://polyfs-empty/nothing/", told="there is no such folder")
        self.expect(0, "rb", "gs://polyfs-empty")
        for url in ("gs://polyfs-empty", "gs://polyfs-empty/"):
            self.expect(3, "ls", url, told="there is no such object or bucket")
            self.expect(3, "ls", "-r", url, told="there is no such object or bucket")

    def test_made_twice_and_not_empty(self):
        self.expect(0, "mb", "gs://polyfs-full")
        self.expect(6, "mb", "gs://polyfs-full", told="there is such a bucket already")
        self.expect(0, "touch", "gs://polyfs-full/x")
        self.expect(1, "rb", "gs://polyfs-full", told="there are objects in the bucket")

    def test_missing_bucket(self):
        for words in (("cat", "gs://polyfs-gone/x"), ("touch", "gs://polyfs-gone/x")):
            self.expect(3, *words, told="there is no such object or bucket")

    def test_names_that_are_none(self):
        self.expect(2, "ls", "gs://Upper/", told="cannot be a bucket's name")
        self.expect(2, "touch", "gs://polyfs-full/a\nb", told="line end")

    def test_emulator_not_started(self):
        began = time.monotonic()
        self.expect(5, "ls", "gs://bucket/", told="does a server listen there?", STORAGE_EMULATOR_HOST="127.0.0.1:1")
        self.assertLess(time.monotonic() - began, 5)


if __name__ == "__main__":
    unittest.main()
