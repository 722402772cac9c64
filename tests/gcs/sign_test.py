# SPDX-License-Identifier: Apache-2.0
"""Signed URLs of gs:// beside those that Google's own library makes of the same key and second: they are equal. Nothing is sent.

sign_test.py POLYFS
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from oracle import with_client  # noqa: E402

NAMES = ["plain", "deep/er/still", "a b+c&d=e#g", "x%2Fy", "gr\u00fc\u00df/\u65e5\u672c", "a//b/./c", "quote'\"~()!"]


class Sign(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        made = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], capture_output=True, check=True)
        self.account = {"type": "service_account", "project_id": "p", "client_email": "me@p.example", "private_key": made.stdout.decode(),
                        "token_uri": "https://127.0.0.1:1/token"}
        self.file = os.path.join(self.folder.name, "account.json")
        with open(self.file, "w", encoding="utf-8") as file:
            json.dump(self.account, file)

    def polyfs(self, *words, **env):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GOOGLE_", "STORAGE_", "POLYFS_GS_"))}
        return subprocess.run([POLYFS, "presign", *words], capture_output=True, text=True, check=False,
                              env={**kept, "CLOUDSDK_CONFIG": self.folder.name, "NO_GCE_CHECK": "true",
                                   "GOOGLE_APPLICATION_CREDENTIALS": self.file, **env})

    def theirs(self, name, date, **more):
        from google.cloud.storage import _signing
        from google.oauth2 import service_account
        credentials = service_account.Credentials.from_service_account_info(self.account)
        return _signing.generate_signed_url_v4(credentials, "/bucket/" + urllib.parse.quote(name, safe="/~"), 900, _request_timestamp=date,
                                               **more)

    def check(self, ours, name, **more):
        self.assertEqual("", ours.stderr)
        url = ours.stdout.strip()
        date = dict(urllib.parse.parse_qsl(url.split("?")[1]))["X-Goog-Date"]
        self.assertEqual(self.theirs(name, date, **more), url)

    def test_get_and_put(self):
        for name in NAMES:
            with self.subTest(name):
                self.check(self.polyfs("--expires", "15m", "gs://bucket/" + name), name)
                self.check(self.polyfs("--expires", "15m", "--put", "gs://bucket/" + name), name, method="PUT")

    def test_who_pays(self):
        self.check(self.polyfs("--expires", "15m", "-o", "user_project=payer", "gs://bucket/a"), "a", query_parameters={"userProject": "payer"})

    def test_who_has_no_key(self):
        with open(self.file, "w", encoding="utf-8") as file:
            json.dump({"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}, file)
        done = self.polyfs("gs://bucket/a")
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        self.assertIn("cannot sign URLs here", done.stderr)

    def test_secrets_stay(self):
        with open(self.file, "w", encoding="utf-8") as file:
            json.dump({**self.account, "private_key": "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"}, file)
        done = self.polyfs("gs://bucket/a")
        self.assertEqual(2, done.returncode)
        self.assertIn("private_key", done.stderr)
        self.assertNotIn("c2VjcmV0", done.stderr)


if __name__ == "__main__":
    with_client("gcs")
    POLYFS = sys.argv.pop()
    unittest.main(argv=sys.argv)
