# SPDX-License-Identifier: Apache-2.0
"""First mistakes with gs:// that need a server, or the lack of one: what is said, the exit status, and how long it takes.

errors_test.py POLYFS         with the server that the environment names
"""
import os
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
import servers  # noqa: E402


class Errors(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.env = {**os.environ, "HOME": folder.name, "CLOUDSDK_CONFIG": folder.name}

    def expect(self, status, text, *words, within_s=2.0, **env):
        begin = time.monotonic()
        done = subprocess.run([POLYFS, *words], env={**self.env, **env}, capture_output=True, text=True, check=False)
        spent = time.monotonic() - begin
        self.assertEqual((status, ""), (done.returncode, done.stdout), done.stderr)
        self.assertIn(text, done.stderr)
        self.assertLess(spent, within_s)

    def test_no_such_bucket(self):
        self.expect(3, "polyfs mb gs://NAME", "ls", "gs://polyfs-never-made/")
        self.expect(3, "cannot read gs://polyfs-never-made/a", "cat", "gs://polyfs-never-made/a")

    def test_no_such_bucket_to_write_to(self):
        self.expect(3, "cannot", "touch", "gs://polyfs-never-made/a")

    def test_emulator_not_started(self):
        port = servers.free_ports(1)[0]
        self.expect(5, f"cannot connect to 127.0.0.1:{port}; does a server listen there?", "ls", "gs://data/",
                    STORAGE_EMULATOR_HOST=f"127.0.0.1:{port}")

    def test_emulator_of_another_kind(self):
        self.expect(5, "no TLS connection to 127.0.0.1", "ls", "gs://data/", STORAGE_EMULATOR_HOST=os.environ["STORAGE_EMULATOR_HOST"].replace("http:", "https:"))

    def test_no_metadata_server(self):
        port = servers.free_ports(1)[0]
        self.expect(5, f"cannot connect to 127.0.0.1:{port}", "ls", "gs://data/", within_s=1.0, STORAGE_EMULATOR_HOST="", NO_GCE_CHECK="", POLYFS_GS_ANON="false",
                    GCE_METADATA_HOST=f"127.0.0.1:{port}")


if __name__ == "__main__":
    POLYFS = sys.argv.pop(1)
    unittest.main()
