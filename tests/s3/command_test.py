# SPDX-License-Identifier: Apache-2.0
"""The command on s3://, as a user types it, against MinIO over http and over https with an authority of our own.

command_test.py FOLDER-OF-PROGRAMS
"""
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
import servers  # noqa: E402

BIN = ""


class Command(unittest.TestCase):
    """Once on each kind of connection; subclasses say which."""
    __test__ = False
    tls = False

    @classmethod
    def setUpClass(cls):
        cls.temp = tempfile.TemporaryDirectory(prefix="polyfs-s3-")
        authority = servers.certificates(os.path.join(cls.temp.name, "certs")) if cls.tls else None
        cls.server = servers.Minio(cls.temp.name, tls=authority).start()
        cls.env = {"PATH": BIN + ":" + os.environ["PATH"], "HOME": cls.temp.name, **cls.server.settings()}
        cls.polyfs(cls, "mb", "s3://bucket")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.temp.cleanup()

    def polyfs(self, *words, code=0, env=None, stdin=None):
        began = time.monotonic()
        done = subprocess.run(["polyfs", *words], env={**self.env, **(env or {})}, cwd=self.temp.name, capture_output=True,
                              input=stdin, check=False)
        self.seconds = time.monotonic() - began
        if done.returncode != code:
            raise AssertionError(f"polyfs {' '.join(words)} ended with {done.returncode}: {done.stderr.decode()}")
        return done.stdout, done.stderr.decode()

    def test_buckets(self):
        self.polyfs("mb", "s3://other")
        self.assertIn(b"other/", self.polyfs("ls", "s3://")[0])
        _, told = self.polyfs("mb", "s3://other", code=6)
        self.assertIn("s3://other", told)
        self.polyfs("mb", "--ignore-existing", "s3://other")
        self.polyfs("cp", "-", "s3://other/x", stdin=b"x")
        self.polyfs("rb", "s3://other", code=1)
        self.polyfs("rb", "--force", "s3://other")
        self.assertNotIn(b"other/", self.polyfs("ls", "s3://")[0])

    def uploads(self, *words):
        return self.polyfs("gc", "s3://bucket/killed", "--older-than", "0s", *words)[0].decode().splitlines()

    def test_uploads_of_killed_programs(self):
        """F30: killed in the middle of an upload; gc finds it when it is old enough, and no other program's."""
        writer = subprocess.Popen(["polyfs", "cp", "-", "s3://bucket/killed/object"], env=self.env, stdin=subprocess.PIPE)
        writer.stdin.write(os.urandom(24 << 20))
        writer.stdin.flush()
        end = time.monotonic() + 20
        while not self.uploads("--dry-run") and time.monotonic() < end:
            time.sleep(0.1)
        writer.kill()
        writer.wait()
        writer.stdin.close()
        self.assertEqual([], self.polyfs("gc", "s3://bucket", "--older-than", "1h", "--dry-run")[0].splitlines(), "it is too young")
        self.assertEqual(1, len(self.uploads("--dry-run")))
        self.assertIn("s3://bucket/killed/object", self.uploads("--dry-run")[0])
        self.uploads()
        self.assertEqual([], self.uploads("--foreign", "--dry-run"))
        self.polyfs("stat", "s3://bucket/killed/object", code=3)

    def test_a_signal_ends_an_upload(self):
        """SIGTERM and ^C abort what is on its way, so nothing is left to clean up."""
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            writer = subprocess.Popen(["polyfs", "cp", "-", "s3://bucket/killed/signal"], env=self.env, stdin=subprocess.PIPE,
                                      stderr=subprocess.PIPE)
            writer.stdin.write(os.urandom(24 << 20))
            writer.stdin.flush()
            end = time.monotonic() + 20
            while not self.uploads("--dry-run") and time.monotonic() < end:
                time.sleep(0.1)
            writer.send_signal(number)
            self.assertEqual(code, writer.wait(20), writer.stderr.read())
            writer.stdin.close()
            writer.stderr.close()
            self.assertEqual([], self.uploads("--foreign", "--dry-run"))

    def test_a_source_that_never_rests(self):
        """It is skipped, with exit 1; what lies beside it is copied; once it rests it is copied too."""
        source = os.path.join(self.temp.name, "restless")
        os.makedirs(source)
        for name, size in (("beside", 1000), ("changing", 64 << 20)):
            with open(os.path.join(source, name), "wb") as file:
                file.write(os.urandom(size))
        stop = threading.Event()

        def touch():
            while not stop.wait(0.002):
                os.utime(os.path.join(source, "changing"))
        toucher = threading.Thread(target=touch)
        toucher.start()
        try:
            told = self.polyfs("cp", "-r", source, "s3://bucket/restless", code=1)[1]
        finally:
            stop.set()
            toucher.join()
        self.assertIn("changing", told)
        self.assertEqual(b"beside\n", self.polyfs("ls", "s3://bucket/restless")[0])
        self.assertEqual([], self.polyfs("gc", "s3://bucket/restless", "--older-than", "0s", "--foreign", "--dry-run")[0].splitlines())
        self.polyfs("cp", "-r", source, "s3://bucket/restless")
        self.polyfs("rm", "-r", "s3://bucket/restless")

    def test_a_folder_there_and_back(self):
        source = os.path.join(self.temp.name, "tree")
        os.makedirs(source + "/deep/er")
        sizes = {"empty": 0, "small": 11, "deep/one part": 8 << 20, "deep/er/three parts": (20 << 20) + 7}
        for name, size in sizes.items():
            with open(os.path.join(source, name), "wb") as file:
                file.write(os.urandom(size))
        self.polyfs("cp", "-r", source, "s3://bucket/tree")
        self.polyfs("cp", "-r", "s3://bucket/tree", os.path.join(self.temp.name, "back"))
        subprocess.run(["diff", "-r", source, os.path.join(self.temp.name, "back")], check=True)
        listed = self.polyfs("ls", "-R", "s3://bucket/tree/")[0].decode().splitlines()
        self.assertEqual(sorted(sizes), sorted(name for name in listed if not name.endswith("/")))
        self.polyfs("rm", "-r", "s3://bucket/tree")
        self.polyfs("ls", "s3://bucket/tree/", code=3)

    def test_streams_of_unknown_length(self):
        data = os.urandom((9 << 20) + 1)
        self.polyfs("cp", "-", "s3://bucket/stream", stdin=data)
        self.assertEqual(data, self.polyfs("cp", "s3://bucket/stream", "-")[0])

    def test_signed_urls(self):
        self.polyfs("cp", "-", "s3://bucket/a b%c", stdin=b"signed")
        url = self.polyfs("presign", "--expires", "1m", "s3://bucket/a b%c")[0].decode().strip()
        context = None
        if self.tls:
            import ssl
            context = ssl.create_default_context(cafile=self.env["AWS_CA_BUNDLE"])
        with urllib.request.urlopen(url, context=context) as answer:
            self.assertEqual(b"signed", answer.read())
        url = self.polyfs("presign", "--put", "s3://bucket/by url")[0].decode().strip()
        urllib.request.urlopen(urllib.request.Request(url, data=b"put", method="PUT"), context=context).close()
        self.assertEqual(b"put", self.polyfs("cat", "s3://bucket/by url")[0])

    def test_mistakes_are_told_at_once(self):
        for env, code, text in (
                ({"AWS_SECRET_ACCESS_KEY": "wrong"}, 4, "AWS_SECRET_ACCESS_KEY"),
                ({"AWS_ACCESS_KEY_ID": "nobody"}, 4, "AWS_ACCESS_KEY_ID"),
                ({"AWS_ACCESS_KEY_ID": ""}, 4, "without the other"),
                ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, 4, "AWS_ACCESS_KEY_ID and"),
                ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, 5, "127.0.0.1:9"),
                ({"AWS_ENDPOINT_URL": "ftp://127.0.0.1"}, 2, "neither http nor https"),
                ({"AWS_PROFILE": "nobody"}, 2, "no profile")):
            with self.subTest(text):
                _, told = self.polyfs("cat", "s3://bucket/x", code=code, env=env)
                self.assertIn(text, told)
                self.assertLess(self.seconds, 2)
                self.assertNotIn(servers.SECRET, told)
        _, told = self.polyfs("cat", "s3://not-there/x", code=3)
        self.assertIn("polyfs mb", told)


class OverHttp(Command):
    __test__ = True


class OverHttps(Command):
    __test__ = True
    tls = True

    def test_an_authority_that_nobody_trusts(self):
        _, told = self.polyfs("ls", "s3://bucket/", code=5, env={"AWS_CA_BUNDLE": ""})
        self.assertIn("ca_bundle", told)
        self.assertLess(self.seconds, 2)

    def test_a_name_that_is_not_the_certificates(self):
        url = self.env["AWS_ENDPOINT_URL"].replace("127.0.0.1", "localhost")
        self.polyfs("ls", "s3://bucket/", code=5, env={"AWS_ENDPOINT_URL": url})


def load_tests(loader, tests, pattern):
    del tests, pattern
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in (OverHttp, OverHttps))


if __name__ == "__main__":
    BIN = os.path.abspath(sys.argv.pop(1))
    servers.Minio.install()
    unittest.main()
