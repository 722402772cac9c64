# SPDX-License-Identifier: Apache-2.0
"""4. Who includes whom: what the preprocessor really read for each source, against design's table."""
import json
import os
import re
import shlex
from concurrent.futures import ThreadPoolExecutor

import tree

# Folders of libraries below /usr/include, and the name that the rules use.
LIBRARY = [("glib-2.0/", "glib"), ("curl/", "curl"), ("openssl/", "openssl"), ("expat", "expat"),
           ("jansson", "jansson"), ("fuse3/", "fuse"), ("gtest/", "gtest"), ("libxml2/", "libxml2"), ("gio", "gio")]
# What plugin.h brings with it is all that a plugin sees of the public headers.
CONTRACT = r"include/polyfs/(plugin|types|error|export)\.h"
PUBLIC = r"include/polyfs/\w+\.h"
NOT_CONTRACT = r"include/polyfs/(?!plugin\.h)\w+\.h"

# unit: (folder of the sources, headers of ours that it may read, libraries that it may read). The first match rules.
RULES = [
    (r"core/", rf"core/|{PUBLIC}", {"glib"}),
    (r"checkpoint/", rf"checkpoint/|{NOT_CONTRACT}", {"glib", "jansson"}),
    (r"plugins/support/", rf"plugins/support/|{CONTRACT}", {"glib", "curl", "openssl", "expat", "jansson"}),
    (r"plugins/(\w+)/", rf"plugins/\1/|plugins/support/|{CONTRACT}", {"glib", "curl", "openssl", "expat", "jansson"}),
    (r"tools/(\w+)/", rf"tools/\1/|{PUBLIC}", {"glib", "jansson", "fuse"}),
    (r"examples/([\w-]+)/", rf"examples/\1/|{PUBLIC}", set()),
    (r"examples/", PUBLIC, set()),
    (r"tests/conformance/bare\.c", rf"plugins/memory/|{CONTRACT}", set()),  # the memory plugin with slots taken away
    (r"tests/conformance/", rf"tests/conformance/|{PUBLIC}", {"gtest"}),
]


def commands(sources):
    """{source: compiler arguments} of every rule's sources, for this tree."""
    with open(sources.built("compile_commands.json"), encoding="utf-8") as file:
        rows = json.load(file)
    home = read_home(sources)
    found = {}
    for row in rows:
        path = os.path.relpath(row["file"], home)
        if path.startswith("..") or os.path.isabs(path) or not any(re.match(rule[0], path) for rule in RULES):
            continue
        if "POLYFS_STATIC" in row["command"] or not os.path.exists(sources.path(path)):
            continue
        words = shlex.split(row["command"].replace(home + "/", sources.root + "/").replace(home + " ", sources.root + " "))
        while not re.search(r"(gcc|g\+\+|cc|c\+\+|clang)(-\d+)?$", words[0]):
            del words[0]  # a compiler cache
        del words[words.index("-o"):words.index("-o") + 2]
        found[path] = [word for word in words if word not in ("-c", row["file"], sources.path(path))]
    return found


def read_home(sources):
    """The folder that the build was configured for; a planted copy is looked at with the same flags."""
    text = open(sources.built("CMakeCache.txt"), encoding="utf-8").read()
    return re.search(r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$", text, re.M).group(1)


def headers_of(sources, path, words):
    """What it reads, ours by their path below the root. A header that is not found is listed too, as it was written."""
    status, text = tree.output(*words, "-M", "-MG", "-MT", "x", sources.path(path), cwd=sources.build)
    if status:
        return [], text
    names = text.replace("\\\n", " ").split()[1:]
    full = [os.path.normpath(os.path.join(sources.build, name)) for name in names]
    return [os.path.relpath(name, sources.root) if name.startswith(sources.root + "/") else name for name in full], ""


def complaint(path, header, rule, unit):
    _, own, libraries = rule
    if not os.path.isabs(header):
        if header == path or re.match(own.replace(r"\1", unit.group(1) if unit.groups() else ""), header):
            return None
        return f"{path}:1: reads {header}, which design.md's table does not allow to {unit.group(0)}"
    for prefix, library in LIBRARY:
        if re.match(rf"/usr/(local/)?include/([\w.-]+-linux-gnu/)?{prefix}", header) and library not in libraries:
            return f"{path}:1: reads {header}: {unit.group(0)} may not use {library}"
    return None


def check_source(sources, path, words):
    rule = next(rule for rule in RULES if re.match(rule[0], path))
    unit = re.match(rule[0], path)
    headers, failure = headers_of(sources, path, words)
    if failure:
        return [f"{path}:1: cannot be preprocessed: {failure}"]
    missing = [name for name in headers if name.startswith(sources.build + "/") and not os.path.exists(name)]
    said = [f"{path}:1: includes {os.path.relpath(name, sources.build)}, which is not on its path" for name in missing]
    return said + list(filter(None, (complaint(path, header, rule, unit) for header in headers
                                     if header not in missing and not header.startswith(sources.build + "/"))))


def check(sources, only=r""):
    found = {path: words for path, words in commands(sources).items() if re.match(only, path)}
    if not only and len(found) < 100:
        yield f"compile_commands.json names {len(found)} sources only: build all first"
    with ThreadPoolExecutor(2) as pool:
        for said in pool.map(lambda row: check_source(sources, *row), found.items()):
            yield from said


def core_header_in_checkpoint(copy):
    copy.append("checkpoint/save.c", '#include "../core/reader.h"\n')


def contract_in_checkpoint(copy):
    copy.append("checkpoint/save.c", '#include "polyfs/plugin.h"\n')


def public_header_in_a_plugin(copy):
    copy.append("plugins/local/list.c", '#include "polyfs/fs.h"\n')


def plugin_in_a_plugin(copy):
    copy.append("plugins/local/list.c", '#include "../memory/store.h"\n')


def network_in_core(copy):
    copy.append("core/url.c", "#include <openssl/ssl.h>\n")


def internals_in_the_command(copy):
    copy.append("tools/polyfs/main.c", '#include "core/url.h"\n')


def planted_only(copy):
    """Preprocesses the sources that the plants touch, not all of them again for each."""
    return check(copy, r"checkpoint/save|plugins/local/list|core/url|tools/polyfs/main")


if __name__ == "__main__":
    root = tree.Tree(*tree.sys.argv[1:3])
    missed = tree.prove(root, planted_only, [
        (core_header_in_checkpoint, r"checkpoint/save.c:1: reads core/reader.h"),
        (contract_in_checkpoint, r"checkpoint/save.c:1: reads include/polyfs/plugin.h"),
        (public_header_in_a_plugin, r"plugins/local/list.c:1: reads include/polyfs/fs.h"),
        (plugin_in_a_plugin, r"plugins/local/list.c:1: reads plugins/memory/store.h"),
        (network_in_core, r"core/url.c:1: (reads|includes) .*openssl/ssl.h"),
        (internals_in_the_command, r"tools/polyfs/main.c:1: (reads|includes) .*core/url.h")])
    complaints = list(check(root)) + missed
    print("\n".join(complaints + [f"{len(complaints)} complaints, 6 planted mistakes"]))
    raise SystemExit(1 if complaints else 0)
