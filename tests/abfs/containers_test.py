# SPDX-License-Identifier: Apache-2.0
"""Containers of abfs:// by the command: made, listed while empty, told from missing ones, removed; and first mistakes.

containers_test.py POLYFS         with the server that the environment names
"""
import os
import subprocess
import sys
import time
import unittest
import urllib.request

POLYFS = sys.argv.pop(1)
CONNECTION = os.environ["AZURE_STORAGE_CONNECTION_STRING"]


def run(*words, **environment):
    return subprocess.run([POLYFS, *words], env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False)


class Containers(unittest.TestCase):
    def expect(self, status, *words, told="", **environment):
        done = run(*words, **environment)
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

    def test_missing_container(self):
        for words in (("cat", "abfs://polyfs-gone/x"), ("touch", "abfs://polyfs-gone/x")):
            self.expect(3, *words)

    def test_names_that_are_none(self):
        self.expect(2, "ls", "abfs://Upper/", told="cannot be a container's name")
        self.expect(2, "touch", "abfs://polyfs-full/a.", told="ends in a dot")
        self.expect(2, "touch", "abfs://polyfs-full/a\\b", told="which Azure takes for '/'")

    def test_wrong_key(self):
        wrong = CONNECTION.replace("AccountKey=E", "AccountKey=F")
        self.expect(4, "ls", "abfs://polyfs-full/", told="is AZURE_STORAGE_ACCOUNT_KEY this account's?", AZURE_STORAGE_CONNECTION_STRING=wrong)

    def test_account_misspelt(self):
        wrong = CONNECTION.replace("AccountName=dev", "AccountName=def").replace("/devstore", "/defstore")
        done = run("ls", "abfs://polyfs-full/", AZURE_STORAGE_CONNECTION_STRING=wrong)
        self.assertIn(done.returncode, (3, 4), done.stderr)
        self.assertNotEqual("", done.stderr)

    def test_emulator_not_started(self):
        began = time.monotonic()
        self.expect(5, "ls", "abfs://container/", told="does a server listen there?",
                    AZURE_STORAGE_CONNECTION_STRING="AccountName=devstoreaccount1;BlobEndpoint=http://127.0.0.1:1/devstoreaccount1;")
        self.assertLess(time.monotonic() - began, 5)

    def test_a_signed_url_is_read_by_anybody(self):
        self.expect(0, "mb", "abfs://polyfs-signed")
        subprocess.run([POLYFS, "put", "-", "abfs://polyfs-signed/a b"], input=b"signed", check=True)
        url = self.expect(0, "presign", "abfs://polyfs-signed/a b").strip()
        with urllib.request.urlopen(url, timeout=10) as answer:
            self.assertEqual(b"signed", answer.read())


if __name__ == "__main__":
    unittest.main()
