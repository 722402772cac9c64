# SPDX-License-Identifier: Apache-2.0
"""Folders of an account with a hierarchical namespace by the command, on the scripted Data Lake endpoint.

lake_test.py POLYFS         with the server that the environment names
"""
import json
import subprocess
import sys
import unittest

POLYFS = sys.argv.pop(1)


class Lake(unittest.TestCase):
    def expect(self, status, *words, told="", stdin=None):
        done = subprocess.run([POLYFS, *words], input=stdin, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(status, done.returncode, done.stderr)
        self.assertIn(told, done.stderr)
        return done.stdout

    def setUp(self):
        self.url = "abfs://lake-" + self.id().rsplit(".", 1)[-1].replace("_", "-").removeprefix("test-")
        self.expect(0, "mb", self.url)

    def test_it_is_seen(self):
        facts = json.loads(self.expect(0, "caps", "--json", "--probe", self.url + "/x"))["facts"]
        self.assertEqual(dict.fromkeys(("real_dirs", "rename", "rename_atomic", "rename_no_replace", "remove_tree"), "yes"),
                         {name: facts[name] for name in ("real_dirs", "rename", "rename_atomic", "rename_no_replace", "remove_tree")})
        self.assertEqual("emulated", facts["flat_list"])

    def test_empty_folders_stay(self):
        self.expect(0, "mkdir", self.url + "/a")
        self.expect(6, "mkdir", self.url + "/a", told="there already")
        self.expect(0, "mkdir", "-p", self.url + "/a/b/c")
        self.assertEqual("", self.expect(0, "ls", self.url + "/a/b/c"))
        self.expect(3, "ls", self.url + "/a/nothing/")
        self.expect(1, "rmdir", self.url + "/a", told="empty")
        self.expect(0, "rmdir", self.url + "/a/b/c")
        self.expect(3, "ls", self.url + "/a/b/c/")

    def test_a_tree_goes_at_once(self):
        """More names than one request takes."""
        for i in range(60):
            self.expect(0, "put", "-", f"{self.url}/t/{i % 3}/{i}", stdin="x")
        self.expect(0, "rm", "-r", self.url + "/t")
        self.assertEqual("", self.expect(0, "ls", self.url + "/"))

    def test_a_folder_is_no_blob(self):
        self.expect(0, "mkdir", self.url + "/d")
        self.expect(1, "rm", self.url + "/d", told="folder")
        self.expect(1, "put", "-", self.url + "/d", stdin="x")
        self.assertIn("d/", self.expect(0, "ls", self.url + "/"))

    def test_moves(self):
        self.expect(0, "put", "-", self.url + "/from", stdin="bytes")
        self.expect(0, "mv", self.url + "/from", self.url + "/to")
        self.assertEqual("bytes", self.expect(0, "cat", self.url + "/to"))
        self.expect(3, "cat", self.url + "/from")


if __name__ == "__main__":
    unittest.main()
