#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares polyfs's copy planner with an independent model of fsspec's rules on random cases.

plan_test.py PLAN_DUMP [CASES] [SEED]

The model was itself compared with fsspec 2026.9 on 30,000 random cases. Where polyfs departs on purpose, the model
here departs too, and says so ("ours").
"""
import functools
import random
import re
import subprocess
import sys

TOKEN = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]|.", re.S)


def strip(path):
    return "" if path == "/" else path.rstrip("/")


def magic(path):
    return any(c in path for c in "*?[")


class Model:
    def __init__(self, files, dirs):
        self.files, self.dirs = set(files), {""} | set(dirs)
        for name in list(files) + list(dirs):
            parts = name.split("/")
            for i in range(1, len(parts)):
                self.dirs.add("/".join(parts[:i]))

    def isdir(self, path):
        return strip(path) in self.dirs

    def exists(self, path):
        return strip(path) in self.dirs | self.files

    def find(self, root, maxdepth):
        """A folder with all below it; a file is itself."""
        root = strip(root)
        out = {root} if root and root in self.dirs else set()
        for name in self.files | self.dirs:
            if name != root and name.startswith(root + "/"):
                if maxdepth is None or name.count("/") - root.count("/") <= maxdepth:
                    out.add(name)
        if not out and root in self.files:
            out.add(root)
        return out


def segment(pattern):
    out = ""
    for token in TOKEN.findall(pattern):
        if token[0] == "*":
            out += "[^/]*"
        elif token == "?":
            out += "[^/]"
        elif token[0] == "[" and len(token) > 2:
            negate = token[1] == "!"
            body = token[2:-1] if negate else token[1:-1]
            out += "[" + ("^" if negate else "") + body.replace("\\", "\\\\").replace("]", "\\]").replace("^", "\\^") + "]"
        else:
            out += re.escape(token)
    return re.compile("(?s:" + out + ")\\Z")


def match(pattern, name):
    @functools.lru_cache(None)
    def at(i, j):
        if i == len(pattern):
            return j == len(name)
        if pattern[i] == "**":
            if i == len(pattern) - 1:
                return j < len(name)
            return any(at(i + 1, k) for k in range(j, len(name)))
        if j >= len(name):
            return False
        if pattern[i] == "*":
            return name[j] != "" and at(i + 1, j + 1)
        return bool(segment(pattern[i]).match(name[j])) and at(i + 1, j + 1)
    return at(0, 0)


def glob(model, path, maxdepth):
    only_dirs = path.endswith("/")
    path = strip(path)
    mark_dirs = only_dirs or path.endswith("/**")
    cut = path[:min(path.find(c) for c in "*?[" if c in path)].rfind("/")
    root, rest = path[:cut + 1], path[cut + 1:]
    depth = rest.count("/") + 1
    if "**" in path:
        depth = None if maxdepth is None else depth - (path[path.find("**"):].count("/") + 1) + maxdepth
    pattern = tuple((path + ("/" if only_dirs else "")).split("/"))
    return {c for c in model.find(root, depth)
            if match(pattern, tuple((c + "/" if mark_dirs and c in model.dirs else c).split("/")))}


def expand(model, path, recursive, maxdepth):
    out = set()
    if magic(path):
        out = glob(model, path, maxdepth)
        if recursive and maxdepth != 1:
            for found in sorted(out):
                out |= model.find(found, None if maxdepth is None else maxdepth - 1)
                out.add(found)
    elif recursive:
        out = model.find(path, maxdepth)
    elif model.exists(path):  # ours: what is not there is told before anything is copied
        out = {strip(path)}
    if not out:
        raise FileNotFoundError
    return sorted(out)


def plan(model, sources, target, recursive, maxdepth):
    goal = target.rstrip("/")
    if len(sources) > 1:
        # ours: each source of a list must match something, as a single one must
        names = sorted({p for s in sources for p in expand(model, s, recursive, maxdepth)})
        last = [p.rsplit("/", 1)[-1] for p in names]
        if len(set(last)) != len(last):
            raise ValueError  # ours: fsspec lets the later of two equal targets win
        return [(p, goal + "/" + p.rsplit("/", 1)[-1]) for p in names]
    source = sources[0]
    names = expand(model, source, recursive, maxdepth)
    if not recursive or maxdepth is not None:
        names = [p for p in names if not model.isdir(p)]
        if not names:
            return []
    into = (magic(source) and len(names) == 1) or (
        not magic(source) and (target.endswith("/") or model.isdir(target)) and not source.endswith("/"))
    if not magic(source):
        base = strip(source)  # ours: a plain folder stays that folder, however few files it has
    else:
        parts, n = [p.split("/") for p in names], 0
        while all(len(p) > n for p in parts) and len({p[n] for p in parts}) == 1:
            n += 1
        base = "/".join(parts[0][:n])
    if into:
        base = base.rsplit("/", 1)[0]
    return [(p, goal + p[len(base):]) for p in names]


def random_case(rng):
    names = ["a", "b", "ab", "a.b", "sub", ".h"]
    patterns = ["*", "?", "**", "a*", "*b", "[ab]", "[!a]", "*.*", "s?b"]
    files = {"/s/" + "/".join(rng.choice(names) for _ in range(rng.randint(1, 4))) for _ in range(rng.randint(1, 7))}
    files = {f for f in files if not any(g.startswith(f + "/") for g in files)}
    dirs = {"/t"} if rng.random() < .5 else set()

    def source():
        if rng.random() < .3:
            return "/".join(rng.choice(sorted(files)).split("/")[:rng.randint(2, 5)])
        return "/".join(["/s"] + [rng.choice(names if rng.random() < .5 else patterns) for _ in range(rng.randint(0, 3))])

    sources = [source() + ("/" if rng.random() < .3 else "")]
    if rng.random() < .1:
        sources = [source() for _ in range(rng.randint(2, 3))]
    target = "/t" + rng.choice(["", "/", "/new", "/new/"])
    return files, dirs, sources, target, rng.random() < .5, rng.choice([None, None, 1, 2, 3])


def expected(case):
    files, dirs, sources, target, recursive, maxdepth = case
    try:
        pairs = plan(Model(files, dirs), sources, target, recursive, maxdepth)
    except FileNotFoundError:
        return "!not_found"
    except ValueError:
        return "!invalid"
    return "|".join(f"{a}>{b}" for a, b in sorted(pairs))


def line_of(case):
    files, dirs, sources, target, recursive, maxdepth = case
    return "\t".join(["|".join(sorted(files)), "|".join(sorted(dirs)),
                      "|".join(sources), target, "01"[recursive], str(maxdepth or 0)])


def main():
    cases_wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    rng = random.Random(seed)
    cases = [random_case(rng) for _ in range(cases_wanted)]
    cases = [c for c in cases if len(set(c[2])) == len(c[2])]
    out = subprocess.run([sys.argv[1]], input="\n".join(map(line_of, cases)) + "\n", capture_output=True, text=True,
                         check=True).stdout.split("\n")
    different, planned = 0, 0
    for case, got in zip(cases, out):
        want = expected(case)
        planned += bool(want) and not want.startswith("!")
        if got and not got.startswith("!"):
            got = "|".join(sorted(got.split("|"), key=lambda pair: pair.split(">")))
        if got != want:
            different += 1
            if different <= 5:
                print("case", line_of(case).replace("\t", "   "), "\n  want", want, "\n  got ", got)
    print(f"{len(cases)} cases, seed {seed}: {planned} with a plan, {different} different")
    sys.exit(1 if different or planned < len(cases) // 10 else 0)


if __name__ == "__main__":
    main()
