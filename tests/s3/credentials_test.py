# SPDX-License-Identifier: Apache-2.0
"""Where keys, endpoint and region come from, and who wins; what is said when there are none.

credentials_test.py FOLDER-OF-PROGRAMS
"""
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
import servers  # noqa: E402

BIN = ""
PAIR = f"aws_access_key_id = {servers.KEY}\naws_secret_access_key = {servers.SECRET}\n"
WRONG = {"AWS_ACCESS_KEY_ID": "wrong", "AWS_SECRET_ACCESS_KEY": "wrong"}
GOOD = {"AWS_ACCESS_KEY_ID": servers.KEY, "AWS_SECRET_ACCESS_KEY": servers.SECRET}


class Credentials(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temp = tempfile.TemporaryDirectory(prefix="polyfs-credentials-")
        cls.server = servers.Minio(cls.temp.name).start()
        cls.endpoint = {"AWS_ENDPOINT_URL": cls.server.url(), "AWS_REGION": "us-east-1"}
        cls.ls(cls(), "mb", "s3://keys", **GOOD)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.temp.cleanup()

    def write(self, name, text):
        folder = os.path.join(self.temp.name, "home", ".aws")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def tearDown(self):
        self.write("config", "")
        self.write("credentials", "")

    def ls(self, *words, code=0, endpoint=True, **env):
        settings = {"PATH": BIN, "HOME": os.path.join(self.temp.name, "home"), **(self.endpoint if endpoint else {}), **env}
        done = subprocess.run(["polyfs", *(words or ("ls", "s3://keys"))], env=settings, capture_output=True, text=True, check=False)
        self.assertEqual(code, done.returncode, done.stderr)
        return done.stderr

    def with_options(self, *words, **more):
        return self.ls("ls", "s3://keys", *words, **more)

    def test_environment(self):
        self.ls(**GOOD)
        self.ls(code=4, **WRONG)

    def test_options_win(self):
        self.with_options("-o", f"key={servers.KEY}", "-o", f"secret={servers.SECRET}", **WRONG)
        self.with_options("-o", f"access_key={servers.KEY}", "-o", f"secret_key={servers.SECRET}")

    def test_files(self):
        self.write("credentials", f"[default]\n{PAIR}[other]\naws_access_key_id = x\naws_secret_access_key = x\n")
        self.ls()
        self.ls(code=4, AWS_PROFILE="other")
        self.with_options("--profile", "default", AWS_PROFILE="other")
        self.ls(code=4, **WRONG)
        self.with_options("--profile", "default", **WRONG)  # a profile that was asked for wins over the environment

    def test_config_file(self):
        self.write("config", f"[profile here]\nregion = us-east-1\nendpoint_url = {self.server.url()}\n{PAIR}")
        self.ls(endpoint=False, AWS_PROFILE="here")
        self.write("config", f"[profile here]\nservices = mine\n{PAIR}[services mine]\ns3 =\n  endpoint_url = {self.server.url()}\n")
        self.ls(endpoint=False, AWS_PROFILE="here")

    def test_endpoints(self):
        self.ls(AWS_ENDPOINT_URL="http://127.0.0.1:1", AWS_ENDPOINT_URL_S3=self.server.url(), **GOOD)
        self.with_options("--endpoint-url", self.server.url(), AWS_ENDPOINT_URL="http://127.0.0.1:1", **GOOD)
        self.ls(AWS_REGION="", AWS_DEFAULT_REGION="us-east-1", **GOOD)

    def test_mistakes(self):
        self.assertIn("AWS_ACCESS_KEY_ID", self.ls(code=4))
        self.assertIn("without the other", self.ls(code=4, AWS_ACCESS_KEY_ID=servers.KEY))
        self.assertIn("nowhere", self.ls(code=2, AWS_PROFILE="nowhere"))
        self.write("credentials", "[default]\nthis is no line\n")
        self.assertIn("credentials", self.ls(code=2))

    def test_sources_of_later(self):
        for key, word in (("sso_session = x", "SSO"), ("credential_process = /bin/false", "credential_process"), ("role_arn = arn:x", "role")):
            self.write("config", f"[default]\n{key}\n")
            self.assertIn(word, self.ls(code=4))
        self.write("config", "")
        self.assertIn("web identity", self.ls(code=4, AWS_WEB_IDENTITY_TOKEN_FILE="/nowhere"))

    def test_anonymous(self):
        told = self.with_options("--no-sign-request", code=4, **GOOD)
        self.assertIn("s3://keys", told)

    def test_tokens_over_http_need_consent(self):
        told = self.ls(code=2, AWS_SESSION_TOKEN="token", AWS_ENDPOINT_URL="http://192.0.2.1:9000", **GOOD)
        self.assertIn("allow_http", told)


if __name__ == "__main__":
    BIN = sys.argv.pop()
    unittest.main(argv=sys.argv)
