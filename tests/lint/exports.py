# SPDX-License-Identifier: Apache-2.0
"""2. What the libraries export is what the headers declare and the version scripts allow; a plugin exports one name."""
import fnmatch
import glob
import os
import re
import tempfile

import tree

LIBRARIES = {"libpolyfs.so": "core/polyfs.map", "libpolyfs-checkpoint.so": "checkpoint/checkpoint.map"}
CHECKPOINT = ("async.h", "checkpoint.h", "policy.h", "tensor.h")  # headers of the checkpoint library
VERSION = "POLYFS_0"
ENTRY = "polyfs_plugin_v1"


def exported(library):
    """{name: version} of the dynamic symbols that it defines."""
    found = {}
    for line in tree.read("nm", "-D", "--defined-only", library).splitlines():
        name, _, version = line.split()[-1].partition("@")
        if line.split()[-2] != "A":
            found[name] = version.strip("@")
    return found


def declared(sources, library):
    names = set()
    for path in sources.files("include", ext=(".h",)):
        if (os.path.basename(path) in CHECKPOINT) != ("checkpoint" in library):
            continue
        names |= set(re.findall(r"^POLYFS_API\b[^;(]*?\b(polyfs_\w+)\s*\(", sources.code(path), re.M))
    return names


def check_library(sources, name, script):
    have = exported(sources.built("lib", name))
    promised = declared(sources, name)
    text = sources.code(script)
    patterns = re.findall(r"\b(polyfs_[\w*]+)\s*;", text)
    if not re.search(rf"\b{VERSION}\s*{{", text) or "local: *;" not in text:
        yield f"{script}: it must define {VERSION} and keep the rest local"
    for symbol in sorted(set(have) - promised):
        yield f"{name}: exports {symbol}, which no public header declares"
    for symbol in sorted(promised - set(have)):
        yield f"{name}: does not export {symbol}, which a public header declares"
    for symbol, version in sorted(have.items()):
        if version != VERSION:
            yield f"{name}: {symbol} has version \"{version}\", not {VERSION}"
        if not any(fnmatch.fnmatchcase(symbol, pattern) for pattern in patterns):
            yield f"{script}: does not name {symbol}"
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(symbol, pattern) for symbol in have):
            yield f"{script}: {pattern} is exported by nobody"


def check_plugin(path):
    have = sorted(exported(path))
    if have != [ENTRY]:
        yield f"{os.path.basename(path)}: exports {' '.join(have) or 'nothing'} instead of {ENTRY} alone"


def check(sources):
    tree.need("nm", "binutils")
    for name, script in LIBRARIES.items():
        yield from check_library(sources, name, script)
    plugins = glob.glob(sources.built("lib/polyfs/plugins-1/*.so"))
    if not plugins:
        yield "lib/polyfs/plugins-1: there is no plugin; build first"
    for path in plugins:
        yield from check_plugin(path)


def declared_only(copy):
    copy.append("include/polyfs/url.h", "POLYFS_API int polyfs_planted(void);\n")


def exported_only(copy):
    copy.replace("include/polyfs/url.h", "POLYFS_API", "extern")


def not_in_the_map(copy):
    copy.replace("checkpoint/checkpoint.map", "polyfs_ckpt_*", "polyfs_ckpt_save*")


def planted_plugin():
    """A plugin with two names too many and one of libpolyfs's that it should not know."""
    with tempfile.TemporaryDirectory(prefix="polyfs-lint-") as folder:
        source, library = os.path.join(folder, "p.c"), os.path.join(folder, "p.so")
        with open(source, "w", encoding="utf-8") as file:
            file.write("int polyfs_plugin_v1(void){return 0;}\nint helper(void){return 0;}\n")
        tree.read("gcc", "-shared", "-fPIC", "-o", library, source)
        return list(check_plugin(library))


if __name__ == "__main__":
    if not any("helper" in complaint for complaint in planted_plugin()):
        raise SystemExit("a plugin with a second exported name was not found")
    tree.main(check, [(declared_only, "does not export polyfs_planted"), (exported_only, "no public header declares"),
                      (not_in_the_map, "checkpoint.map: does not name")])
