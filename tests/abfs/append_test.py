# SPDX-License-Identifier: Apache-2.0
"""Append blobs, to which the service adds, and leases, which are respected: both made by Azure's own library.

append_test.py ABFS_APPEND POLYFS         with the server that the environment names
"""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from oracle import with_client  # noqa: E402

HELD = "somebody holds a lease on it, see: az storage blob lease break"


class Blobs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        from azure.storage.blob import BlobServiceClient
        service = BlobServiceClient.from_connection_string(os.environ["AZURE_STORAGE_CONNECTION_STRING"])
        cls.container = "polyfs-" + cls.__name__.lower()
        cls.blobs = service.create_container(cls.container)

    def setUp(self):
        self.name = self.id().rsplit(".", 1)[-1]
        self.url = f"abfs://{self.container}/{self.name}"
        self.blob = self.blobs.get_blob_client(self.name)

    def add(self, data, meanwhile=lambda: None):
        """What abfs_append says of its end, when something else is done while it is open."""
        with subprocess.Popen([APPEND, self.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            first = process.stdout.readline().decode().strip()
            if first != "open":
                return first
            meanwhile()
            return process.communicate(data, timeout=60)[0].decode().strip()

    def there(self):
        properties = self.blob.get_blob_properties()
        return properties.blob_type, properties.append_blob_committed_block_count, self.blob.download_blob().readall()


class Append(Blobs):
    def setUp(self):
        super().setUp()
        self.blob.create_append_blob()
        self.blob.append_block(b"one,")

    def test_by_the_service(self):
        self.assertEqual("ok 8", self.add(b"two,"))
        self.assertEqual(("AppendBlob", 2, b"one,two,"), self.there())
        self.assertEqual("ok 8", self.add(b""))

    def test_more_than_one_request_takes(self):
        data = os.urandom(9 << 20)
        self.assertEqual(f"ok {4 + len(data)}", self.add(data))
        self.assertEqual(("AppendBlob", 4, b"one," + data), self.there())

    def test_somebody_else_comes_first(self):
        self.assertTrue(self.add(b"ours", lambda: self.blob.append_block(b"theirs")).startswith("condition "))
        self.assertEqual(b"one,theirs", self.there()[2])

    def test_held_by_somebody(self):
        lease = self.blob.acquire_lease()
        self.assertIn(HELD, self.add(b"two,"))
        lease.release()
        self.assertEqual("ok 8", self.add(b"two,"))

    def test_a_block_blob_stays_one(self):
        self.blob.upload_blob(b"block,", overwrite=True)
        self.assertEqual("ok 10", self.add(b"two,"))
        self.assertEqual(("BlockBlob", None, b"block,two,"), self.there())


class Leases(Blobs):
    def test_nothing_is_done_to_what_somebody_holds(self):
        self.blob.upload_blob(b"theirs")
        lease = self.blob.acquire_lease()
        for words in (("put", "-", self.url), ("rm", self.url), ("rm", "-r", self.url)):
            done = subprocess.run([POLYFS, *words], input=b"ours", capture_output=True, check=False)
            self.assertEqual(5, done.returncode, words)
            self.assertIn(HELD, done.stderr.decode(), words)
        done = subprocess.run([POLYFS, "cat", self.url], capture_output=True, check=True)
        self.assertEqual(b"theirs", done.stdout)
        lease.break_lease()
        subprocess.run([POLYFS, "rm", self.url], check=True)


if __name__ == "__main__":
    with_client("adlfs")
    POLYFS, APPEND = sys.argv.pop(), sys.argv.pop()
    unittest.main(argv=sys.argv)
