# SPDX-License-Identifier: Apache-2.0
"""Types every row of the abfs table of docs/first-errors.md, on the emulator that the environment names: by TLS, and with its
look at tokens.

errors_test.py POLYFS
"""
import base64
import datetime
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import first_errors  # noqa: E402
from oracle import servers, with_client  # noqa: E402

ACCOUNT, KEY = servers.Azurite.account, servers.Azurite.key


def endpoint():
    parts = dict(part.split("=", 1) for part in os.environ["AZURE_STORAGE_CONNECTION_STRING"].split(";") if part)
    return parts["BlobEndpoint"]


def sas(rights, key=KEY, year=2040):
    """Of the container data, to the beginning of a year."""
    from azure.storage.blob import generate_container_sas
    end = datetime.datetime(year, 1, 1, tzinfo=datetime.timezone.utc)
    return generate_container_sas(ACCOUNT, "data", key, permission=rights, expiry=end)


def token(ends_s):
    """As Entra ID gives it; the emulator does not look at its signature."""
    def part(claims):
        return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    claims = {"aud": "https://storage.azure.com", "iss": "https://sts.windows.net/tenant/", "iat": 1500000000, "nbf": 1500000000, "exp": ends_s}
    return f"{part({'alg': 'none'})}.{part(claims)}.c2lnbmF0dXJl"


class Errors(first_errors.Typed, unittest.TestCase):
    def setUp(self):
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        self.folder = home.name
        closed = servers.free_ports(1)[0]
        self.stands_for = (("http://169.254.169.254", f"http://127.0.0.1:{closed}"),)
        self.env = {"PATH": os.path.dirname(POLYFS) + ":/usr/bin:/bin", "HOME": home.name, "AZURE_STORAGE_ACCOUNT": ACCOUNT, "AZURE_STORAGE_KEY": KEY,
                    "POLYFS_ABFS_ENDPOINT_URL": endpoint(), "REQUESTS_CA_BUNDLE": os.environ["REQUESTS_CA_BUNDLE"],
                    "AZURE_POD_IDENTITY_AUTHORITY_HOST": f"http://127.0.0.1:{closed}"}
        made = subprocess.run([POLYFS, "mb", "abfs://data"], env=self.env, capture_output=True, text=True, check=False)
        self.assertIn(made.returncode, (0, 6), made.stderr)

    def seconds(self, mistake):
        return 1 if mistake == "no metadata service" else 2

    def of_nobody(self, **more):
        """With what the row says about who we are, and nothing else."""
        del self.env["AZURE_STORAGE_KEY"]
        self.env.update(more)

    def real_account(self, *gone):
        for name in ("POLYFS_ABFS_ENDPOINT_URL", *gone):
            del self.env[name]

    def wrong_key(self):
        """An emulator that looks at tokens calls it a 400, and the service a 403, as one that does not."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        plain = servers.Azurite(folder.name).start()
        self.addCleanup(plain.stop)
        self.env["POLYFS_ABFS_ENDPOINT_URL"] = plain.endpoint()

    def a_SAS_that_has_ended(self):
        self.of_nobody(ENDED=sas("rl", year=2020))

    def a_SAS_of_another_key(self):
        self.of_nobody(WRONG=sas("rl", base64.b64encode(b"another").decode()))

    def a_SAS_without_the_right(self):
        self.of_nobody(READS=sas("rl"))

    def a_token_that_has_ended(self):
        self.of_nobody(ENDED=token(1600000000))

    def a_token_of_something_else(self):
        self.of_nobody()

    def account_misspelt(self):
        """Without a network no name has an address, as a wrong one has none with it."""
        self.real_account()
        return ["unshare", "-rn"]

    def emulator_not_started(self):
        self.real_account("AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT")

    def no_metadata_service(self):
        self.of_nobody()
        self.real_account()

    def test_a_token_that_is_good(self):
        self.of_nobody(GOOD=token(4000000000))
        done = subprocess.run(["sh", "-c", "AZURE_STORAGE_TOKEN=$GOOD polyfs ls abfs://data/"], env=self.env, capture_output=True, text=True, check=False)
        self.assertEqual((0, ""), (done.returncode, done.stderr))


if __name__ == "__main__":
    with_client("adlfs")
    POLYFS = sys.argv.pop()
    first_errors.rows_of(Errors, lambda heading: heading == "abfs://", 10)
    unittest.main(argv=sys.argv)
