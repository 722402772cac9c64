# SPDX-License-Identifier: Apache-2.0
"""Signatures with an account's key: random requests against azure-storage-blob's own signer.

sharedkey_test.py ORACLE
"""
import base64
import os
import random
import sys
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from oracle import Oracle, with_client  # noqa: E402

REQUESTS = 5000
ANY = "".join(map(chr, [*range(0x20, 0x7f), 0xe9, 0x20ac, 0x1f600])) + "/" * 10
VALUES = "".join(map(chr, range(0x21, 0x7f))) + "  "
NAMES = "abcdefghijklmnopqrstuvwxyz0123456789" + "-_" * 8
STANDARD = ("content-encoding", "content-language", "content-md5", "content-type", "if-modified-since", "if-match", "if-none-match",
            "if-unmodified-since")


def some(rng, alphabet, most):
    return "".join(rng.choice(alphabet) for _ in range(rng.randrange(most)))


def theirs(account, key, method, url, headers):
    from azure.core.pipeline import PipelineContext, PipelineRequest
    from azure.core.pipeline.transport import HttpRequest
    from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy
    request = PipelineRequest(HttpRequest(method, url, headers=headers), PipelineContext(None))
    SharedKeyCredentialPolicy(account, key).on_request(request)
    return request.http_request.headers["Authorization"]


class SharedKey(unittest.TestCase):
    def one(self, rng):
        """A request as both sides take it."""
        path = "/devstoreaccount1/container/" + urllib.parse.quote(some(rng, ANY, 60), safe="/~")
        query = {"q" + some(rng, "abcdefgh", 6) + str(i): some(rng, ANY, 12) for i in range(rng.randrange(4))}
        headers = {"x-ms-" + rng.choice(["", "meta-"]) + some(rng, NAMES, 8) + "x": some(rng, VALUES, 20).strip() or "v"
                   for _ in range(rng.randrange(8))}
        headers |= {name: some(rng, VALUES, 20).strip() or "v" for name in STANDARD if rng.random() < 0.2}
        return rng.choice(["GET", "PUT", "HEAD", "POST", "DELETE"]), path, query, headers, rng.choice([0, 0, 7, 123456])

    def test_random_requests(self):
        seed = random.randrange(1 << 32)
        rng = random.Random(seed)
        key = base64.b64encode(bytes(range(64))).decode()
        for i in range(REQUESTS):
            method, path, query, headers, size = self.one(rng)
            url = "https://host.example.org" + path + "?" * bool(query) + urllib.parse.urlencode(query, quote_via=urllib.parse.quote)
            length = {"content-length": str(size)} if size else {}
            wanted = theirs("devstoreaccount1", key, method, url, {**headers, **length})
            told = ORACLE.ask(key=key, account="devstoreaccount1", method=method, path=path, query=list(map(list, query.items())),
                              headers=list(map(list, headers.items())), body_bytes=size)
            self.assertEqual(wanted, told.get("authorization"), f"seed {seed}, request {i}: {method} {path} {query} {headers}")

    def test_another_key_gives_another_signature(self):
        asked = {"account": "a", "method": "GET", "path": "/a", "query": [], "headers": [], "body_bytes": 0}
        self.assertNotEqual(*(ORACLE.ask(key=base64.b64encode(key).decode(), **asked) for key in (b"one", b"two")))


if __name__ == "__main__":
    with_client("adlfs")
    ORACLE = Oracle(sys.argv.pop())
    unittest.main(argv=sys.argv)
