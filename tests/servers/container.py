# SPDX-License-Identifier: Apache-2.0
"""What a container of Azure's emulator holds, as bucket.py tells it of S3's buckets, on the server that the environment names.

Uploads are none of it: to begin one sends nothing, no listing tells of its blocks, and the service drops them by itself.
"""
import os
import re
import sys
import urllib.parse
from xml.etree import ElementTree

import rest
import sharedkey

ENDS_UPLOAD = {"method": "PUT", "target": "comp=blocklist"}
SETTINGS = "AZURE_STORAGE_CONNECTION_STRING"


def past(endpoint):
    return {SETTINGS: re.sub("BlobEndpoint=[^;]*", "BlobEndpoint=" + endpoint, os.environ[SETTINGS])}


def endpoint():
    """Of the service, without the account that it ends in."""
    return re.search("BlobEndpoint=([^;]*)/" + sharedkey.ACCOUNT, os.environ[SETTINGS])[1]


def send(method, container, key="", query=None, headers=None, body=b"", good=()):
    path = f"/{sharedkey.ACCOUNT}/{container}" + ("/" + key if key else "")
    target, headers = sharedkey.request(method, path, query or {}, headers or {}, body)
    status, told = rest.ask(endpoint(), method, target, headers, body)
    if status >= 300 and status not in good:
        sys.exit(f"{method} {target} is {status}: {told.decode(errors='replace')}")
    return told


def make(container):
    send("PUT", container, query={"restype": "container"}, good=(409,))


def keys(container, prefix):
    page = ElementTree.fromstring(send("GET", container, query={"restype": "container", "comp": "list", "prefix": prefix}).decode("utf-8-sig"))
    if page.findtext("NextMarker"):
        sys.exit("there are more than one page holds")
    return [name.text for name in page.iterfind("Blobs/Blob/Name")]


def has_uploads():
    return False


def uploads(container, prefix):
    return []


def get(container, key):
    return send("GET", container, key)


def put(container, key, body):
    send("PUT", container, key, headers={"x-ms-blob-type": "BlockBlob"}, body=body)


def copy(container, prefix, to):
    for key in keys(container, prefix):
        source = endpoint() + urllib.parse.quote(f"/{sharedkey.ACCOUNT}/{container}/{key}")
        send("PUT", container, to + key[len(prefix):], headers={"x-ms-copy-source": source})


def remove(container, prefix):
    for key in keys(container, prefix):
        send("DELETE", container, key)
