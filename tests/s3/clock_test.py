# SPDX-License-Identifier: Apache-2.0
"""Clocks that step while an upload is under way, and the end of the day (F23): each attempt is signed anew, with the scope of
its own day, and no timeout hangs on the clock of the day.

clock_test.py FOLDER-OF-PROGRAMS
"""
import http.server
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from urllib.parse import parse_qsl, quote

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../servers"))
import bucket as store  # noqa: E402
import servers  # noqa: E402

BIN = ""
LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
PART = 5 << 20


def expected(method, target, headers, authorization):
    """The signature that belongs to what was received."""
    scope = re.search(r"Credential=[^/]*/(\d{8}/[^/]*)/", authorization).group(1) + "/s3/aws4_request"
    names = re.search(r"SignedHeaders=([^,]*)", authorization).group(1).split(";")
    path, _, query = target.partition("?")
    pairs = sorted((quote(k, safe="-._~"), quote(v, safe="-._~")) for k, v in parse_qsl(query, keep_blank_values=True))
    return store.signature(method, path, "&".join(f"{k}={v}" for k, v in pairs),
                           {name: value.strip() for name, value in headers.items()}, names, scope, servers.SECRET)


class Day(http.server.BaseHTTPRequestHandler):
    """Takes one multipart upload; notes the day in each request's scope, and what is wrong with its signature."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def check(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        authorization = headers["authorization"]
        day = re.search(r"Credential=[^/]*/(\d{8})/", authorization).group(1)
        right = expected(self.command, self.path, headers, authorization)
        self.server.seen.append((day, headers["x-amz-date"]))
        if right not in authorization or not headers["x-amz-date"].startswith(day):
            self.server.wrong.append((self.command, self.path, authorization, right))
        self.rfile.read(int(headers.get("content-length", 0)))

    def answer(self, body=b"", **headers):
        self.send_response_only(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        self.check()
        self.answer(ETag='"part"')

    def do_POST(self):
        self.check()
        kind = "InitiateMultipartUploadResult" if "uploads" in self.path else "CompleteMultipartUploadResult"
        self.answer(f"<{kind}><Bucket>b</Bucket><Key>k</Key><UploadId>id</UploadId><ETag>\"whole\"</ETag></{kind}>".encode())

    def do_DELETE(self):
        self.check()
        self.answer()


class Clock(unittest.TestCase):
    def setUp(self):
        servers.need("faketime", "faketime")
        self.temp = tempfile.TemporaryDirectory(prefix="polyfs-clock-")
        self.addCleanup(self.temp.cleanup)
        self.env = {"PATH": BIN + ":" + os.environ["PATH"], "HOME": self.temp.name, "AWS_ACCESS_KEY_ID": servers.KEY,
                    "AWS_SECRET_ACCESS_KEY": servers.SECRET, "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}

    def put(self, url, between, **env):
        """Six parts through standard input; `between` is called in front of each but the first. Standard error."""
        process = subprocess.Popen(["polyfs", "put", "-o", f"part_bytes={PART}", "-", url], stdin=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env={**self.env, "LD_PRELOAD": LIBRARY, "DONT_FAKE_MONOTONIC": "1",
                                                                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1", **env})
        for part in range(6):
            if part:
                between(part)
            process.stdin.write(bytes([part]) * PART)
            process.stdin.flush()
        process.stdin.close()
        told = process.stderr.read().decode()
        process.stderr.close()
        self.assertEqual(0, process.wait(60), told)
        return told

    def test_a_clock_that_steps(self):
        offset = os.path.join(self.temp.name, "offset")

        def step(part):
            with open(offset + "+", "w", encoding="ascii") as file:
                file.write({1: "+0", 2: "+40m", 3: "+40m", 4: "-3h", 5: "+0"}[part] + "\n")
            os.rename(offset + "+", offset)
        step(1)
        running = servers.Minio(self.temp.name).start()
        try:
            self.env.update(running.settings())
            subprocess.run(["polyfs", "mb", "s3://clock"], env=self.env, check=True)
            began = time.monotonic()
            self.put("s3://clock/k", step, FAKETIME_TIMESTAMP_FILE=offset)
            self.assertLess(time.monotonic() - began, 60, "a timeout hung on the clock of the day")
            got = subprocess.run(["polyfs", "cat", "s3://clock/k"], env=self.env, check=True, stdout=subprocess.PIPE).stdout
            self.assertEqual(got, b"".join(bytes([part]) * PART for part in range(6)))
        finally:
            running.stop()

    def test_midnight(self):
        """The day's last minute passes in a second."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Day)
        server.seen, server.wrong = [], []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        began = time.monotonic()

        def second(part):
            while time.monotonic() - began < part / 2:
                time.sleep(0.01)
        try:
            self.put("s3://clock/k", second, FAKETIME="@2026-11-26 23:59:00 x60", TZ="UTC", AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            server.server_close()
        self.assertEqual([], server.wrong)
        self.assertEqual({"20261126", "20261127"}, {day for day, _ in server.seen})
        self.assertGreaterEqual(len({date for _, date in server.seen}), 4, "each is signed for its own moment")


if __name__ == "__main__":
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
