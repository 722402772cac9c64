# SPDX-License-Identifier: Apache-2.0
"""Credentials of abfs://, each against a scripted server that gives tokens and takes them.

credentials_test.py POLYFS
"""
import http.server
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

POLYFS = sys.argv.pop(1)
KEY = "c2VjcmV0IGtleSBvZiBhbiBhY2NvdW50"
LIST = """<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs><Blob><Name>thing</Name><Properties>
<Content-Length>3</Content-Length><Etag>0x1</Etag></Properties></Blob></Blobs><NextMarker/></EnumerationResults>"""
EMULATOR_PORT = 10000


class Handler(http.server.BaseHTTPRequestHandler):
    """Tokens at /TENANT/oauth2/v2.0/token, /identity and the metadata service's path; else a container with one blob."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json", **headers):
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def token(self, body):
        self.server.asked.append((self.path, body, dict(self.headers)))
        if self.server.refuse:
            return self.answer(401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret.\r\nTrace ID: 1"})
        given = self.server.tokens.pop(0) if self.server.tokens else "none"
        return self.answer(200, {"access_token": given, "expires_in": 3600, "expires_on": "4102444800", "token_type": "Bearer"})

    def do_POST(self):
        self.token(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def do_GET(self):
        if self.path.startswith("/metadata/"):
            self.server.probes += self.headers["Metadata"] is None
            if self.headers["Metadata"] != "true":
                return self.answer(400, {"error": "invalid_request", "error_description": "Required metadata header not specified"})
            return self.token("")
        if self.path.startswith("/identity"):
            return self.token("") if self.headers["X-IDENTITY-HEADER"] == "key of the machine" else self.answer(401, {})
        self.server.seen.append((self.headers["Authorization"], self.path))
        if not self.server.good(self.headers["Authorization"] or "", self.path):
            return self.answer(401, "<Error><Code>InvalidAuthenticationInfo</Code><Message>Server failed to authenticate the request."
                               "</Message></Error>", "application/xml", WWW_Authenticate="Bearer")
        return self.answer(200, LIST, "application/xml")


def serve(port=0):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.tokens, server.seen, server.asked, server.refuse, server.probes = ["first"], [], [], False, 0
    server.good = lambda authorization, path: authorization == "Bearer first"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Case(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory(prefix="polyfs-abfs-")
        self.folder = self.temp.name
        self.server = serve()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()
        self.temp.cleanup()

    def file(self, name, content, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(path, mode)
        return path

    def ls(self, *options, where="abfs://container/", **environment):
        """As on a machine without any of it, but for what a case says."""
        env = {"PATH": self.folder, "HOME": self.folder, "AZURE_AUTHORITY_HOST": self.url,
               "AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:1", **environment}
        words = [POLYFS, "ls"]
        for option in options:
            words += ["-o", option]
        began = time.monotonic()
        done = subprocess.run([*words, where], env=env, capture_output=True, text=True, timeout=60, check=False)
        self.took = time.monotonic() - began
        return done

    def mine(self, *options, **environment):
        return self.ls(f"endpoint_url={self.url}", *options, **{"AZURE_STORAGE_ACCOUNT_NAME": "mine", **environment})

    def expect_good(self, done):
        self.assertEqual((0, "thing"), (done.returncode, done.stdout.strip().split("/")[-1]), done.stderr)

    def expect_bad(self, done, status, *words):
        self.assertEqual(status, done.returncode, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertLess(self.took, 5)
        for secret in ("s=c&r", KEY, "first", "key of the machine", "c2lnbmF0dXJl"):
            self.assertNotIn(secret, done.stderr)


class Tokens(Case):
    PRINCIPAL = {"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client", "AZURE_CLIENT_SECRET": "s=c&r"}

    def form(self, i=0):
        return {name: values[0] for name, values in urllib.parse.parse_qs(self.server.asked[i][1]).items()}

    def test_service_principal(self):
        self.expect_good(self.mine(**self.PRINCIPAL))
        self.assertEqual("/tenant/oauth2/v2.0/token", self.server.asked[0][0])
        self.assertEqual({"grant_type": "client_credentials", "client_id": "client", "client_secret": "s=c&r",
                          "scope": "https://storage.azure.com/.default"}, self.form())

    def test_the_other_family_of_names(self):
        self.expect_good(self.mine(AZURE_STORAGE_TENANT_ID="tenant", AZURE_STORAGE_CLIENT_ID="client", AZURE_STORAGE_CLIENT_SECRET="s=c&r"))
        self.assertEqual("s=c&r", self.form()["client_secret"])

    def test_names_of_adlfs(self):
        self.expect_good(self.mine("tenant_id=tenant", "client_id=client", "client_secret=s=c&r"))

    def test_workload_identity(self):
        token = self.file("token", "subject\n")
        self.expect_good(self.mine(AZURE_TENANT_ID="tenant", AZURE_CLIENT_ID="client", AZURE_FEDERATED_TOKEN_FILE=token))
        self.assertEqual(("subject", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                         (self.form()["client_assertion"], self.form()["client_assertion_type"]))

    def test_managed_identity_of_a_machine(self):
        self.expect_good(self.mine(AZURE_POD_IDENTITY_AUTHORITY_HOST=self.url, AZURE_CLIENT_ID="which"))
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.server.asked[0][0]).query)
        self.assertEqual({"api-version": ["2018-02-01"], "resource": ["https://storage.azure.com/"], "client_id": ["which"]}, query)
        self.assertEqual(1, self.server.probes)

    def test_managed_identity_of_app_service(self):
        self.expect_good(self.mine(IDENTITY_ENDPOINT=self.url + "/identity", IDENTITY_HEADER="key of the machine"))
        self.assertIn("api-version=2019-08-01", self.server.asked[0][0])

    def test_a_metadata_service_that_does_not_answer(self):
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            done = self.mine(AZURE_POD_IDENTITY_AUTHORITY_HOST=f"http://127.0.0.1:{deaf.getsockname()[1]}")
        self.expect_bad(done, 4, "there are no credentials", "az login")
        self.assertLess(self.took, 2.5)

    def test_something_else_where_the_metadata_service_is(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            def answer():
                client, _ = other.accept()
                client.recv(4096)
                client.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                client.close()
            threading.Thread(target=answer, daemon=True).start()
            self.expect_bad(self.mine(AZURE_POD_IDENTITY_AUTHORITY_HOST=f"http://127.0.0.1:{other.getsockname()[1]}"), 4, "no credentials")

    def az(self, script):
        """The command of that name, in PATH."""
        self.file("az", "#!/bin/sh\n" + script, 0o755)

    def test_az_command(self):
        given = json.dumps({"accessToken": "first", "expires_on": 4102444800, "tokenType": "Bearer"})
        self.az(f'echo "$@" > {self.folder}/words; echo notice >&2; echo \'{given}\'\n')
        self.expect_good(self.mine())
        with open(os.path.join(self.folder, "words"), encoding="utf-8") as file:
            self.assertEqual("account get-access-token --resource https://storage.azure.com/ --output json\n", file.read())

    def test_az_command_logged_out(self):
        self.az('echo "WARNING: old" >&2; echo "ERROR: Please run \'az login\' to setup account." >&2; exit 1\n')
        self.expect_bad(self.mine(), 4, "the az command gives no token", "az login", "to setup account")

    def test_az_command_says_nothing(self):
        self.az("exit 0\n")
        self.expect_bad(self.mine(), 4, "without a token")

    def test_only_the_chosen_one(self):
        self.expect_bad(self.mine("credential=az_cli", **self.PRINCIPAL), 4, "the az command is not in PATH")
        self.expect_bad(self.mine("credential=managed_identity", **self.PRINCIPAL), 4, "no managed identity")
        self.assertEqual([], self.server.asked)
        self.expect_bad(self.mine("credential=workload_identity"), 4, "AZURE_FEDERATED_TOKEN_FILE")

    def test_a_token_as_it_is(self):
        self.expect_good(self.mine(AZURE_STORAGE_TOKEN="first"))
        self.assertEqual([], self.server.asked)

    def test_a_token_that_is_over_is_renewed(self):
        self.server.tokens = ["stale", "first"]
        self.expect_good(self.mine(**self.PRINCIPAL))
        self.assertEqual(["Bearer stale", "Bearer first"], [authorization for authorization, _ in self.server.seen])

    def test_half_a_principal(self):
        self.expect_bad(self.mine(AZURE_CLIENT_SECRET="s=c&r"), 4, "AZURE_TENANT_ID", "AZURE_CLIENT_ID")

    def test_refused_by_entra(self):
        self.server.refuse = True
        self.expect_bad(self.mine(**self.PRINCIPAL), 4, "Entra ID gives no token", "AADSTS7000215: Invalid client secret.")

    def test_no_such_token_file(self):
        env = {"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client", "AZURE_FEDERATED_TOKEN_FILE": self.folder + "/gone"}
        self.expect_bad(self.mine(**env), 2, "/gone", "no such file")

    def test_secrets_go_to_no_plain_host(self):
        self.expect_bad(self.mine(**self.PRINCIPAL, AZURE_AUTHORITY_HOST="http://192.0.2.1"), 2, "no https://")

    def test_no_credentials(self):
        self.expect_bad(self.mine(), 4, "there are no credentials for the account mine", "az login")
        self.assertEqual([], self.server.seen)

    def test_a_wrong_token(self):
        self.expect_bad(self.mine("token=other"), 4, "Server failed to authenticate the request", "az login")

    def test_a_token_goes_over_no_plain_http(self):
        done = self.ls("endpoint_url=http://192.0.2.1", "account_name=mine", "token=first")
        self.expect_bad(done, 2, "in the clear", "allow_http")


class Keys(Case):
    def setUp(self):
        super().setUp()
        self.server.good = lambda authorization, path: authorization.startswith("SharedKey mine:")

    def test_names_of_the_environment(self):
        for account in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"):
            for key in ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCESS_KEY"):
                self.expect_good(self.ls(f"endpoint_url={self.url}", **{account: "mine", key: KEY}))

    def test_names_of_adlfs(self):
        self.expect_good(self.ls(f"endpoint_url={self.url}", "account_name=mine", "account_key=" + KEY))

    def test_connection_string(self):
        text = f"DefaultEndpointsProtocol=http;AccountName=mine;AccountKey={KEY};BlobEndpoint={self.url}/mine"
        self.expect_good(self.ls(AZURE_STORAGE_CONNECTION_STRING=text))
        self.assertTrue(self.server.seen[0][1].startswith("/mine/container?"))
        self.expect_good(self.ls("connection_string=" + text))
        self.expect_good(self.ls(AZURE_STORAGE_CONNECTION_STRING=text, where="abfs://container@mine.dfs.core.windows.net/"))
        self.expect_bad(self.ls(AZURE_STORAGE_CONNECTION_STRING=text, where="abfs://container@yours/"), 2, "yours", "mine")

    def test_a_token_of_the_environment_does_not_follow_a_key(self):
        """Who says a key means it, whatever else is set."""
        self.expect_good(self.ls(f"endpoint_url={self.url}", "account_key=" + KEY, AZURE_STORAGE_ACCOUNT_NAME="mine",
                                 **Tokens.PRINCIPAL))

    def test_emulator(self):
        emulator = serve(EMULATOR_PORT)
        emulator.good = lambda authorization, path: authorization.startswith("SharedKey devstoreaccount1:")
        try:
            self.expect_good(self.ls(AZURE_STORAGE_CONNECTION_STRING="UseDevelopmentStorage=true"))
            self.expect_good(self.ls(AZURE_STORAGE_USE_EMULATOR="true"))
            self.expect_good(self.ls("use_emulator=true", where="az://container/"))
            self.assertTrue(all(path.startswith("/devstoreaccount1/container?") for _, path in emulator.seen))
        finally:
            emulator.shutdown()
            emulator.server_close()

    def test_emulator_not_started(self):
        self.expect_bad(self.ls("connection_string=UseDevelopmentStorage=true"), 5, "127.0.0.1:10000")

    def test_sas(self):
        sas = "sv=2023-11-03&sr=c&sp=rl&se=2099-01-01T00%3A00%3A00Z&sig=c2lnbmF0dXJl%2B"
        self.server.good = lambda authorization, path: not authorization and path.endswith("&" + sas)
        for env in ({"AZURE_STORAGE_SAS_TOKEN": "?" + sas}, {"AZURE_STORAGE_SAS_KEY": sas},
                    {"AZURE_STORAGE_CONNECTION_STRING": f"BlobEndpoint={self.url}/mine;SharedAccessSignature={sas}"}):
            self.expect_good(self.mine(**env))
        self.expect_good(self.mine("sas_token=" + sas))
        self.server.good = lambda *_: False
        self.expect_bad(self.mine("sas_token=" + sas), 4, "is the SAS whole")

    def test_nobody_when_asked(self):
        self.server.good = lambda authorization, path: not authorization
        self.expect_good(self.mine("anon=true"))
        self.expect_good(self.mine(AZURE_STORAGE_ANON="true", AZURE_STORAGE_KEY=KEY))

    def test_first_mistakes(self):
        self.expect_bad(self.mine("account_key=***"), 2, "no base64", "az storage account keys list -n mine")
        self.expect_bad(self.mine("sas_token=sv=1"), 2, "no sig=")
        self.expect_bad(self.ls("connection_string=AccountKey=" + KEY), 2, "names no account")
        self.expect_bad(self.ls("connection_string=nonsense"), 2, "without '='")
        self.expect_bad(self.ls(), 2, "no account is named", "AZURE_STORAGE_ACCOUNT_NAME")
        self.expect_bad(self.ls("account_name=Mine!", "account_key=" + KEY), 2, "cannot be an account's name")
        self.server.good = lambda *_: False
        self.expect_bad(self.mine("account_key=" + KEY), 4, "is AZURE_STORAGE_ACCOUNT_KEY this account's?")


if __name__ == "__main__":
    unittest.main()
