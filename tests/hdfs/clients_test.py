# SPDX-License-Identifier: Apache-2.0
"""pyarrow reads what polyfs wrote, and polyfs what pyarrow wrote, under awkward names, byte for byte.

clients_test.py POLYFS         with the cluster that the environment names
"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
import servers  # noqa: E402
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


def theirs(**asked):
    """Its libhdfs is named by the folder."""
    env = {**os.environ, "ARROW_LIBHDFS_DIR": os.path.dirname(os.environ["POLYFS_LIBHDFS"])}
    done = subprocess.run([servers.client_python("pyarrow"), "-c", THEIRS], input=json.dumps({"url": URL, **asked}), text=True,
                          env=env, capture_output=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def polyfs(*words, stdin=None):
    done = subprocess.run([sys.argv[1], *words], input=stdin, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"{words}: {done.stderr.decode()}")
    return done.stdout


def expect(what, wanted, got):
    if wanted != got:
        sys.exit(f"{what}: not\n{wanted}\nbut\n{got}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        for side, name in [("ours", name) for name in NAMES] + [("alone", name) for name in ALONE]:
            path = os.path.join(folder, "out", side, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(("by " + name).encode())
        polyfs("cp", "-r", f"{folder}/out", f"{URL}/clients")
        ours = ["ours/" + name for name in NAMES]
        expect("pyarrow reads", {name: "by " + name[5:] for name in ours}, theirs(do="read", names=ours))
        listed = theirs(do="list", below="ours")
        expect("pyarrow lists", sorted(f"/clients/{name}" for name in ours), listed)
        theirs(do="write", names=["theirs/" + name for name in NAMES])
        polyfs("cp", "-r", f"{URL}/clients", f"{folder}/back")
        for side, names, wrote in (("ours", NAMES, "by "), ("alone", ALONE, "by "), ("theirs", NAMES, "of theirs/")):
            for name in names:
                with open(os.path.join(folder, "back", side, name), "rb") as file:
                    expect(f"{side}/{name}", (wrote + name).encode(), file.read())
        with open(os.path.join(folder, "back", "theirs", "large"), "rb") as file:
            expect("a large file", True, file.read() == bytes(range(256)) * 4096 * 12)
    print(f"{2 * len(NAMES)} files both ways, {len(ALONE)} by polyfs alone")


if __name__ == "__main__":
    main()
