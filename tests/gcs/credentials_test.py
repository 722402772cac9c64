# SPDX-License-Identifier: Apache-2.0
"""Credentials of gs://, each against a scripted server that gives tokens and takes them.

credentials_test.py POLYFS
"""
import base64
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

POLYFS = sys.argv.pop(1)


class Handler(http.server.BaseHTTPRequestHandler):
    """Tokens at /token, /sts, /as and the metadata server's path; below /storage a bucket with one object."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, **headers):
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def token(self, body):
        self.server.asked.append((self.path.split("?")[0], body, dict(self.headers)))
        if self.server.refuse:
            return self.answer(400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
        given = self.server.tokens.pop(0) if self.server.tokens else "none"
        if self.path == "/as":
            return self.answer(200, {"accessToken": given, "expireTime": "2099-01-01T00:00:00Z"})
        return self.answer(200, {"access_token": given, "expires_in": 3600, "token_type": "Bearer"}, Metadata_Flavor="Google")

    def do_POST(self):
        self.token(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def do_GET(self):
        if self.path.startswith("/computeMetadata"):
            if self.headers["Metadata-Flavor"] != "Google":
                return self.answer(403, {})
            return self.token("")
        if self.path == "/subject":
            return self.answer(200, {"id": "subject-by-url"})
        self.server.seen.append(self.headers["Authorization"])
        if self.headers["Authorization"] != self.server.good:
            return self.answer(401, {"error": {"code": 401, "message": "Invalid Credentials", "errors": [{"reason": "authError"}]}})
        return self.answer(200, {"items": [{"name": "thing", "size": "3", "generation": "7", "updated": "2026-01-02T03:04:05.678Z"}]})


class Credentials(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keys = tempfile.mkdtemp()
        cls.key = os.path.join(cls.keys, "key.pem")
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", cls.key], check=True,
                       capture_output=True)

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.tokens, self.server.good, self.server.seen, self.server.asked = ["first"], "Bearer first", [], []
        self.server.refuse = False
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def ls(self, *options, **environment):
        env = {"PATH": os.environ["PATH"], "HOME": self.folder, "NO_GCE_CHECK": "true", **environment}
        words = [POLYFS, "ls", "-o", f"endpoint_url={self.url}", "-o", "provider=google"]
        for option in options:
            words += ["-o", option]
        began = time.monotonic()
        done = subprocess.run([*words, "gs://bucket/"], env=env, capture_output=True, text=True, timeout=60, check=False)
        self.took = time.monotonic() - began
        return done

    def expect_good(self, done):
        self.assertEqual((0, "thing"), (done.returncode, done.stdout.strip().split("/")[-1]), done.stderr)

    def form(self, i=0):
        return {name: values[0] for name, values in urllib.parse.parse_qs(self.server.asked[i][1]).items()}

    def account(self, **more):
        with open(self.key, encoding="utf-8") as file:
            return {"type": "service_account", "project_id": "p", "client_email": "me@p.example", "private_key": file.read(),
                    "token_uri": self.url + "/token", **more}

    def user(self):
        return {"type": "authorized_user", "client_id": "id", "client_secret": "s=c&r", "refresh_token": "1//re",
                "token_uri": self.url + "/token"}

    def test_service_account(self):
        self.expect_good(self.ls(GOOGLE_APPLICATION_CREDENTIALS=self.file("a.json", self.account())))
        form = self.form()
        self.assertEqual("urn:ietf:params:oauth:grant-type:jwt-bearer", form["grant_type"])
        head, claims, sum_ = form["assertion"].split(".")
        decoded = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, claims)]
        self.assertEqual({"alg": "RS256", "typ": "JWT"}, decoded[0])
        self.assertEqual(("me@p.example", self.url + "/token", 3600),
                         (decoded[1]["iss"], decoded[1]["aud"], decoded[1]["exp"] - decoded[1]["iat"]))
        self.assertIn("devstorage.full_control", decoded[1]["scope"])
        public, signature = os.path.join(self.folder, "public.pem"), os.path.join(self.folder, "signature")
        subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout", "-out", public], check=True)
        with open(signature, "wb") as file:
            file.write(base64.urlsafe_b64decode(sum_ + "=="))
        checked = subprocess.run(["openssl", "dgst", "-sha256", "-verify", public, "-signature", signature],
                                 input=f"{head}.{claims}".encode(), capture_output=True, check=False)
        self.assertEqual(0, checked.returncode, checked.stdout)

    def test_user_of_gcloud(self):
        os.makedirs(self.folder + "/.config/gcloud")
        self.file(".config/gcloud/application_default_credentials.json", self.user())
        self.expect_good(self.ls())
        self.assertEqual({"grant_type": "refresh_token", "client_id": "id", "client_secret": "s=c&r", "refresh_token": "1//re"}, self.form())

    def test_the_named_file_goes_before_gcloud(self):
        os.makedirs(self.folder + "/.config/gcloud")
        self.file(".config/gcloud/application_default_credentials.json", self.user())
        self.expect_good(self.ls(GOOGLE_APPLICATION_CREDENTIALS=self.file("a.json", self.account())))
        self.assertIn("assertion", self.form())

    def external(self, source, **more):
        return {"type": "external_account", "audience": "//iam/pool", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "token_url": self.url + "/sts", "credential_source": source, **more}

    def test_external_by_file(self):
        subject = self.file("subject", "subject-by-file\n")
        self.expect_good(self.ls("credentials_file=" + self.file("e.json", self.external({"file": subject}))))
        self.assertEqual(("subject-by-file", "//iam/pool"), (self.form()["subject_token"], self.form()["audience"]))

    def test_external_by_url_acting_as_another(self):
        source = {"url": self.url + "/subject", "format": {"type": "json", "subject_token_field_name": "id"}}
        self.server.tokens, self.server.good = ["federated", "acting"], "Bearer acting"
        document = self.external(source, service_account_impersonation_url=self.url + "/as")
        self.expect_good(self.ls("token=" + self.file("e.json", document)))
        self.assertEqual("subject-by-url", self.form()["subject_token"])
        self.assertEqual("Bearer federated", self.server.asked[1][2]["authorization"])

    def test_impersonated(self):
        self.server.tokens, self.server.good = ["mine", "acting"], "Bearer acting"
        document = {"type": "impersonated_service_account", "service_account_impersonation_url": self.url + "/as",
                    "source_credentials": self.user()}
        self.expect_good(self.ls("credentials_file=" + self.file("i.json", document)))
        self.assertEqual("Bearer mine", self.server.asked[1][2]["authorization"])

    def test_this_machine(self):
        self.expect_good(self.ls(NO_GCE_CHECK="false", GCE_METADATA_HOST=self.url.removeprefix("http://")))
        self.assertEqual("/computeMetadata/v1/instance/service-accounts/default/token", self.server.asked[0][0])

    def test_a_token_as_it_is(self):
        self.expect_good(self.ls("token=first"))
        self.assertEqual([], self.server.asked)

    def test_a_token_that_is_over_is_renewed(self):
        self.server.tokens, self.server.good = ["stale", "fresh"], "Bearer fresh"
        self.expect_good(self.ls("credentials_file=" + self.file("u.json", self.user())))
        self.assertEqual(["Bearer stale", "Bearer fresh"], self.server.seen)

    def test_nobody_when_asked(self):
        self.server.good = None
        self.expect_good(self.ls("anon=true"))
        self.assertEqual([None], self.server.seen)

    def expect_bad(self, done, status, *words):
        self.assertEqual(status, done.returncode, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertLess(self.took, 5)
        for secret in ("1//re", "s=c&r", "PRIVATE", "first"):
            self.assertNotIn(secret, done.stderr)

    def test_no_credentials(self):
        self.expect_bad(self.ls(), 4, "there are no credentials", "gcloud auth application-default login")
        self.assertEqual([], self.server.seen)

    def test_no_such_file(self):
        self.expect_bad(self.ls(GOOGLE_APPLICATION_CREDENTIALS=self.folder + "/gone.json"), 2, "gone.json", "GOOGLE_APPLICATION_CREDENTIALS")

    def test_no_json(self):
        self.expect_bad(self.ls("credentials_file=" + self.file("bad.json", "{")), 2, "bad.json")

    def test_unknown_kind(self):
        self.expect_bad(self.ls("credentials_file=" + self.file("x.json", {"type": "gdch_service_account"})), 2, "gdch_service_account")

    def test_a_member_is_missing(self):
        document = self.account()
        del document["client_email"]
        self.expect_bad(self.ls("credentials_file=" + self.file("a.json", document)), 2, "client_email")

    def test_key_is_none(self):
        document = self.account(private_key="-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        self.expect_bad(self.ls("credentials_file=" + self.file("a.json", document)), 2, "private_key")

    def test_signed_out(self):
        self.server.refuse = True
        self.expect_bad(self.ls("credentials_file=" + self.file("u.json", self.user())), 4, "expired or revoked", "sign in again")

    def test_secrets_go_to_no_plain_host(self):
        document = {**self.user(), "token_uri": "http://192.0.2.1/token"}
        self.expect_bad(self.ls("credentials_file=" + self.file("u.json", document)), 2, "no https://")

    def test_a_wrong_token(self):
        self.expect_bad(self.ls("token=other"), 4, "Invalid Credentials")


if __name__ == "__main__":
    unittest.main()
