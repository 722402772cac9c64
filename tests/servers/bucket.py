# SPDX-License-Identifier: Apache-2.0
"""A bucket with settings that polyfs itself has no verb for, on the server that the environment names.

bucket.py NAME [--versioned] [--policy JSON] -- COMMAND…   makes the bucket, sets it up, runs a command

Signs with the standard library alone, so that what is tested does not prepare its own test.
"""
import base64
import datetime
import hashlib
import hmac
import os
import subprocess
import sys
import urllib.parse
from xml.etree import ElementTree

import rest

ENDS_UPLOAD = {"method": "POST", "target": "uploadId"}  # the request that makes parts an object, as a rule of the proxy
VERSIONED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(method, path, query, headers, names, scope, secret):
    """Of version 4 over the headers of these names, in that order; @query in its canonical order."""
    canonical = "\n".join([method, path, query, *(f"{name}:{headers[name]}" for name in names), "", ";".join(names),
                           headers["x-amz-content-sha256"]])
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + secret.encode()
    for word in scope.split("/"):
        key = digest(key, word)
    return digest(key, text).hex()


def signed(method, host, path, query, body, more):
    """The headers of a request with AWS's signature of version 4; @more: further ones of x-amz-."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    region = os.environ["AWS_REGION"]
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    headers = {"content-md5": base64.b64encode(hashlib.md5(body).digest()).decode(), "host": host,
               "x-amz-content-sha256": hashlib.sha256(body).hexdigest(), **more, "x-amz-date": now}
    told = signature(method, path, query, headers, list(headers), scope, os.environ["AWS_SECRET_ACCESS_KEY"])
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope},"
                                f"SignedHeaders={';'.join(sorted(headers))},Signature={told}")
    return headers


def send(method, path, query="", body=b"", **more):
    """One request, with headers of x-amz-; its answer. A refusal ends the program."""
    more = {"x-amz-" + name.replace("_", "-"): value for name, value in sorted(more.items())}
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    headers = signed(method, urllib.parse.urlsplit(endpoint).netloc, path, query, body, more)
    status, told = rest.ask(endpoint, method, path + ("?" + query if query else ""), headers, body, os.environ.get("AWS_CA_BUNDLE"))
    if status >= 300 and b"BucketAlreadyOwnedByYou" not in told:
        sys.exit(f"{method} {path}?{query} is {status}: {told.decode(errors='replace')}")
    return told


# ---- what a bucket holds, up to a thousand of each: for tests that make no more ---------------------------------------------

def past(endpoint):
    """Settings with which all goes there, and not to a proxy in front of it."""
    return {"AWS_ENDPOINT_URL": endpoint}


def make(bucket):
    send("PUT", "/" + bucket)


def quoted(text):
    return urllib.parse.quote(text, safe="")


def texts(xml, tag):
    found = [element.text for element in ElementTree.fromstring(xml).iter() if element.tag.endswith("}" + tag)]
    if "true" in [element.text for element in ElementTree.fromstring(xml) if element.tag.endswith("}IsTruncated")]:
        sys.exit("there are more than one page holds")
    return found


def keys(bucket, prefix):
    return texts(send("GET", f"/{bucket}", f"list-type=2&prefix={quoted(prefix)}"), "Key")


def uploads(bucket, prefix):
    """Keys of uploads that are not finished. MinIO looks for whole keys where it is given a prefix."""
    return [key for key in texts(send("GET", f"/{bucket}", "uploads="), "Key") if key.startswith(prefix)]


def has_uploads():
    return True


def begin(bucket, key):
    """An upload that nobody finishes."""
    send("POST", path_of(bucket, key), "uploads=")


def path_of(bucket, key):
    return f"/{bucket}/" + urllib.parse.quote(key, safe="/")


def get(bucket, key):
    return send("GET", path_of(bucket, key))


def put(bucket, key, body):
    send("PUT", path_of(bucket, key), body=body)


def copy(bucket, prefix, to):
    for key in keys(bucket, prefix):
        send("PUT", path_of(bucket, to + key[len(prefix):]), copy_source=path_of(bucket, key))


def remove(bucket, prefix):
    for key in keys(bucket, prefix):
        send("DELETE", path_of(bucket, key))


def main():
    if "--" not in sys.argv or len(sys.argv) < 3:
        sys.exit(__doc__)
    at = sys.argv.index("--")
    options, command = sys.argv[2:at], sys.argv[at + 1:]
    path = "/" + sys.argv[1]
    send("PUT", path)
    if "--versioned" in options:
        send("PUT", path, "versioning=", VERSIONED)
    if "--policy" in options:
        send("PUT", path, "policy=", options[options.index("--policy") + 1].encode())
    sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
