# SPDX-License-Identifier: Apache-2.0
"""6b. An array that crosses the contract is stepped through by its stride: never by [], + or ++ on its typed pointer.

What crosses is read from plugin.h: members with a stride beside them, and parameters beside one named stride.
"""
import re

import tree

HEADER = "include/polyfs/plugin.h"
ROW = r"polyfs_(?:kv|source|part|remove_item|upload_row|entry|option)\b"
# The one place that indexes a request, and may: its rows are core's own, made of the caller's.
OWN_ROWS = ("core/put.c", "request->metadata[")
SOURCES = ("core", "plugins")
STRUCT = re.compile(r"^struct (\w+) \{\n(.*?)^\};", re.M | re.S)
FUNCTION = re.compile(r"^[a-z][^;{}=]*?\(([^;{}]*)\)\s*\n\{\n(.*?)^\}", re.M | re.S)


def members(sources):
    """Names of members that have a stride: "x_stride" with "x" or "xs", or one "stride" for the struct's only array."""
    found = set()
    for _, body in STRUCT.findall(sources.code(HEADER)):
        for stride in re.findall(r"\b(\w+_)?stride;", body):
            arrays = re.findall(r"struct \w+ \*(\w+);", body)
            stem = stride.rstrip("_")
            found |= {name for name in arrays if not stem or name in (stem, stem + "s")}
    return found


def stepped(name):
    """Code that moves along a pointer of this name as if its rows had the size that we know."""
    return rf"(?<![\w>.]){name}\s*\[|(?<![\w)]){name}\s*\+(?!=?\s*\w+\s*\*\s*\w*stride)|\+\+{name}\b|\b{name}\s*\+\+"


def check_members(path, code, names):
    group = "|".join(sorted(names))
    pattern = (rf"(?:\w+->|\w+\.)(?:{group})\s*\[|"
               rf"(?<!\)\))(?<!\*\))\b\w+(?:->|\.)(?:{group})\s*\+\s|"
               rf"struct {ROW} \*\w+ = \w+(?:->|\.)(?:{group});")
    for match in re.finditer(pattern, code):
        if (path, match.group(0)) == OWN_ROWS:
            continue
        yield f"{path}:{tree.line_of(code, match.start())}: {match.group(0)}: rows are a stride apart"


def check_parameters(path, code):
    for match in FUNCTION.finditer(code):
        if not re.search(r"\buint64_t \w*stride\b", match.group(1)):
            continue
        for name in re.findall(rf"struct {ROW} \*(\w+)", match.group(1)):
            for use in re.finditer(stepped(name), match.group(2)):
                if re.search(r"\(const char \*\)$|\(char \*\)$", match.group(2)[:use.start()]):
                    continue
                line = tree.line_of(code, match.start(2) + use.start())
                yield f"{path}:{line}: {use.group(0)}: rows are a stride apart"


def check(sources):
    names = members(sources)
    if not {"metadata", "extra", "entries", "options"} <= names:
        yield f"{HEADER}:1: its strided members are not recognised any more (found {sorted(names)}); mend this check"
        return
    for path in sources.files(*SOURCES, ext=(".c", ".h")):
        code = sources.code(path)
        yield from check_members(path, code, names)
        yield from check_parameters(path, code)


def member_by_index(copy):
    copy.append("plugins/local/meta.c", "int f(const struct polyfs_put_request *request) { return request->metadata[1].key != 0; }\n")


def member_by_alias(copy):
    copy.append("core/list.c", "void f(struct polyfs_page *page)\n{\n    const struct polyfs_entry *row = page->entries;\n}\n")


def parameter_by_index(copy):
    copy.append("plugins/memory/part.c", "static int f(struct polyfs_part *parts, uint64_t stride)\n{\n    return parts[1].flags;\n}\n")


def parameter_by_sum(copy):
    copy.append("plugins/memory/part.c", "static int f(struct polyfs_part *parts, uint64_t stride)\n{\n    return (parts + 1)->flags;\n}\n")


if __name__ == "__main__":
    tree.main(check, [(member_by_index, "meta.c.*stride"), (member_by_alias, "list.c.*stride"),
                      (parameter_by_index, r"part.c.*parts\["), (parameter_by_sum, r"part.c.*parts \+")])
