# SPDX-License-Identifier: Apache-2.0
"""3. Who links whom: NEEDED of each file against design's table; plugins import nothing of polyfs; -z defs is on."""
import glob
import os
import re
import tempfile

import tree

C = r"libc\.so\.6|libm\.so\.6|libdl\.so\.2|libpthread\.so\.0|ld-linux-x86-64\.so\.2|ld-linux-aarch64\.so\.1"
GLIB = r"libglib-2\.0\.so\.0"
JANSSON = r"libjansson\.so\.4"
SUPPORT = GLIB + "|" + JANSSON + r"|libcurl\.so\.4|libssl\.so\.3|libcrypto\.so\.3|libexpat\.so\.1"
POLYFS = r"libpolyfs\.so\.0"
CHECKPOINT = r"libpolyfs-checkpoint\.so\.0"

# Which libraries a file may need beside the C library's own. A plugin that uses plugins/support gets what that needs.
ALLOWED = {
    "lib/libpolyfs.so": GLIB,
    "lib/libpolyfs-checkpoint.so": f"{POLYFS}|{GLIB}|{JANSSON}",
    "bin/polyfs": f"{POLYFS}|{CHECKPOINT}|{GLIB}|{JANSSON}",
    "bin/hello": POLYFS,
    "bin/epoll": POLYFS,
    "bin/train": f"{POLYFS}|{CHECKPOINT}",
}
PLUGIN = {"local": GLIB, "memory": GLIB}  # no network library in these two


def needed(path):
    return re.findall(r"\(NEEDED\).*\[(.+)\]", tree.read("readelf", "-d", path))


def check_needed(path, name, allowed):
    for library in needed(path):
        if not re.fullmatch(f"{C}|{allowed}", library):
            yield f"{name}: needs {library}, which design.md's table does not allow"


def check_imports(path, name):
    for line in tree.read("nm", "-D", "--undefined-only", path).splitlines():
        symbol = line.split()[-1]
        if symbol.startswith(("polyfs_", "pfs_")):
            yield f"{name}: imports {symbol}; what a plugin needs of core comes in the host table"


def check_defs(sources):
    """Every shared object of ours is linked with -z defs, as the build files say."""
    text = open(sources.built("build.ninja"), encoding="utf-8").read()
    for match in re.finditer(r"^build (\S+\.so\S*)[^\n]*: C(?:XX)?_(?:SHARED|MODULE)_LIBRARY_LINKER(.*?)\n\n", text, re.M | re.S):
        if not match.group(1).startswith("tests/") and "-Wl,-z,defs" not in match.group(2):
            yield f"{match.group(1)}: is linked without -Wl,-z,defs"


def check(sources):
    tree.need("readelf", "binutils")
    for name, allowed in ALLOWED.items():
        yield from check_needed(sources.built(name), name, allowed)
    for path in glob.glob(sources.built("lib/polyfs/plugins-1/*.so")):
        name = re.sub(r"^polyfs-|\.so$", "", os.path.basename(path))
        yield from check_needed(path, f"plugin {name}", PLUGIN.get(name, SUPPORT))
        yield from check_imports(path, f"plugin {name}")
    yield from check_defs(sources)


def planted(folder, sources):
    """A plugin that calls core and brings a network library."""
    source, library = os.path.join(folder, "p.c"), os.path.join(folder, "p.so")
    with open(source, "w", encoding="utf-8") as file:
        file.write("void polyfs_free(void *);\nvoid polyfs_plugin_v1(void){polyfs_free(0);}\n")
    tree.read("gcc", "-shared", "-fPIC", "-o", library, source, "-L", sources.built("lib"), "-lpolyfs",
              "-Wl,--no-as-needed", "-lz" if glob.glob("/usr/lib/*/libz.so") else "-lstdc++")
    return list(check_needed(library, "planted", GLIB)) + list(check_imports(library, "planted"))


def without_defs(copy):
    """build.ninja itself is not part of the copy: a build folder with one link line spoilt."""
    text = open(os.path.join(copy.build, "build.ninja"), encoding="utf-8").read()
    os.makedirs(copy.path("planted"))
    for name in ("lib", "bin"):
        os.symlink(os.path.join(copy.build, name), copy.path("planted", name))
    copy.write("planted/build.ninja", text.replace("-Wl,-z,defs", ""))
    copy.build = copy.path("planted")


if __name__ == "__main__":
    root = tree.Tree(*tree.sys.argv[1:3])
    with tempfile.TemporaryDirectory(prefix="polyfs-lint-") as place:
        said = "\n".join(planted(place, root))
        if not re.search("needs libpolyfs", said) or not re.search("imports polyfs_free", said):
            raise SystemExit(f"a plugin that links core was not found: {said}")
    tree.main(check, [(without_defs, "without -Wl,-z,defs")])
