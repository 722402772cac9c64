# SPDX-License-Identifier: Apache-2.0
"""The table of awkward names in docs/paths.md: a column a store, each made by paths_column.

table.py PATHS_COLUMN DOCUMENT [--write]
It makes the columns of the stores that need no server, or, run by tests/servers/servers.py, those of that server, and
compares them with the document, after it has found a planted difference; with --write it puts them there.
"""
import os
import re
import subprocess
import sys
import tempfile

# Title of the column, the server that it needs, and the URL of an empty folder ({folder} is a fresh one of this machine)
# or, on a server, of a bucket or, where the URL has a path, a folder.
STORES = [
    ("`file://`", "", "file://{folder}"),
    ("`memory://`", "", "memory://paths"),
    ("`s3://` (MinIO)", "minio", "s3://paths"),
    ("`s3://` (versitygw)", "versitygw", "s3://paths"),
    ("`gs://` (fake-gcs-server)", "fakegcs", "gs://paths"),
    ("`abfs://` (Azurite)", "azurite", "abfs://paths"),
    ("`hdfs://`", "hdfs", "hdfs:///paths"),
]
NAMES = ["What is awkward", "Name"]
BETWEEN = re.compile(r"(?<=<!-- table: begin -->\n).*?(?=<!-- table: end -->\n)", re.S)


def column(program, url, server):
    """[(what is awkward, the name, what came of it)]"""
    with tempfile.TemporaryDirectory(prefix="polyfs-paths-") as folder:
        words = [program, url.format(folder=folder)] + (["--folder" if ":///" in url else "--bucket"] if server else [])
        done = subprocess.run(words, stdout=subprocess.PIPE, check=True, timeout=60)
    return [line.split("\t") for line in done.stdout.decode().splitlines()]


def make(program, server):
    """{title: {what is awkward: cell}} of the stores on this server, and [(what is awkward, name)]"""
    columns, names = {}, []
    for title, needs, url in STORES:
        if needs == server:
            rows = column(program, url, server)
            names = [row[:2] for row in rows]
            columns[title] = {row[0]: row[2] for row in rows}
    return columns, names


def read(text):
    """The same of a document."""
    lines = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in cells] for cells in lines]
    titles = rows[0][2:] if rows else []
    return {title: {row[0]: row[2 + i] for row in rows[2:]} for i, title in enumerate(titles)}, [row[:2] for row in rows[2:]]


def write(columns, names):
    titles = [title for title, _, _ in STORES if title in columns]
    rows = [NAMES + titles, ["---"] * (2 + len(titles))]
    rows += [name + [columns[title].get(name[0], "") for title in titles] for name in names]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def differences(document, columns, names):
    told, told_names = read(document)
    found = [f"{title}, {what}: {cell}; the document says: {told.get(title, {}).get(what)}"
             for title, cells in columns.items() for what, cell in cells.items() if told.get(title, {}).get(what) != cell]
    return found + (["the names are others"] if names != told_names else [])


def main():
    program, path = sys.argv[1:3]
    server = os.environ.get("POLYFS_TEST_SERVER", "")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    document = BETWEEN.search(text)
    if not document:
        sys.exit("the document has lost its markers <!-- table: begin --> and <!-- table: end -->")
    columns, names = make(program, server)
    if len(names) < 20:
        sys.exit(f"no store of STORES is on the server {server}, or names are missing")
    if "--write" in sys.argv:
        merged = {**read(document.group(0))[0], **columns}
        with open(path, "w", encoding="utf-8") as file:
            file.write(BETWEEN.sub(lambda _: write(merged, names), text))
        return
    for title in columns:
        planted = {**columns, title: {**columns[title], "plus": "lost"}}
        if not differences(write(planted, names), columns, names):
            sys.exit("this test does not see a planted difference")
    found = differences(document.group(0), columns, names)
    if found:
        sys.exit(f"{path} is not what the stores do; run ./dev docs\n" + "\n".join(found))
    print(f"{len(names)} names on {', '.join(columns)} are as {path} says")


if __name__ == "__main__":
    main()
