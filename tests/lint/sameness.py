# SPDX-License-Identifier: Apache-2.0
"""8. Plugins look alike, headers have their source, and what one file alone uses is static there."""
import glob
import os
import re
from collections import defaultdict

import tree

EVERY = {"CMakeLists.txt", "plugin.c", "fs.c", "list.c", "read.c", "write.c"}
REMOTE = EVERY | {"config.c", "client.c", "auth.c", "manage.c", "errors.c", "README.md"}
NEAR = {"local", "memory"}  # no network: no client, no credentials
NOT_STORES = {"support", "hints"}
# Objects that may share symbols: one library or program each.
ALLOW = "tests/lint/sameness.allow"
UNITS = {"core": ["core/CMakeFiles/polyfs-core.dir", "core/CMakeFiles/polyfs-no-static-plugins.dir",
                  "core/CMakeFiles/polyfs-manifest.dir"],
         "checkpoint": ["checkpoint/CMakeFiles/polyfs-checkpoint-objects.dir"],
         "tools/polyfs": ["tools/polyfs/CMakeFiles/polyfs-command.dir"]}


def check_files(sources):
    for folder in sorted(os.listdir(sources.path("plugins"))):
        if not os.path.isdir(sources.path("plugins", folder)) or folder in NOT_STORES:
            continue
        have = set(os.listdir(sources.path("plugins", folder)))
        for name in sorted((EVERY if folder in NEAR else REMOTE) - have):
            yield f"plugins/{folder}: has no {name}, which every such plugin has"
    for path in sources.files("core", "checkpoint", "plugins", "tools", ext=(".h",)):
        stem = path[:-2]
        alone = os.path.exists(sources.path(stem + ".c")) or glob.glob(sources.path(stem) + "_*.c")
        folder_wide = os.path.basename(stem) in (os.path.basename(os.path.dirname(path)), "run", "cli", "static_plugins")
        if not alone and not folder_wide:
            yield f"{path}: has no source of its stem"


def symbols(objects):
    """({name: object} that are defined for others, {name: objects} that use them)."""
    defined, used = {}, defaultdict(set)
    for line in tree.read("nm", "-A", *objects).splitlines():
        path, _, rest = line.partition(":")
        kind, name = rest.split()[-2:]
        if kind in "TDBRC":
            defined[name] = path
        elif kind == "U":
            used[name].add(path)
    return defined, used


def has_source(sources, path):
    """An object that is left of a source that is gone says nothing."""
    unit = os.path.relpath(path, sources.build)[:-2].split("/CMakeFiles/")
    source = os.path.join(unit[0], unit[1].split(".dir/", 1)[1])
    return os.path.exists(sources.path(source)) or "static_plugins" in path


def check_globals(sources, name, folders):
    objects = [path for folder in folders
               for path in glob.glob(sources.built(folder, "**/*.o"), recursive=True) if has_source(sources, path)]
    if not objects:
        yield f"{name}: no object files below {folders[0]}; build first"
        return
    yield from single_use(sources, name, objects)


def single_use(sources, name, objects):
    tested = set(re.findall(r"\w+", "".join(map(sources.text, sources.files("tests/unit", ext=(".cc", ".c"))))))
    defined, used = symbols(objects)
    allow = {key for key in sources.allowed(ALLOW) if key.startswith(name + "/")}
    for symbol, path in sorted(defined.items()):
        if not used[symbol] - {path} and not re.match(r"polyfs_|main$", symbol) and symbol not in tested:
            source = name + "/" + re.sub(r"\.o$", "", path.split(".dir/")[-1])
            if f"{source}:{symbol}" not in allow:
                yield f"{source}: {symbol} is used in this file alone; make it static"
            allow.discard(f"{source}:{symbol}")
    for key in sorted(allow):
        yield f"{ALLOW}: {key} is used by others or gone; take its row out"


def check(sources):
    yield from check_files(sources)
    units = dict(UNITS)
    for path in glob.glob(sources.built("plugins/*/CMakeFiles/polyfs-plugin-*.dir")):
        if not path.endswith("-static.dir"):
            units["plugins/" + path.split("/")[-3]] = [os.path.relpath(path, sources.build)]
    for name, folders in units.items():
        yield from check_globals(sources, name, folders)


def store_without_errors(copy):
    copy.write("plugins/planted/plugin.c", "")


def header_without_source(copy):
    copy.write("core/planted.h", "")


def global_for_nobody(copy):
    """An object of its own, since the build is not part of the copy."""
    folder = copy.path("built")
    copy.write("core/planted.c", "")
    copy.write("built/core/CMakeFiles/polyfs-core.dir/planted.c", "int planted_alone; int pfs_planted(void) { return planted_alone; }\n")
    at = os.path.join(folder, "core/CMakeFiles/polyfs-core.dir/planted.c")
    tree.read("gcc", "-c", at, "-o", at + ".o")
    copy.build = folder


if __name__ == "__main__":
    tree.main(check, [(store_without_errors, "plugins/planted: has no errors.c"), (header_without_source, "planted.h: has no source"),
                      (global_for_nobody, "pfs_planted is used in this file alone")])
