# SPDX-License-Identifier: Apache-2.0
"""No secret in any log, error, output or argument list (D13): keys that are found nowhere else, failures of every kind,
everything that was printed, logged or shown by /proc/PID/cmdline, and the journal of a proxy, searched for them; and for what
is made of them: signatures, tokens, and addresses that are rights by themselves.

secrets_test.py s3|gcs|abfs FOLDER-OF-PROGRAMS
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../servers"), os.path.join(HERE, "../fault")]
import proxy as faults  # noqa: E402
import servers  # noqa: E402

STORE, BIN = "", ""
MADE = re.compile(rb"(?i)\b(sig|signature|upload_id)=(?!hidden)[\w%+/-]{8}|SharedKey \w+:(?!hidden)\w|Bearer (?!hidden)\w")
VERBS = [["ls", "{}/"], ["stat", "{}/a"], ["cat", "{}/a"], ["cp", "-", "{}/a"], ["rm", "{}/a"], ["mb", "{}"], ["cp", "{}/a", "{}/b"],
         ["find", "{}"], ["gc", "{}"]]
FEW = [["ls", "{}/"], ["cp", "-", "{}/a"]]
PASSWORD = "CanaryPassword"


class S3:
    scheme, server = "s3", servers.Minio
    secret, token, customer = "CanarySecretKey/+0123456789", "CanaryToken+/=abcdef", "Q2FuYXJ5Q3VzdG9tZXJLZXkwMTIzNDU2Nzg5MDEyMzQ="
    canaries = [secret, token, customer, secret.replace("/", "%2F"), token.replace("+", "%2B")]
    given = [secret]  # this test itself puts it into a URL
    addresses = []  # what goes in the address of a request, which servers write into their own logs
    answers = [{"status": 403, "body": "<Error><Code>InvalidAccessKeyId</Code><Message>told</Message></Error>"},
               {"status": 403, "body": f"<Error><Code>SignatureDoesNotMatch</Code><StringToSign>{token}</StringToSign></Error>"}]

    def settings(self, _):
        return {"AWS_ACCESS_KEY_ID": "AKIDCANARY", "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_SESSION_TOKEN": self.token}

    def mistakes(self, case):
        case.polyfs(["presign", "s3://canary/a"], AWS_SESSION_TOKEN="")
        case.polyfs(["ls", "s3://canary", "-v", "-v"], POLYFS_S3_SSE_CUSTOMER_KEY=self.customer)  # refused, since this is http
        case.polyfs(["ls", f"s3://AKID:{self.secret}@canary/"])
        file = case.file("credentials", f"[default]\naws_access_key_id = x\naws_secret_access_key {self.secret}\n")
        case.polyfs(["ls", "s3://canary"], AWS_SHARED_CREDENTIALS_FILE=file, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")


class Gcs:
    """Short ones too: a parser that quotes what it does not understand quotes a few letters of it."""
    scheme, server = "gs", servers.FakeGcs
    token, client, refresh, session = "CanaryToken+/=a", "CanaryClient", "1//CanaryRefresh", "CanarySession"
    canaries = [token, token.replace("+", "%2B"), client, refresh, session]
    given, addresses = [], [session]
    answers = [{"status": 401, "body": json.dumps({"error": {"code": 401, "message": "Invalid Credentials", "errors": [
                   {"reason": "authError", "location": "Authorization", "debugInfo": token}]}})},
               {"status": 403, "body": json.dumps({"error": {"code": 403, "message": "told", "errors": [{"reason": "forbidden"}]}})}]

    def settings(self, _):
        return {"POLYFS_GS_TOKEN": self.token}

    def documents(self, case):
        """A service account and a user, whose tokens come from behind the proxy."""
        pem = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], check=True, capture_output=True,
                             text=True).stdout
        case.canaries += [line for line in pem.splitlines() if len(line) > 16 and "-" not in line]
        account = {"type": "service_account", "project_id": "p", "client_email": "me@p.example", "private_key": pem}
        user = {"type": "authorized_user", "client_id": "id", "client_secret": self.client, "refresh_token": self.refresh}
        return [case.file(f"{each['type']}.json", json.dumps({**each, "token_uri": case.url + "/token"})) for each in (account, user)]

    def mistakes(self, case):
        account, user = self.documents(case)
        for answer in ({"status": 200, "body": json.dumps({"access_token": self.token, "expires_in": 3600})},
                       {"status": 200, "body": f'{{"access_token": "{self.token}'}, {"status": 200, "body": f"{{{self.client}}}"},
                       {"status": 400, "body": json.dumps({"error": "invalid_grant", "error_description": "told"})}):
            case.rules([{"count": 0, "target": "^/token", **answer}])
            for file in (account, user):
                case.verbs(FEW, GOOGLE_APPLICATION_CREDENTIALS=file, POLYFS_GS_TOKEN="", POLYFS_GS_PROVIDER="google")
        case.polyfs(["presign", "gs://canary/a"], GOOGLE_APPLICATION_CREDENTIALS=account, POLYFS_GS_TOKEN="", POLYFS_GS_PROVIDER="google")
        for text in (f'{{"client_secret": {self.client}}}', f'{{"client_secret": "{self.client}\n"}}', f'{{"refresh_token": "{self.refresh}'):
            broken = case.file("broken.json", text)
            case.polyfs(["ls", "gs://canary"], GOOGLE_APPLICATION_CREDENTIALS=broken, POLYFS_GS_TOKEN="", POLYFS_GS_PROVIDER="google")
        self.sessions(case)

    def sessions(self, case):
        """The address of an upload, and what becomes of it."""
        where = f"{case.url}/upload/storage/v1/b/canary/o?uploadType=resumable&upload_id={self.session}"
        begun = {"method": "POST", "target": "uploadType=resumable", "status": 200, "headers": [["Location", where]]}
        for answer in ({}, {"method": "PUT", "count": 0, "status": 503}, {"method": "PUT", "count": 0, "raw": ""}):
            case.rules([begun, answer])
            case.polyfs(["cp", "-", "gs://canary/large", "-v", "-v"], stdin=bytes(20 << 20))
        case.rules([{**begun, "headers": [["Location", where.replace("127.0.0.1", "127.0.0.2")]]}])
        case.polyfs(["cp", "-", "gs://canary/large", "-v", "-v"], stdin=bytes(20 << 20))


class Abfs:
    """The emulators' own key is a secret as any other."""
    scheme, server = "abfs", servers.Azurite
    key, sas, token, client = "Q2FuYXJ5S2V5T2ZBbkFjY291bnQwMTIzNDU2Nzg5", "CanarySas%2Babcdef%3D", "CanaryToken+/=a", "CanaryClient"
    canaries = [servers.Azurite.key, key, sas, sas.replace("%2B", "+").replace("%3D", "="), token, client]
    given, addresses = [], [sas, sas.replace("%2B", "+").replace("%3D", "=")]
    denied = "<Error><Code>{}</Code><Message>told</Message><AuthenticationErrorDetail>{}</AuthenticationErrorDetail></Error>"
    answers = [{"status": 403, "body": denied.format("AuthenticationFailed", f"The MAC signature '{key}' is not '{token}'")},
               {"status": 403, "body": denied.format("AuthorizationFailure", f"Signature did not match: {sas}")}]

    def settings(self, _):
        return {}

    def other(self, case, **env):
        """Another way to say who asks than the connection string."""
        return {"AZURE_STORAGE_CONNECTION_STRING": "", "AZURE_STORAGE_ACCOUNT_NAME": servers.Azurite.account,
                "AZURE_STORAGE_ENDPOINT": f"{case.url}/{servers.Azurite.account}", **env}

    def mistakes(self, case):
        for env in ({"AZURE_STORAGE_ACCOUNT_KEY": self.key}, {"AZURE_STORAGE_ACCOUNT_KEY": self.key + "*"}, {"AZURE_STORAGE_TOKEN": self.token},
                    {"AZURE_STORAGE_SAS_TOKEN": f"sv=2023-11-03&sr=c&sp=rl&se=2099-01-01T00%3A00%3A00Z&sig={self.sas}"},
                    {"AZURE_STORAGE_SAS_TOKEN": f"sv=2023-11-03&sig={self.sas} "}):
            for answer in [{}, *self.answers, {"raw": ""}]:
                case.rules([{"count": 0, **answer}])
                case.verbs(FEW, **self.other(case, **env))
        self.principals(case)
        for text in (f"AccountName=mine;{self.key}", f"AccountKey={self.key};", f"AccountName=mine;AccountKey={self.key}*;BlobEndpoint=nowhere"):
            case.polyfs(["ls", "abfs://canary"], AZURE_STORAGE_CONNECTION_STRING=text)
        case.polyfs(["presign", "abfs://canary/a"])

    def principals(self, case):
        env = self.other(case, AZURE_TENANT_ID="tenant", AZURE_CLIENT_ID="client", AZURE_CLIENT_SECRET=self.client, AZURE_AUTHORITY_HOST=case.url)
        for answer in ({"status": 200, "body": json.dumps({"access_token": self.token, "expires_in": 3600})},
                       {"status": 200, "body": f'{{"access_token": "{self.token}'}, {"status": 200, "body": f"{{{self.client}}}"},
                       {"status": 401, "body": json.dumps({"error": "invalid_client", "error_description": "AADSTS7000215: told"})}):
            case.rules([{"count": 0, "target": "^/tenant/", **answer}])
            case.verbs(FEW, **env)


