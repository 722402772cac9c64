# SPDX-License-Identifier: Apache-2.0
"""gcsfs reads what polyfs wrote, and polyfs what gcsfs wrote, under awkward names, byte for byte.

clients_test.py POLYFS         with the server that the environment names
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
from clients import LARGE, expect, expect_file, polyfs, theirs  # noqa: E402

BUCKET = "polyfs-clients"
NAMES = ["plain", "with space", "a+b&c=d;e,f:g@h!i'(j)~k", "x%2Fy", "100%", "gr\u00fc\u00df/\u65e5\u672c", "deep/er/still", "quote\"s'", "tab\there",
         "back\\slash", "..dots..", "a/./b", "-rf", "~", "{braces}", "$HOME `x` |", "name.", "\u202egpj", "x" * 200]
THEIRS = """
import json, os, sys
import gcsfs
fs = gcsfs.GCSFileSystem(endpoint_url=os.environ["STORAGE_EMULATOR_HOST"], token="anon", project="p")
asked = json.load(sys.stdin)
if asked["do"] == "read":
    print(json.dumps({name: fs.cat_file(asked["bucket"] + "/" + name).decode() for name in asked["names"]}))
elif asked["do"] == "list":
    print(json.dumps(sorted(fs.find(asked["bucket"] + "/" + asked["below"]))))
else:
    for name in asked["names"]:
        fs.pipe_file(asked["bucket"] + "/" + name, ("of " + name).encode())
    fs.pipe_file(asked["bucket"] + "/theirs/large", bytes(range(256)) * 4096 * 12)
    print("{}")
"""


def by_gcsfs(**asked):
    """Else it asks Google's own what kind of a bucket it is."""
    return theirs("gcsfs", THEIRS, {"GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}, bucket=BUCKET, **asked)


def main():
    polyfs("mb", f"gs://{BUCKET}")
    for name in NAMES:
        polyfs("put", "-", f"gs://{BUCKET}/ours/{name}", stdin=("by " + name).encode())
    ours = ["ours/" + name for name in NAMES]
    expect("gcsfs reads", {name: "by " + name[5:] for name in ours}, by_gcsfs(do="read", names=ours))
    expect("gcsfs lists", sorted(f"{BUCKET}/{name}" for name in ours), by_gcsfs(do="list", below="ours"))
    written = ["theirs/" + name for name in NAMES]
    by_gcsfs(do="write", names=written)
    for name in written:
        expect(name, b"of " + name.encode(), polyfs("cat", f"gs://{BUCKET}/{name}".replace("\\", "\\\\")))
    with tempfile.TemporaryDirectory() as folder:
        large = os.path.join(folder, "large")
        polyfs("get", f"gs://{BUCKET}/theirs/large", large)
        expect_file("a large object", LARGE, large)
    print(f"{2 * len(NAMES)} objects both ways")


if __name__ == "__main__":
    main()
