# SPDX-License-Identifier: Apache-2.0
"""Containers of abfs:// by the command: made, listed while empty, told from missing ones, removed; and URLs for anybody.

containers_test.py POLYFS         with the server that the environment names
"""
import subprocess
import sys
import unittest
import urllib.request

POLYFS = sys.argv.pop(1)


class Containers(unittest.TestCase):
    def expect(self, status, *words, told=""):
        done = subprocess.run([POLYFS, *words], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(status, done.returncode, done.stderr)
        self.assertIn(told, done.stderr)
        return done.stdout

    def test_empty_is_not_missing(self):
        self.expect(0, "mb", "abfs://polyfs-empty")
        for url in ("abfs://polyfs-empty", "abfs://polyfs-empty/"):
            self.assertEqual("", self.expect(0, "ls", url))
            self.assertEqual("", self.expect(0, "ls", "-r", url))
        self.assertIn("polyfs-empty", self.expect(0, "ls", "abfs://"))
        self.expect(3, "ls", "abfs://polyfs-empty/nothing/", told="there is no such folder")
        self.expect(0, "rb", "abfs://polyfs-empty")
        for url in ("abfs://polyfs-empty", "abfs://polyfs-empty/"):
            self.expect(3, "ls", url, told="make it with: polyfs mb abfs://NAME")
            self.expect(3, "ls", "-r", url, told="make it with: polyfs mb abfs://NAME")

    def test_made_twice_and_not_empty(self):
        self.expect(0, "mb", "abfs://polyfs-full")
        self.expect(6, "mb", "abfs://polyfs-full", told="already exists")
        self.expect(0, "touch", "abfs://polyfs-full/x")
        self.expect(1, "rb", "abfs://polyfs-full", told="the container is not empty")

    def test_names_that_are_none(self):
        self.expect(2, "ls", "abfs://Upper/", told="cannot be a container's name")
        self.expect(2, "touch", "abfs://polyfs-full/a.", told="ends in a dot")
        self.expect(2, "touch", "abfs://polyfs-full/a\\b", told="which Azure takes for '/'")

    def test_a_signed_url_is_read_by_anybody(self):
        self.expect(0, "mb", "abfs://polyfs-signed")
        subprocess.run([POLYFS, "put", "-", "abfs://polyfs-signed/a b"], input=b"signed", check=True)
        url = self.expect(0, "presign", "abfs://polyfs-signed/a b").strip()
        with urllib.request.urlopen(url, timeout=10) as answer:
            self.assertEqual(b"signed", answer.read())


if __name__ == "__main__":
    unittest.main()