class Watcher(threading.Thread):
    """Keeps the argument lists of all processes of ours."""

    def __init__(self):
        super().__init__(daemon=True)
        self.stop, self.seen = threading.Event(), set()

    def run(self):
        while not self.stop.wait(0.01):
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as file:
                        self.seen.add(file.read())
                except OSError:
                    continue


class Secrets(unittest.TestCase):
    def setUp(self):
        self.store = {"s3": S3, "gcs": Gcs, "abfs": Abfs}[STORE]()
        self.canaries = [*self.store.canaries, PASSWORD]
        self.temp = tempfile.TemporaryDirectory(prefix="polyfs-secrets-")
        self.server = self.store.server(self.temp.name).start()
        self.proxy = faults.Proxy(self.server)
        self.url = f"http://127.0.0.1:{self.proxy.main}"
        self.addCleanup(self.temp.cleanup)
        self.addCleanup(self.server.stop)
        self.printed, self.journal = [], []

    def file(self, name, text):
        path = os.path.join(self.temp.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def rules(self, rules):
        self.journal += self.proxy.journal
        self.proxy.rules, self.proxy.journal = [faults.Rule(fields) for fields in rules], []

    def polyfs(self, words, stdin=b"x", **env):
        settings = {**self.server.settings(self.url), "HOME": self.temp.name, "PATH": BIN, f"POLYFS_{self.store.scheme.upper()}_STALL_TIMEOUT": "200ms",
                    **self.store.settings(self.url)}
        done = subprocess.run(["polyfs", *words], env={**settings, **env}, capture_output=True, input=stdin, check=False, cwd=self.temp.name)
        self.printed += [(words, done.stdout), (words, done.stderr)]
        return done

    def verbs(self, verbs, **env):
        for verb in verbs:
            words = [word.format(f"{self.store.scheme}://canary") for word in verb]
            self.polyfs(words, POLYFS_ATTEMPTS="1", **env)
            self.polyfs([*words, "-v", "-v"], POLYFS_ATTEMPTS="2" if verb in FEW else "1", **env)  # a pause is told, too

    def expect_nothing(self, where, text, made=True):
        for canary in self.canaries:
            self.assertNotIn(canary.encode(), text, where)
        if made:
            self.assertIsNone(MADE.search(text), where)

    def provoke(self):
        for answer in [{}, *self.store.answers, {"status": 500}, {"raw": ""}, {"status": 301, "headers": [["Location", "http://127.0.0.1:1/"]]}]:
            self.rules([{"count": 0, **answer}])
            self.verbs(VERBS)
        self.rules([])
        self.store.mistakes(self)
        self.polyfs(["options", STORE])
        scheme = self.store.scheme
        self.polyfs(["ls", f"{scheme}://canary", "-o", "proxy=http://user:" + PASSWORD + "@127.0.0.1:1"])
        self.polyfs(["ls", f"{scheme}://user:{PASSWORD}@canary/"])
        self.rules([])

    def test_nowhere(self):
        watcher = Watcher()
        watcher.start()
        self.provoke()
        watcher.stop.set()
        watcher.join()
        self.assertGreater(len(b"".join(text for _, text in self.printed)), 5000, "it said a lot")
        for words, text in self.printed:
            self.expect_nothing(f"printed by {words}: " + text.decode(errors="replace")[:300], text, made=words[0] != "presign")
        given = [word.encode() for word in (PASSWORD, *self.store.given)]
        for line in watcher.seen:
            if not any(word in line for word in given) or b"polyfs" not in line:
                self.expect_nothing("an argument list", line)
        self.assertGreater(len(self.journal), 100, "it asked a lot")
        for entry in self.journal:
            self.expect_nothing("the journal", repr(entry).encode())
        self.canaries = [each for each in self.canaries if each not in self.store.addresses]
        with open(self.server.log, "rb") as file:
            self.expect_nothing("the server's log", file.read(), made=False)


if __name__ == "__main__":
    BIN, STORE = sys.argv.pop(), sys.argv.pop()
    unittest.main(argv=sys.argv)
