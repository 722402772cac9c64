# SPDX-License-Identifier: Apache-2.0
"""The table of awkward names in docs/paths.md: a column a store, each made by paths_column.

table.py PATHS_COLUMN DOCUMENT [--write]
Without --write it compares, after it has found a planted difference.
"""
import re
import subprocess
import sys
import tempfile

# Title of the column, and the URL of an empty folder or bucket; {folder} is a fresh one of this machine.
STORES = [
    ("`file://`", "file://{folder}"),
    ("`memory://`", "memory://paths"),
]
BETWEEN = re.compile(r"(?<=<!-- table: begin -->\n).*?(?=<!-- table: end -->\n)", re.S)


def column(program, url):
    """[(what is awkward, the name, what came of it)]"""
    with tempfile.TemporaryDirectory(prefix="polyfs-paths-") as folder:
        done = subprocess.run([program, url.format(folder=folder)], stdout=subprocess.PIPE, check=True, timeout=60)
    return [line.split("\t") for line in done.stdout.decode().splitlines()]


def table(program):
    columns = [column(program, url) for _, url in STORES]
    titles = ["What is awkward", "Name"] + [title for title, _ in STORES]
    rows = [titles, ["---"] * len(titles)]
    for cells in zip(*columns, strict=True):
        rows.append(cells[0][:2] + [cell[2] for cell in cells])
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def differs(text, made):
    found = BETWEEN.search(text)
    if not found:
        sys.exit("the document has lost its markers <!-- table: begin --> and <!-- table: end -->")
    return found.group(0) != made


def main():
    program, path = sys.argv[1:3]
    with open(path, encoding="utf-8") as file:
        text = file.read()
    made = table(program)
    rows = made.count("\n") - 2
    if "--write" in sys.argv:
        differs(text, made)
        with open(path, "w", encoding="utf-8") as file:
            file.write(BETWEEN.sub(lambda _: made, text))
        return
    if rows < 20 or not differs(text.replace("| kept |", "| lost |", 1), made):
        sys.exit("this test does not see a planted difference")
    if differs(text, made):
        sys.exit(f"{path} is not what the stores do; run ./dev docs\n{made}")
    print(f"{rows} names on {len(STORES)} stores are as {path} says")


if __name__ == "__main__":
    main()
