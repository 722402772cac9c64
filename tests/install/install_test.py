#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""install_test.py SOURCE BUILD: install, move, use from outside (pkg-config, find_package, statically), build both example
plugins against it, list them, uninstall; and once more into a DESTDIR.
"""
import os
import random
import re
import shutil
import subprocess
import time

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
    check("an outside program by pkg-config", p.run(folder + "/outside", f"file://{folder}") == TOLD)


def outside_by_cmake(p):
    folder = p.temp + "/cmake"
    out = p.run("cmake", "-G", "Ninja", "-S", SOURCE + "/tests/install/outside", "-B", folder, f"-DCMAKE_PREFIX_PATH={p.prefix}")
    p.run("cmake", "--build", folder)
    check("find_package tells the folder of plugins", f"plugins: {p.prefix}/lib/polyfs/plugins-1" in out, out)
    check("an outside project by find_package",
          p.run(folder + "/outside", f"file://{folder}", LD_LIBRARY_PATH="") == TOLD)


def outside_statically(p):
    folder = p.temp + "/static"
    os.mkdir(folder)
    flags = p.run("pkg-config", "--cflags", "--libs", "polyfs-static").split()
    for source in (SOURCE + "/tests/install/outside/outside.c", SOURCE + "/examples/static/main.c"):
        p.run("cc", "-Wall", "-Wextra", "-Werror", "-o", folder + "/program", source, *flags)
        needed = run("ldd", folder + "/program")
        check(f"{os.path.basename(source)} carries polyfs within", "libpolyfs" not in needed, needed)
        # No plugin folder is left that it could find: the plugins are in the program too.
        out = run(folder + "/program", "memory://somewhere/x", env={"POLYFS_PLUGIN_PATH": ""})
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
    told = p.run("make", "-C", p.temp + "/plugin-cpp", "check")
    check("flatdir passes polyfs-conform", re.search(r"  all +\d+ +0 +0\n", told), told)


def kills(p):
    """Writers of the append-only file are killed in the middle: what was there stays, what was not whole is not there."""
    folder, big = p.temp + "/onefile", p.temp + "/big"
    os.mkdir(folder)
    with open(big, "wb") as out:
        out.write(bytes(64 << 20))
    file, env = folder + "/objects.onefile", p.env | {"ONEFILE_FOLDER": folder}
    run("polyfs", "put", SOURCE + "/LICENSE", "onefile://kept", env=env)
    torn = whole = 0
    for _ in range(60):
        before = os.path.getsize(file)
        writer = subprocess.Popen(["polyfs", "put", big, "onefile://big"], env=env, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0.005, 0.2))
        writer.kill()
        writer.wait()
        grown = os.path.getsize(file) > before
        there = "big" in run("polyfs", "ls", "onefile://", env=env)
        whole += there
        check("what was there stays", run("polyfs", "cat", "onefile://kept", env=env) == open(SOURCE + "/LICENSE").read())
        if there:
            run("polyfs", "rm", "onefile://big", env=env)
        elif grown:
            torn += 1
            run("polyfs", "put", SOURCE + "/dev", "onefile://next", env=env)
            check("a torn record is cut off", os.path.getsize(file) < before + (1 << 20))
            check("and writing goes on", run("polyfs", "cat", "onefile://next", env=env) == open(SOURCE + "/dev").read())
        if torn >= 3:
            break
    check(f"{torn} torn and {whole} whole records after kills", torn >= 3)


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
        kills(p)
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
