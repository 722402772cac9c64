# SPDX-License-Identifier: Apache-2.0
"""azure-storage-file-datalake on the scripted Data Lake endpoint (tests/servers/lake.py), and polyfs beside it.

lake_client_test.py POLYFS         with the server that the environment names
"""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from oracle import with_client  # noqa: E402

SETTINGS = dict(part.split("=", 1) for part in os.environ["AZURE_STORAGE_CONNECTION_STRING"].split(";") if part)


class Client(unittest.TestCase):
    def setUp(self):
        from azure.storage.filedatalake import DataLakeServiceClient
        credential = {"account_name": SETTINGS["AccountName"], "account_key": SETTINGS["AccountKey"]}
        self.service = DataLakeServiceClient(SETTINGS["DfsEndpoint"], credential)
        self.name = "client-" + self.id().rsplit("_", 1)[-1]
        self.files = self.service.create_file_system(self.name)

    def polyfs(self, *words, stdin=None):
        done = subprocess.run([POLYFS, *words], input=stdin, capture_output=True, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout.decode()

    def names(self, recursive=True):
        return sorted((each.name, each.is_directory) for each in self.files.get_paths(recursive=recursive))

    def test_its_own_files(self):
        self.files.create_directory("a/b")
        file = self.files.get_file_client("a/b/c")
        file.create_file()
        file.append_data(b"hello ", 0)
        file.append_data(b"lake", 6)
        file.flush_data(10)
        self.assertEqual(b"hello lake", file.download_file().readall())
        self.assertEqual(10, file.get_file_properties().size)
        self.assertEqual([("a", True), ("a/b", True), ("a/b/c", False)], self.names())
        self.assertEqual("hello lake", self.polyfs("cat", f"abfs://{self.name}/a/b/c"))

    def test_its_own_renames(self):
        self.files.get_file_client("d/x").upload_data(b"x", overwrite=True)
        self.files.get_file_client("d/x").rename_file(self.name + "/d/y")
        self.files.get_directory_client("d").rename_directory(self.name + "/e")
        self.assertEqual([("e", True), ("e/y", False)], self.names())
        self.files.get_directory_client("e").delete_directory()
        self.assertEqual([], self.names())

    def test_refusals(self):
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
        self.files.create_directory("full/inner")
        with self.assertRaises(ResourceExistsError):
            self.files.get_directory_client("full").create_directory(match_condition=MatchConditions.IfMissing)
        with self.assertRaises(ResourceNotFoundError):
            self.files.get_file_client("nothing").delete_file()
        with self.assertRaises(ResourceNotFoundError):
            self.files.get_file_client("nothing").rename_file(self.name + "/other")

    def test_files_of_polyfs(self):
        self.polyfs("put", "-", f"abfs://{self.name}/p/q/r", stdin=b"by polyfs")
        self.assertEqual(b"by polyfs", self.files.get_file_client("p/q/r").download_file().readall())
        self.assertEqual([("p", True), ("p/q", True), ("p/q/r", False)], self.names())


if __name__ == "__main__":
    with_client("datalake")
    POLYFS = sys.argv.pop()
    unittest.main(argv=sys.argv)
