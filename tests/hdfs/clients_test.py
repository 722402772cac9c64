# SPDX-License-Identifier: Apache-2.0
"""pyarrow reads what polyfs wrote, and polyfs what pyarrow wrote, under awkward names, byte for byte.

clients_test.py POLYFS         with the cluster that the environment names
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
from clients import LARGE, expect, expect_file, polyfs, theirs  # noqa: E402
from cluster import URL  # noqa: E402

# Names with ':' are none to HDFS. The libhdfs of pyarrow cannot say what lies beyond the first 65,536 characters, nor list a
# folder that has such a name; '%' it takes for more than a character.
NAMES = ["plain", "with space", "a+b&c=d;e,f@h!i'(j)~k", "gr\u00fc\u00df/\u65e5\u672c", "deep/er/still", "quote\"s'", "tab\there",
         "back\\slash", "..dots..", "-rf", "~", "{braces}", "$HOME `x` |", "name.", "\u202egpj", "question?mark", "hash#", "star*[x]", "x" * 200]
ALONE = ["100%", "x%2Fy", "\U0001f600"]
THEIRS = """
import json, sys
from pyarrow import fs
asked = json.load(sys.stdin)
host, port = asked["url"].removeprefix("hdfs://").split(":")
hdfs = fs.HadoopFileSystem(host, int(port))
if asked["do"] == "read":
    print(json.dumps({name: hdfs.open_input_file("/clients/" + name).read().decode() for name in asked["names"]}))
elif asked["do"] == "list":
    rows = hdfs.get_file_info(fs.FileSelector("/clients/" + asked["below"], recursive=True))
    print(json.dumps(sorted(row.path for row in rows if row.type == fs.FileType.File)))
else:
    for name in asked["names"]:
        hdfs.create_dir(("/clients/" + name).rsplit("/", 1)[0], recursive=True)
        with hdfs.open_output_stream("/clients/" + name) as out:
            out.write(("of " + name).encode())
    with hdfs.open_output_stream("/clients/theirs/large") as out:
        out.write(bytes(range(256)) * 4096 * 12)
    print("{}")
"""


def by_pyarrow(**asked):
    """Its libhdfs is named by the folder."""
    return theirs("pyarrow", THEIRS, {"ARROW_LIBHDFS_DIR": os.path.dirname(os.environ["POLYFS_LIBHDFS"])}, url=URL, **asked)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for side, name in [("ours", name) for name in NAMES] + [("alone", name) for name in ALONE]:
            path = os.path.join(folder, "out", side, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(("by " + name).encode())
        polyfs("cp", "-r", f"{folder}/out", f"{URL}/clients")
        ours = ["ours/" + name for name in NAMES]
        expect("pyarrow reads", {name: "by " + name[5:] for name in ours}, by_pyarrow(do="read", names=ours))
        listed = by_pyarrow(do="list", below="ours")
        expect("pyarrow lists", sorted(f"/clients/{name}" for name in ours), listed)
        by_pyarrow(do="write", names=["theirs/" + name for name in NAMES])
        polyfs("cp", "-r", f"{URL}/clients", f"{folder}/back")
        for side, names, wrote in (("ours", NAMES, "by "), ("alone", ALONE, "by "), ("theirs", NAMES, "of theirs/")):
            for name in names:
                with open(os.path.join(folder, "back", side, name), "rb") as file:
                    expect(f"{side}/{name}", (wrote + name).encode(), file.read())
        expect_file("a large file", LARGE, os.path.join(folder, "back", "theirs", "large"))
    print(f"{2 * len(NAMES)} files both ways, {len(ALONE)} by polyfs alone")


if __name__ == "__main__":
    main()
