# SPDX-License-Identifier: Apache-2.0
"""What all lint checks share: a view of the sources, and a main that first proves that the check can fail.

A check is a function from a Tree to complaints, each "path:line: what is wrong and what to do". A plant is a copy of
the tree with one mistake put into it; the check must complain about that one, or the run fails.
"""
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile

FOLDERS = ("include", "core", "checkpoint", "plugins", "tools", "examples", "tests", "bindings", "bench", "cmake",
           "pkgconfig", "docs", ".ci")


class Tree:
    def __init__(self, root, build):
        self.root, self.build = os.path.abspath(root), os.path.abspath(build)
        self.written = set()
        self.only = None  # the paths to look at, where a check looks at each file by itself

    def files(self, *folders, ext=()):
        """Paths below the root, sorted; of all folders and the files at the top when none is named."""
        found = []
        if not folders:
            found = [name for name in os.listdir(self.root) if os.path.isfile(self.path(name))]
        for folder in folders or FOLDERS:
            for at, below, names in os.walk(self.path(folder)):
                below[:] = [name for name in below if name not in ("__pycache__", "node_modules", "target")]
                found += [os.path.relpath(os.path.join(at, name), self.root) for name in names]
        found = [path for path in found if not ext or path.endswith(tuple(ext))]
        return sorted(path for path in found if self.only is None or path in self.only)

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def built(self, *parts):
        return os.path.join(self.build, *parts)

    def text(self, path):
        with open(self.path(path), encoding="utf-8") as file:
            return file.read()

    def code(self, path):
        """C text with comments, strings and characters made blank, and every line where it was."""
        return blank(self.text(path))

    def allowed(self, path):
        """{name: reason} of a list of exceptions; a row is the name, two blanks or more, the reason."""
        rows = {}
        for number, line in enumerate(self.text(path).splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                name, _, reason = line.partition("  ")
                if not reason.strip():
                    raise SystemExit(f"{path}:{number}: {name} has no reason")
                rows[name.strip()] = reason.strip()
        return rows

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        if os.path.lexists(self.path(path)):
            os.unlink(self.path(path))  # in a copy it is a link to the file itself
        with open(self.path(path), "w", encoding="utf-8") as file:
            file.write(text)
        self.written.add(path)

    def append(self, path, text):
        self.write(path, self.text(path) + text)

    def replace(self, path, old, new):
        text = self.text(path)
        if old not in text:
            raise SystemExit(f"{path} holds no {old!r} any more: mend the plant")
        self.write(path, text.replace(old, new, 1))


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


@functools.lru_cache(2000)
def blank(text):
    def empty(match):
        body = match.group(0)
        kept = body[0] + " " * (len(body) - 2) + body[-1] if body[0] in "\"'" else " " * len(body)
        return "".join("\n" if c == "\n" else k for c, k in zip(body, kept))
    return TOKEN.sub(empty, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def need(program, package):
    """The path of a program; without it the check fails, it is never left out."""
    found = shutil.which(program)
    if not found:
        raise SystemExit(f"{program} is missing: apt-get install {package}")
    return found


def output(*command, **how):
    """(exit status, both outputs as text)."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **how)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def read(*command):
    """Standard output of a program that must go well."""
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    return done.stdout.decode("utf-8", "replace")


def link_or_copy(source, target):
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another filesystem, or one without links
        shutil.copy2(source, target, follow_symlinks=False)


def copy_of(tree, folder):
    """A tree of links, since a hundred copies of every file would be most of the time that lint takes."""
    paths = tree.files()
    for below in {os.path.dirname(path) for path in paths}:
        os.makedirs(os.path.join(folder, below), exist_ok=True)
    for path in paths:
        link_or_copy(tree.path(path), os.path.join(folder, path))
    return Tree(folder, tree.build)


def prove(tree, check, plants, narrow=False):
    """Every plant must be found. Returns what was not. @narrow: only what a plant has touched is looked at again."""
    missed = []
    for plant, expected in plants:
        with tempfile.TemporaryDirectory(prefix="polyfs-lint-", dir=tree.build) as folder:
            copy = copy_of(tree, folder)
            plant(copy)
            copy.only = copy.written if narrow else None
            found = list(check(copy))
            if not any(re.search(expected, complaint) for complaint in found):
                missed.append(f"planted mistake {plant.__name__} was not found (no complaint has {expected!r})")
    return missed


def main(check, plants, narrow=False):
    if len(sys.argv) < 3:
        raise SystemExit(f"usage: {sys.argv[0]} SOURCE BUILD")
    tree = Tree(sys.argv[1], sys.argv[2])
    complaints = list(check(tree))
    missed = prove(tree, check, plants, narrow)
    for complaint in complaints + missed:
        print(complaint)
    print(f"{len(complaints)} complaints, {len(plants) - len(missed)} of {len(plants)} planted mistakes found")
    raise SystemExit(1 if complaints or missed or not plants else 0)
