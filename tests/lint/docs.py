# SPDX-License-Identifier: Apache-2.0
"""7. Each public declaration says what it returns, who owns what, on which threads, and whether it blocks.

With --write it makes docs/options.md anew, of what `polyfs options` tells; the check compares the bytes.
"""
import glob
import json
import os
import re
import sys

import tree

OPTIONS = "docs/options.md"
DECLARATION = re.compile(r"(?:/\*\*((?:(?!\*/).)*)\*/\s*\n)?^POLYFS_API\b([^;]*);", re.M | re.S)
LINES = ("Owner:", "Thread:", "Blocks:")


def check_headers(sources):
    for path in sources.files("include", ext=(".h",)):
        text = sources.text(path)
        for match in DECLARATION.finditer(text):
            doc, signature = match.group(1) or "", " ".join(match.group(2).split())
            name = re.search(r"\b(polyfs_\w+)\s*\(", signature).group(1)
            wanted = [word for word in LINES if not re.search(rf"\b{word}", doc)]
            if not re.match(r"void polyfs", signature) and "@return" not in doc:
                wanted.append("@return")
            if wanted:
                yield f"{path}:{tree.line_of(text, match.start(2))}: {name} does not say {' '.join(wanted)}"


def comment_share(sources):
    """A guideline: people see it, nothing fails."""
    for path in sources.files("include", ext=(".h",)):
        text = sources.text(path)
        lines = [line for line in text.splitlines() if line.strip()]
        blank = [line for line in sources.code(path).splitlines()]
        comments = sum(1 for line, code in zip(text.splitlines(), blank) if line.strip() and line != code)
        if comments * 100 < 60 * len(lines):
            print(f"note: {path} has {comments * 100 // len(lines)} % lines with comments; 60 are usual")


# ---- the table of options ---------------------------------------------------------------------------------------


def rows_of(sources, protocol):
    command = sources.built("bin/polyfs")
    return [json.loads(line) for line in tree.read(command, "options", protocol, "--json").splitlines()]


def manifests(sources):
    """(name, summary, protocols) of each plugin that this build has."""
    for path in sorted(glob.glob(sources.built("lib/polyfs/plugins-1/*.plugin"))):
        text = open(path, encoding="utf-8").read()
        yield [re.search(rf"^{key}=(.*)$", text, re.M).group(1) for key in ("name", "summary", "protocols")]


def cell(text):
    return " ".join(text.replace("|", "\\|").split())


def table(rows):
    yield "| Option | Type | Default | Also called | Environment | What it does |"
    yield "|---|---|---|---|---|---|"
    for row in rows:
        kind = f"one of {', '.join(row['choices'].split())}" if row["choices"] else row["type"]
        cells = (f"`{row['name']}`", kind + (", secret" if row["secret"] else ""), row.get("default", ""),
                 row["aliases"], row["env"], row["help"])
        yield "| " + " | ".join(cell(text) for text in cells) + " |"


def options_text(sources):
    lines = ["# Options", "",
             "Made by `./dev docs` of what `polyfs options` tells; the rows are the plugins' own. Give one as `-o name=value`,",
             "as `\"name=value\"` to `polyfs_fs_open`, or in the environment.", ""]
    plugins = list(manifests(sources))
    own = {name: rows_of(sources, protocols.split()[0]) for name, _, protocols in plugins}
    shared = [row for row in next(iter(own.values())) if all(row in rows for rows in own.values())]
    lines += ["## Every protocol", "", *table(shared)]
    for name, summary, protocols in plugins:
        rows = [row for row in own[name] if row not in shared]
        lines += ["", f"## {name}: {summary}", "", "Protocols: " + ", ".join(f"`{word}`" for word in protocols.split()), ""]
        lines += table(rows) if rows else ["It has none of its own."]
    return "\n".join(lines) + "\n"


def check_options(sources):
    text = options_text(sources)
    if not os.path.exists(sources.path(OPTIONS)) or sources.text(OPTIONS) != text:
        yield f"{OPTIONS}:1: is not what `polyfs options` tells; run ./dev docs"
    readme = sources.text("README.md")
    for name, _, protocols in manifests(sources):
        if not any(f"`{word}://`" in readme for word in protocols.split()):
            yield f"README.md:1: does not name the protocols of the plugin {name}"


def check(sources):
    yield from check_headers(sources)
    yield from check_options(sources)


def without_thread(copy):
    copy.replace("include/polyfs/fs.h", "Owner: caller. Thread: any.", "Owner: caller.")


def without_comment(copy):
    copy.append("include/polyfs/url.h", "\nPOLYFS_API int polyfs_planted(void);\n")


def without_return(copy):
    copy.replace("include/polyfs/op.h", "@return", "@gives")


def old_table(copy):
    copy.replace(OPTIONS, "`attempts`", "`tries`")


if __name__ == "__main__":
    root = tree.Tree(*sys.argv[1:3])
    if "--write" in sys.argv:
        root.write(OPTIONS, options_text(root))
        raise SystemExit(0)
    comment_share(root)
    tree.main(check, [(without_thread, r"fs.h:\d+: .* Thread:"), (without_comment, "polyfs_planted does not say Owner"),
                      (without_return, "op.h.*@return"), (old_table, "options.md.*dev docs")])
