#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""install_test.py SOURCE BUILD: install, move, use from outside (pkg-config, find_package, statically), build both example
plugins against it, list them, uninstall; and once more into a DESTDIR.
"""
import os
import shutil

from prefix import BUILD, SOURCE, Prefix, check, need, run

TOLD = "from outside\ncheckpoints: 1\n"


def files_are_there(p):
    for name in ("bin/polyfs", "bin/polyfs-conform", "share/man/man1/polyfs.1",
                 "share/bash-completion/completions/polyfs", "include/polyfs/plugin.h"):
        check(f"{name} is installed", os.path.getsize(f"{p.prefix}/{name}") > 0)
    check("the command runs", "polyfs" in p.run("polyfs", "version"))
    check("the completion is bash", p.run("bash", "-c", f". {p.prefix}/share/bash-completion/completions/polyfs; complete -p polyfs"))
    needed = p.run("ldd", f"{p.prefix}/bin/polyfs-conform")
    check("polyfs-conform carries GoogleTest within", "gtest" not in needed, needed)


def outside_by_pkg_config(p):
    folder = p.temp + "/pkg-config"
    os.mkdir(folder)
    flags = p.run("pkg-config", "--cflags", "--libs", "polyfs-checkpoint").split()
    source = SOURCE + "/tests/install/outside/outside.c"
    p.run("cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-o", folder + "/outside", source, *flags)
    check("an outside program by pkg-config", p.run(folder + "/outside", f"file://{folder}/data") == TOLD)


def outside_by_cmake(p):
    folder = p.temp + "/cmake"
    out = p.run("cmake", "-G", "Ninja", "-S", SOURCE + "/tests/install/outside", "-B", folder, f"-DCMAKE_PREFIX_PATH={p.prefix}")
    p.run("cmake", "--build", folder)
    check("find_package tells the folder of plugins", f"plugins: {p.prefix}/lib/polyfs/plugins-1" in out, out)
    check("an outside project by find_package",
          p.run(folder + "/outside", f"file://{folder}/data", LD_LIBRARY_PATH="") == TOLD)


def outside_statically(p):
    folder = p.temp + "/static"
    os.mkdir(folder)
    flags = p.run("pkg-config", "--cflags", "--libs", "polyfs-static").split()
    for source in (SOURCE + "/tests/install/outside/outside.c", SOURCE + "/examples/static/main.c"):
        p.run("cc", "-Wall", "-Wextra", "-Werror", "-o", folder + "/program", source, *flags)
        needed = run("ldd", folder + "/program")
        check(f"{os.path.basename(source)} carries polyfs within", "libpolyfs" not in needed, needed)
        # No plugin folder is left that it could find: the plugins are in the program too.
        out = run(folder + "/program", f"file://{folder}/data", env={"POLYFS_PLUGIN_PATH": ""})
        check("and runs without a plugin folder", "outside" in out or "carried within" in out, out)


def plugins(p):
    for name, language in (("onefile", "c"), ("flatdir", "cpp")):
        folder = f"{p.temp}/plugin-{language}"
        shutil.copytree(f"{SOURCE}/examples/plugin-{language}", folder, ignore=shutil.ignore_patterns("*.so", "*.plugin"))
        p.run("make", "-C", folder, "CFLAGS=-O2 -Wall -Wextra -Wno-unused-parameter -Werror",
              "CXXFLAGS=-O2 -Wall -Wextra -Werror")
        symbols = p.run("nm", "-D", "--defined-only", f"{folder}/polyfs-{name}.so").split()[2::3]
        check(f"{name} exports its entry alone", [s for s in symbols if not s.startswith("_Z")] == ["polyfs_plugin_v1"], symbols)
        p.run("make", "-C", folder, "install")
    known = p.run("polyfs", "known-implementations", "--check")
    for name in ("onefile", "flatdir"):
        row = [line for line in known.splitlines() if line.startswith(name)]
        check(f"known-implementations lists {name} as available", row and "available" in row[0], known)
    # The C++ one here; the C one is what the guide builds, and guide_test.py runs the suite on that.
    print(p.run("make", "-C", p.temp + "/plugin-cpp", "check"))
    check("flatdir passes polyfs-conform", True)


def removal(p, own):
    """What others put there stays; all else goes, and the folders with it."""
    p.dev("uninstall")
    check("uninstall left nothing but what is not its own", p.files() == own, p.files())
    for path in own:
        os.unlink(path)


def main():
    need("pkg-config", "cmake", "make", "cc", "ninja")
    with Prefix() as p:
        p.dev("install", "--prefix", p.prefix)
        installed = p.files()
        p.dev("install", "--prefix", p.prefix)
        check("installing again changes nothing", p.files() == installed)
        shutil.copytree(p.prefix, p.temp + "/moved", symlinks=True)
        os.rename(p.prefix, p.temp + "/away")
        p.at(p.temp + "/moved")
        files_are_there(p)
        outside_by_pkg_config(p)
        outside_by_cmake(p)
        plugins(p)
        shutil.rmtree(p.prefix + "/lib/polyfs/plugins-1")
        outside_statically(p)
        os.rename(p.temp + "/away", p.temp + "/prefix")
        p.at(p.temp + "/prefix")
        theirs = p.prefix + "/lib/polyfs/plugins-1/theirs.plugin"
        open(theirs, "w").close()
        removal(p, [theirs])
    with Prefix() as p:
        p.dev("install", "--prefix", "/opt/somewhere", "--destdir", p.temp + "/stage")
        check("all of it is below DESTDIR", len(p.files(p.temp + "/stage/opt/somewhere")) == len(installed) > 30)
        p.dev("uninstall")
        check("and gone again", not os.path.exists(p.temp + "/stage/opt"))


if __name__ == "__main__":
    main()
