# SPDX-License-Identifier: Apache-2.0
"""Signature Version 4: AWS's vectors, and 10,000 random requests and URLs against botocore's signers.

sigv4_test.py ORACLE
"""
import datetime
import json
import os
import random
import re
import sys
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from oracle import Oracle, servers, with_botocore  # noqa: E402

REQUESTS = 10000
NOT_OF_S3 = ("normalize-path",)  # S3 takes a path as it is


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return file.read()


def parse_request(text):
    """Method, path, query and headers of a request as it is written out; a line that begins with blanks goes on."""
    head, _, body = text.replace("\r", "").partition("\n\n")
    lines = head.replace("\n ", " ").split("\n")
    method, target = lines[0].split(" ", 1)
    target = target.rsplit(" ", 1)[0]
    path, _, query = target.partition("?")
    headers = {}
    for line in filter(None, lines[1:]):
        name, value = line.split(":", 1)
        headers.setdefault(name.lower(), []).append(value.strip())
    pairs = [part.partition("=")[::2] for part in query.split("&")] if query else []
    return method, path, [[urllib.parse.unquote(n), urllib.parse.unquote(v)] for n, v in pairs], \
        [[name, ",".join(values)] for name, values in headers.items()], body


class Vectors(unittest.TestCase):
    """AWS's own, which botocore's sources carry."""

    def test_each(self):
        folder = os.path.join(servers.sources("botocore", "1.44.8"), "tests", "unit", "auth", "aws4_testsuite")
        done = 0
        for at, _, files in sorted(os.walk(folder)):
            name = os.path.basename(at)
            if name + ".req" in files and not any(word in at for word in NOT_OF_S3):
                with self.subTest(name):
                    self.one(os.path.join(at, name))
                    done += 1
        self.assertGreaterEqual(done, 25)

    def one(self, stem):
        method, path, query, headers, _ = parse_request(read(stem + ".sreq"))
        wanted, canonical = read(stem + ".authz"), read(stem + ".creq")
        names = re.search("SignedHeaders=([^,]*)", wanted).group(1).split(";")
        date = dict(headers)["x-amz-date"]
        when = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        told = ORACLE.ask(what="sign", key="AKIDEXAMPLE", secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", region="us-east-1",
                          service="service", time=int(when.timestamp()), method=method, path=urllib.parse.unquote(path).encode().hex(),
                          query=query, headers=[row for row in headers if row[0] in names], payload=canonical.rsplit("\n", 1)[1])
        self.assertEqual(wanted.rsplit("=", 1)[1].strip(), told["authorization"].rsplit("=", 1)[1], canonical)


def random_text(rng, alphabet, most):
    return "".join(rng.choice(alphabet) for _ in range(rng.randrange(most)))


class AgainstBotocore(unittest.TestCase):
    ANY = "".join(map(chr, [*range(0x20, 0x7f), 0x09, 0x0a, 0x0d, 0x7f, 0xe9, 0x20ac, 0x1f600])) + "/" * 10
    VALUES = "".join(map(chr, range(0x21, 0x7f))) + "  "

    def random_request(self, rng):
        from botocore.awsrequest import AWSRequest
        method = rng.choice(["GET", "PUT", "HEAD", "POST", "DELETE"])
        path = "/bucket/" + random_text(rng, self.ANY, 60)
        query = [[random_text(rng, self.ANY, 12) or "q", random_text(rng, self.ANY, 12)] for _ in range(rng.randrange(4))]
        query = list({name: [name, value] for name, value in query}.values())
        headers = [["x-amz-meta-" + random_text(rng, "abcdefghij0123456789-", 12) + str(i), random_text(rng, self.VALUES, 20).strip() or "v"]
                   for i in range(rng.randrange(4))]
        url = "https://host.example.org" + urllib.parse.quote(path, safe="/~")
        request = AWSRequest(method=method, url=url, params=dict(query), headers=dict(headers))
        return request, method, path, query, headers

    def test_headers(self):
        from botocore.auth import S3SigV4Auth
        from botocore.credentials import Credentials
        rng = random.Random()
        seed = random.randrange(1 << 32)
        rng.seed(seed)
        for i in range(REQUESTS):
            request, method, path, query, headers = self.random_request(rng)
            token = random_text(rng, "abcXYZ+/=", 30) or None
            request.context["payload_signing_enabled"] = False
            credentials = Credentials("AKID", "secret/+", token)
            auth = S3SigV4Auth(credentials, "s3", "eu-west-3")
            auth.add_auth(request)
            date = request.headers["X-Amz-Date"] if "X-Amz-Date" in request.headers else request.context["timestamp"]
            when = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
            own = [*headers, ["host", "host.example.org"], ["x-amz-date", date],
                   ["x-amz-content-sha256", request.headers["X-Amz-Content-SHA256"]]]
            own += [["x-amz-security-token", token]] if token else []
            told = ORACLE.ask(what="sign", key="AKID", secret="secret/+", token=token, region="eu-west-3", service="s3",
                              time=int(when.timestamp()), method=method, path=path.encode().hex(), query=query, headers=own)
            self.assertEqual(request.headers["Authorization"], told["authorization"], f"seed {seed}, request {i}: {method} {path!r} {query} {headers}")

    def test_urls(self):
        from botocore.auth import S3SigV4QueryAuth
        from botocore.credentials import Credentials
        seed = random.randrange(1 << 32)
        rng = random.Random(seed)
        for i in range(REQUESTS // 5):
            request, method, path, query, headers = self.random_request(rng)
            for name, _ in headers:
                del request.headers[name]
            token = random_text(rng, "abcXYZ+/=", 30) or None
            S3SigV4QueryAuth(Credentials("AKID", "secret/+", token), "s3", "eu-west-3", expires=900).add_auth(request)
            theirs = urllib.parse.parse_qs(urllib.parse.urlsplit(request.url).query, keep_blank_values=True)
            when = datetime.datetime.strptime(theirs["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
            told = ORACLE.ask(what="presign", key="AKID", secret="secret/+", token=token, region="eu-west-3", service="s3",
                              time=int(when.timestamp()), method=method, path=path.encode().hex(), query=query,
                              host="host.example.org", life=900)
            ours = urllib.parse.parse_qs(urllib.parse.urlsplit(told["url"]).query, keep_blank_values=True)
            self.assertEqual(theirs, ours, f"seed {seed}, URL {i}: {path!r} {query}")


if __name__ == "__main__":
    with_botocore()
    ORACLE = Oracle(sys.argv.pop())
    unittest.main(argv=sys.argv)
