# SPDX-License-Identifier: Apache-2.0
"""Requests in the name of the account that all emulators of Azure have."""
import base64
import email.utils
import hashlib
import hmac
import urllib.parse

ACCOUNT = "devstoreaccount1"
KEY = base64.b64decode("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==")
STANDARD = ("content-encoding", "content-language", "content-length", "content-md5", "content-type", "date", "if-modified-since", "if-match",
            "if-none-match", "if-unmodified-since", "range")


def signature(method, path, query, headers):
    """Of SharedKey; headers by their names in lower case."""
    own = sorted((name, value.strip()) for name, value in headers.items() if name.startswith("x-ms-"))
    lines = [method, *("" if name == "content-length" and headers.get(name) == "0" else headers.get(name, "") for name in STANDARD),
             *(f"{name}:{value}" for name, value in own), f"/{ACCOUNT}{path}", *(f"{name.lower()}:{value}" for name, value in sorted(query.items()))]
    return base64.b64encode(hmac.new(KEY, "\n".join(lines).encode(), hashlib.sha256).digest()).decode()


def request(method, path, query, headers, body):
    """Target and headers of a request, signed. @path: without escapes, the account in front; headers by their names in lower case."""
    headers = {"x-ms-version": "2023-11-03", "x-ms-date": email.utils.formatdate(usegmt=True), **headers}
    if body or method == "PUT":
        headers["content-length"] = str(len(body))
    quoted = urllib.parse.quote(path, safe="/~")
    headers["authorization"] = f"SharedKey {ACCOUNT}:" + signature(method, quoted, query, headers)
    return quoted + ("?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote) if query else ""), headers
