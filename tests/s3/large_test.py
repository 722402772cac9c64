# SPDX-License-Identifier: Apache-2.0
"""An object of 8 GiB goes up and down in at most 96 MiB; a killed upload of it is found and ended by gc. Label full.

large_test.py FOLDER-OF-PROGRAMS
"""
import hashlib
import os
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
import servers  # noqa: E402

BIN = ""
BYTES = 8 << 30
PEAK_KIB = 96 << 10
PIECE = bytes(range(256)) * 4096


def write(path):
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for number in range(BYTES // len(PIECE)):
            data = number.to_bytes(8, "big") + PIECE[8:]
            file.write(data)
            digest.update(data)
    return digest.hexdigest()


def digest_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while data := file.read(1 << 20):
            digest.update(data)
    return digest.hexdigest()


class Large(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory(prefix="polyfs-large-", dir=os.environ.get("TMPDIR", "/var/tmp"))
        self.server = servers.Minio(self.temp.name).start()
        self.env = {"PATH": BIN + ":" + os.environ["PATH"], "HOME": self.temp.name, **self.server.settings()}
        self.addCleanup(self.temp.cleanup)
        self.addCleanup(self.server.stop)
        self.polyfs("mb", "s3://large")

    def polyfs(self, *words):
        """Output, and the peak of memory in KiB."""
        process = subprocess.Popen(["polyfs", *words], env=self.env, stdout=subprocess.PIPE)
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        self.assertEqual(0, process.returncode, words)
        return out, usage.ru_maxrss

    def test_up_and_down(self):
        source, back = os.path.join(self.temp.name, "source"), os.path.join(self.temp.name, "back")
        digest = write(source)
        self.assertLessEqual(self.polyfs("cp", "-q", source, "s3://large/object")[1], PEAK_KIB)
        self.assertLessEqual(self.polyfs("cp", "-q", "s3://large/object", back)[1], PEAK_KIB)
        self.assertEqual(digest, digest_of(back))
        os.remove(back)
        writer = subprocess.Popen(["polyfs", "cp", "-q", source, "s3://large/killed"], env=self.env)
        time.sleep(2)
        writer.kill()
        writer.wait()
        self.assertIn(b"s3://large/killed", self.polyfs("gc", "s3://large", "--older-than", "0s", "--dry-run")[0])
        self.polyfs("gc", "s3://large", "--older-than", "0s")
        self.assertEqual(b"", self.polyfs("gc", "s3://large", "--older-than", "0s", "--foreign", "--dry-run")[0])
        self.assertEqual(b"object\n", self.polyfs("ls", "s3://large")[0])


if __name__ == "__main__":
    BIN = sys.argv.pop()
    unittest.main(argv=sys.argv)
