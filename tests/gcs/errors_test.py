# SPDX-License-Identifier: Apache-2.0
"""Types every row of the gs table of docs/first-errors.md, on the server that the environment names.

errors_test.py POLYFS
"""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import first_errors  # noqa: E402
from oracle import servers  # noqa: E402

POLYFS = sys.argv.pop(1)
EMULATOR = os.environ["STORAGE_EMULATOR_HOST"].removeprefix("http://")


class Errors(first_errors.Typed, unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.env = {**os.environ, "PATH": os.path.dirname(POLYFS) + ":" + os.environ["PATH"], "HOME": folder.name, "CLOUDSDK_CONFIG": folder.name}
        self.stands_for = (("127.0.0.1:4443", f"127.0.0.1:{servers.free_ports(1)[0]}"), ("127.0.0.1:9023", EMULATOR))

    def seconds(self, mistake):
        return 1 if mistake == "no metadata server" else 2

    def no_metadata_server(self):
        self.env.update(STORAGE_EMULATOR_HOST="", NO_GCE_CHECK="", POLYFS_GS_ANON="false")


first_errors.rows_of(Errors, lambda heading: heading == "gs://", 6)


if __name__ == "__main__":
    unittest.main()
