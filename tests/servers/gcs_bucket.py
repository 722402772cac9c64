# SPDX-License-Identifier: Apache-2.0
"""What a bucket of Google's APIs holds, as bucket.py tells it of S3's, on the server that the environment names."""
import json
import os
import sys
import urllib.parse
from xml.etree import ElementTree

import rest

ENDS_UPLOAD = {"method": "POST|PUT", "target": r"\?uploadId=|upload_id="}  # parts become an object, or bytes come in order


def past(endpoint):
    return {"STORAGE_EMULATOR_HOST": endpoint}


def send(method, target, body=b"", good=()):
    status, told = rest.ask(os.environ["STORAGE_EMULATOR_HOST"], method, target, {"Content-Type": "application/json"}, body)
    if status >= 300 and status not in good:
        sys.exit(f"{method} {target} is {status}: {told.decode(errors='replace')}")
    return told


def quoted(text):
    return urllib.parse.quote(text, safe="")


def object_of(bucket, key):
    return f"/storage/v1/b/{bucket}/o/{quoted(key)}"


def make(bucket):
    send("POST", "/storage/v1/b?project=polyfs-test", json.dumps({"name": bucket}).encode(), good=(409,))


def keys(bucket, prefix):
    page = json.loads(send("GET", f"/storage/v1/b/{bucket}/o?prefix={quoted(prefix)}"))
    if "nextPageToken" in page:
        sys.exit("there are more than one page holds")
    return [row["name"] for row in page.get("items", [])]


def has_uploads():
    """fake-gcs-server knows no parts, and tells nobody of uploads whose bytes come in order."""
    return os.environ["POLYFS_TEST_SERVER"] == "scripted"


def uploads(bucket, prefix):
    if not has_uploads():
        return []
    page = ElementTree.fromstring(send("GET", f"/{bucket}?uploads&prefix={quoted(prefix)}"))
    if page.findtext("{*}IsTruncated") == "true":
        sys.exit("there are more than one page holds")
    return [urllib.parse.unquote(key.text) for key in page.iterfind("{*}Upload/{*}Key")]


def begin(bucket, key):
    send("POST", f"/{bucket}/{urllib.parse.quote(key)}?uploads")


def get(bucket, key):
    return send("GET", object_of(bucket, key) + "?alt=media")


def put(bucket, key, body):
    send("POST", f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quoted(key)}", body)


def copy(bucket, prefix, to):
    for key in keys(bucket, prefix):
        target = f"rewriteTo/b/{bucket}/o/{quoted(to + key[len(prefix):])}"
        if not json.loads(send("POST", f"{object_of(bucket, key)}/{target}"))["done"]:
            sys.exit(f"{key} is too long to be copied at once")


def remove(bucket, prefix):
    for key in keys(bucket, prefix):
        send("DELETE", object_of(bucket, key))
