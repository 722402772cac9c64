# SPDX-License-Identifier: Apache-2.0
"""What the linker and compiler were asked for is in the files: RELRO, BIND_NOW, NX, PIE, no RPATH outside, canaries,
FORTIFY, and on x86-64 landing pads for CET (Debian's crt files carry no marks, so the files as wholes do not either)."""
import glob
import os
import platform
import re
import tempfile

import tree

PROGRAMS = ("bin/polyfs", "bin/polyfs-manifest", "bin/hello", "bin/epoll")
FORTIFIED = ("lib/libpolyfs.so", "lib/libpolyfs-checkpoint.so", "bin/polyfs")


def check_file(path, name, program, fortified):
    headers, dynamic = tree.read("readelf", "-lW", path), tree.read("readelf", "-dW", path)
    symbols = tree.read("nm", "-D", "--undefined-only", path)
    wanted = {
        "RELRO": "GNU_RELRO" in headers,
        "BIND_NOW": bool(re.search(r"BIND_NOW|FLAGS_1.*\bNOW\b", dynamic)),
        "a stack that is not executable": bool(re.search(r"GNU_STACK.* RW ", headers)),
        "segments that are not both writable and executable": not re.search(r"LOAD.* RWE ", headers),
        "no text relocations": "TEXTREL" not in dynamic,
    }
    if program:
        wanted["PIE"] = bool(re.search(r"FLAGS_1.*\bPIE\b", dynamic))
    if fortified:
        wanted["FORTIFY"] = bool(re.search(r"__\w+_chk@", symbols))
        wanted["stack protector"] = "__stack_chk_fail" in symbols
    if platform.machine() == "x86_64":
        wanted["CET"] = lands_everywhere(path, program)
    for what, there in wanted.items():
        if not there:
            yield f"{name}: lacks {what}"


def lands_everywhere(path, program):
    """Whether each function that others call through a pointer begins with a landing pad."""
    code = tree.read("objdump", "-d", "-j.text", path)
    pads = set(re.findall(r"^[0-9a-f]+ <(\w+)>:\n[^\n]*endbr64", code, re.M))
    exported = re.findall(r" T (\w+)", tree.read("nm", "-D", "--defined-only", path))
    return set(["main"] if program else exported) <= pads


def check(sources):
    files = [("lib/libpolyfs.so", False), ("lib/libpolyfs-checkpoint.so", False)] + [(name, True) for name in PROGRAMS]
    files += [(os.path.relpath(path, sources.build), False) for path in glob.glob(sources.built("lib/polyfs/plugins-1/*.so"))]
    for name, program in files:
        fortified = name in FORTIFIED or "plugins-1" in name
        yield from check_file(sources.built(name), name, program, fortified)


def planted():
    """A library and a program with every one of them switched off."""
    with tempfile.TemporaryDirectory(prefix="polyfs-lint-") as folder:
        source, library, program = (os.path.join(folder, name) for name in ("p.c", "p.so", "p"))
        with open(source, "w", encoding="utf-8") as file:
            file.write("int main(void) { char b[64]; __builtin_memset(b, 1, 64); return b[3]; }\n")
        off = ["-fno-stack-protector", "-U_FORTIFY_SOURCE", "-fcf-protection=none", "-Wl,-z,norelro,-z,lazy,-z,execstack"]
        tree.read("gcc", *off, "-shared", "-fPIC", "-o", library, source)
        tree.read("gcc", *off, "-no-pie", "-o", program, source)
        return "\n".join([*check_file(library, "planted", False, True), *check_file(program, "planted", True, True)])


if __name__ == "__main__":
    tree.need("objdump", "binutils")
    said = planted()
    missed = [what for what in ("RELRO", "BIND_NOW", "executable", "PIE", "FORTIFY", "stack protector") if what not in said]
    if platform.machine() == "x86_64" and "CET" not in said:
        missed.append("CET")
    complaints = list(check(tree.Tree(*tree.sys.argv[1:3]))) + [f"a file without {what} was not found" for what in missed]
    print("\n".join(complaints + [f"{len(complaints)} complaints"]))
    raise SystemExit(1 if complaints else 0)
