# SPDX-License-Identifier: Apache-2.0
"""No secret in any log, error, output or argument list (D13): keys that are found nowhere else, failures of every kind,
everything that was printed, logged or shown by /proc/PID/cmdline, and the journal of a proxy, searched for them.

secrets_test.py FOLDER-OF-PROGRAMS
"""
import os
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../servers"), os.path.join(HERE, "../fault")]
import proxy as faults  # noqa: E402
import servers  # noqa: E402

BIN = ""
SECRET, TOKEN, CUSTOMER, PROXY = "CanarySecretKey/+0123456789", "CanaryToken+/=abcdef", "Q2FuYXJ5Q3VzdG9tZXJLZXkwMTIzNDU2Nzg5MDEyMzQ=", "CanaryProxyPassword"
CANARIES = [SECRET, TOKEN, CUSTOMER, PROXY, SECRET.replace("/", "%2F"), TOKEN.replace("+", "%2B")]
ANSWERS = [{}, {"status": 403, "body": "<Error><Code>InvalidAccessKeyId</Code><Message>told</Message></Error>"},
           {"status": 403, "body": f"<Error><Code>SignatureDoesNotMatch</Code><StringToSign>{TOKEN}</StringToSign></Error>"},
           {"status": 500}, {"raw": ""}, {"status": 301, "headers": [["Location", "http://127.0.0.1:1/"]]}]
VERBS = [["ls", "s3://canary/"], ["stat", "s3://canary/a"], ["cat", "s3://canary/a"], ["cp", "-", "s3://canary/a"], ["rm", "s3://canary/a"],
         ["mb", "s3://canary"], ["cp", "s3://canary/a", "s3://canary/b"], ["find", "s3://canary"], ["gc", "s3://canary"]]


class Watcher(threading.Thread):
    """Keeps the argument lists of all processes of ours."""

    def __init__(self):
        super().__init__(daemon=True)
        self.stop, self.seen = threading.Event(), set()

    def run(self):
        while not self.stop.wait(0.002):
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as file:
                        self.seen.add(file.read())
                except OSError:
                    continue


class Secrets(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory(prefix="polyfs-secrets-")
        self.server = servers.Minio(self.temp.name).start()
        self.proxy = faults.Proxy(self.server)
        self.addCleanup(self.temp.cleanup)
        self.addCleanup(self.server.stop)
        self.printed = []

    def polyfs(self, words, **env):
        settings = {**self.server.settings(), "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.proxy.main}", "AWS_ACCESS_KEY_ID": "AKIDCANARY",
                    "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN, "HOME": self.temp.name, "PATH": BIN,
                    "POLYFS_S3_SSE_CUSTOMER_KEY": CUSTOMER}
        done = subprocess.run(["polyfs", *words], env={**settings, **env}, capture_output=True, input=b"x", check=False, cwd=self.temp.name)
        self.printed += [done.stdout, done.stderr]
        return done

    def expect_nothing(self, where, text):
        for canary in CANARIES:
            self.assertNotIn(canary.encode(), text, where)

    def test_nowhere(self):
        watcher = Watcher()
        watcher.start()
        for answer in ANSWERS:
            self.proxy.rules = [faults.Rule({"count": 0, **answer})]
            for verb in VERBS:
                self.polyfs(verb)
                self.polyfs([*verb, "-v", "-v"])
        self.polyfs(["presign", "s3://canary/a"], AWS_SESSION_TOKEN="")
        self.polyfs(["options", "s3"])
        self.polyfs(["ls", "s3://canary", "-o", "proxy=http://user:" + PROXY + "@127.0.0.1:1"])
        self.polyfs(["ls", f"s3://AKID:{SECRET}@canary/"])
        with open(os.path.join(self.temp.name, "credentials"), "w", encoding="utf-8") as file:
            file.write(f"[default]\naws_access_key_id = x\naws_secret_access_key {SECRET}\n")
        self.polyfs(["ls", "s3://canary"], AWS_SHARED_CREDENTIALS_FILE=file.name, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
        watcher.stop.set()
        watcher.join()
        self.assertGreater(len(b"".join(self.printed)), 5000, "it said a lot")
        for text in self.printed:
            self.expect_nothing("printed: " + text.decode(errors="replace")[:300], text)
        given = (SECRET.encode(), PROXY.encode())  # this test itself gave them to -o and in a URL
        for line in watcher.seen:
            if not any(word in line for word in given) or b"polyfs" not in line:
                self.expect_nothing("an argument list", line)
        for entry in self.proxy.journal:
            self.expect_nothing("the journal", repr(entry).encode())
        with open(self.server.log, "rb") as file:
            self.expect_nothing("the server's log", file.read())


if __name__ == "__main__":
    BIN = sys.argv.pop()
    unittest.main(argv=sys.argv)
