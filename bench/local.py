#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench local: polyfs on files beside the tool that people would use instead, in one run.

usage: local.py BIN-FOLDER [ROUNDS]

Each row runs ours and the other in turn, ROUNDS (9) times, the first of the two changing each round, with the disk
quiet before each. Medians are compared. The table goes to bench/results/local.tsv with machine, date and commit.
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

from common import GIB, machine, medians, run, write_table

FILES = 100_000


def rounds(helper, ours, other, count, before):
    """Medians of (wall, cpu, peak) of both, run in turn."""
    figures = ([], [])
    for number in range(count + 1):
        for which in ((0, 1), (1, 0))[number % 2]:
            before()
            os.sync()
            figure = run(helper, (ours, other)[which])
            if number:  # the first round warms up
                figures[which].append(figure)
    return [medians(rows) for rows in figures]


class Bench:
    def __init__(self, binaries, folder, count):
        self.binaries, self.folder, self.count, self.rows = binaries, folder, count, []
        self.polyfs, self.helper = os.path.join(binaries, "polyfs"), os.path.join(binaries, "bench_local")

    def path(self, name):
        return os.path.join(self.folder, name)

    def row(self, name, ours, other, ratio, target, reached):
        words = [f"{value:.3f}" for value in ours[:2]] + [f"{value:.3f}" for value in other[:2]] if other else \
            [f"{ours[0]:.6f}", f"{ours[1]:.6f}", "-", "-"]
        self.rows.append([name, *words, f"{ours[2]:.0f}", f"{ratio:.3f}", target, "yes" if reached else "NO"])
        print("  ".join(self.rows[-1]), flush=True)

    def fresh(self):
        for name in ("copy", "folder"):
            path = self.path(name)
            if os.path.isfile(path):
                os.remove(path)
            elif os.path.isdir(path):
                shutil.rmtree(path)
        os.mkdir(self.path("folder"))

    def copies(self):
        run(self.helper, [self.helper, "write", self.path("big"), str(GIB)])
        big, target = self.path("big"), self.path("folder/copy")
        ours, other = rounds(self.helper, [self.polyfs, "cp", "-q", big, target], ["cp", big, target], self.count, self.fresh)
        self.row("copy 1 GiB, durability none | cp", ours, other, other[0] / ours[0], ">= 0.95", other[0] / ours[0] >= .95)
        ours, other = rounds(self.helper, [self.polyfs, "cp", "-q", "--durable", big, target],
                             ["sh", "-c", f"cp {big} {target} && sync {target} {self.path('folder')}"], self.count, self.fresh)
        self.row("copy 1 GiB, durability full | cp, sync FILE FOLDER", ours, other, other[0] / ours[0], ">= 0.95",
                 other[0] / ours[0] >= .95)
        ours, other = rounds(self.helper, [self.helper, "put", target, str(GIB)], [self.helper, "write", target, str(GIB)], self.count,
                             self.fresh)
        self.row("put 1 GiB from memory | write, fsync", ours, other, other[0] / ours[0], ">= 0.95", other[0] / ours[0] >= .95)
        os.remove(big)

    def listing(self):
        many = self.path("many")
        os.mkdir(many)
        for number in range(FILES):
            with open(os.path.join(many, f"object-{number:06}"), "wb") as file:
                file.write(b"x" * (number % 7))
        ours, other = rounds(self.helper, [self.helper, "list", "file://" + many],
                             ["find", many, "-printf", "%p %y %s %T@\\n"], self.count, lambda: None)
        self.row("list 100,000 files with type, size, mtime | find -printf", ours, other, ours[0] / other[0], "<= 1.3",
                 ours[0] / other[0] <= 1.3)
        shutil.rmtree(many)

    def small(self, name, words, most_s, most_kib=None):
        figures = [run(self.helper, words) for _ in range(self.count + 1)][1:]
        ours = medians(figures)
        target = f"<= {most_s * 1000:.0f} ms" + (f", {most_kib // 1024} MiB" if most_kib else "")
        self.row(name, ours, None, ours[0] / most_s, target, ours[0] <= most_s and (not most_kib or ours[2] <= most_kib))

    def calls(self):
        ns = statistics.median(float(subprocess.run([self.helper, "call", "1000000"], check=True, capture_output=True).stdout)
                               for _ in range(self.count))
        self.row("stat in memory, all layers and the plugin", (ns / 1e9, ns / 1e9, 0), None, ns / 2000, "<= 2 us", ns <= 2000)


def main():
    binaries, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 9
    head = ["row", "ours_s", "ours_cpu_s", "other_s", "other_cpu_s", "ours_peak_kib", "ratio", "target", "reached"]
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        bench = Bench(binaries, folder, count)
        print("  ".join(head), flush=True)
        bench.copies()
        bench.listing()
        bench.small("polyfs known-implementations", [bench.polyfs, "known-implementations"], .010, 10240)
        with open(bench.path("note"), "w", encoding="utf-8") as file:
            file.write("hello\n")
        bench.small("examples/hello.c on a local file", [os.path.join(binaries, "hello"), bench.path("note")], .005)
        bench.calls()
        about = machine(folder)
    write_table("local", about, f"medians of {count} interleaved rounds", [head, *bench.rows])
    missed = [row[0] for row in bench.rows if row[-1] != "yes"]
    print("missed: " + "; ".join(missed) if missed else "every target is reached")


if __name__ == "__main__":
    main()
