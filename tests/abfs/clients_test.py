# SPDX-License-Identifier: Apache-2.0
"""adlfs reads what polyfs wrote, and polyfs what adlfs wrote, under awkward names, byte for byte, with metadata.

clients_test.py POLYFS         with the server that the environment names
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
from clients import LARGE, expect, expect_file, polyfs, theirs  # noqa: E402

CONTAINER = "polyfs-clients"
NAMES = ["plain", "with space", "a+b&c=d;e,f:g@h!i'(j)~k", "x%2Fy", "100%", "gr\u00fc\u00df/\u65e5\u672c", "deep/er/still", "quote\"s'",
         "#hash?question", "..dots..x", "-rf", "~", "{braces}", "$HOME `x` |", "\u202egpj", "[x]", "x" * 200]
THEIRS = """
import json, os, sys
import adlfs
fs = adlfs.AzureBlobFileSystem(connection_string=os.environ["AZURE_STORAGE_CONNECTION_STRING"])
asked = json.load(sys.stdin)
if asked["do"] == "read":
    print(json.dumps({name: fs.cat_file(asked["container"] + "/" + name).decode() for name in asked["names"]}))
elif asked["do"] == "list":
    print(json.dumps(sorted(fs.find(asked["container"] + "/" + asked["below"]))))
else:
    for name in asked["names"]:
        fs.pipe_file(asked["container"] + "/" + name, ("of " + name).encode())
    fs.pipe_file(asked["container"] + "/theirs/large", bytes(range(256)) * 4096 * 12)
    print("{}")
"""


def quoted(name):
    """As a pattern that stands for itself."""
    return "".join("\\" + c if c in "*?[\\" else c for c in name)


def by_adlfs(**asked):
    return theirs("adlfs", THEIRS, container=CONTAINER, **asked)


def main():
    polyfs("mb", f"abfs://{CONTAINER}")
    for name in NAMES:
        polyfs("put", "-", f"abfs://{CONTAINER}/ours/{name}", stdin=("by " + name).encode())
    ours = ["ours/" + name for name in NAMES]
    expect("adlfs reads", {name: "by " + name[5:] for name in ours}, by_adlfs(do="read", names=ours))
    expect("adlfs lists", sorted(f"{CONTAINER}/{name}" for name in ours), by_adlfs(do="list", below="ours"))
    written = ["theirs/" + name for name in NAMES]
    by_adlfs(do="write", names=written)
    for name in written:
        expect(name, b"of " + name.encode(), polyfs("cat", quoted(f"abfs://{CONTAINER}/{name}")))
    with tempfile.TemporaryDirectory() as folder:
        large = os.path.join(folder, "large")
        polyfs("get", f"abfs://{CONTAINER}/theirs/large", large)
        expect_file("a large object", LARGE, large)
    print(f"{2 * len(NAMES)} objects both ways")


if __name__ == "__main__":
    main()
