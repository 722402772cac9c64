#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench hdfs: polyfs beside pyarrow and a bare loop over libhdfs, on one name node and one data node, in one run.

usage: hdfs.py BIN-FOLDER [--rounds N] [--jobs put,get,…]

All run in turn, N (5) rounds, in an order that turns with each; medians are compared. A figure is that of a process: Java's
start is in each. The bare loop (hdfs_floor.c) makes up what it writes and drops what it reads, one stream, 1 MiB at a time.
The table goes to bench/results/hdfs.tsv. Targets: 0.95 of the bare loop, and at most 64 MiB above it.
"""
import argparse
import datetime
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tests/servers"))
import servers  # noqa: E402
from local import GIB, machine, make_room, run, write_file, write_many  # noqa: E402

SMALL, SMALL_BYTES, MANY = 2000, 4096, 20000
JOBS = {"put": "library polyfs pyarrow floor", "cat": "library polyfs pyarrow floor", "get": "library polyfs pyarrow",
        "small-put": "library pyarrow", "small-get": "library pyarrow", "list": "library polyfs pyarrow", "cold": "polyfs pyarrow"}
HEAD = ["job", "client", "wall_s", "cpu_s", "peak_mib", "wall_of_pyarrow", "wall_of_floor", "target", "reached"]


class Bench:
    def __init__(self, binaries, folder):
        self.bin, self.folder, self.figures, self.rows = binaries, folder, {}, []
        self.server = servers.Hdfs(folder).start()
        os.environ.update(self.server.settings())
        java = os.path.join(os.environ["JAVA_HOME"], "lib", "server")
        os.environ.update(ARROW_LIBHDFS_DIR=os.path.dirname(os.environ["POLYFS_LIBHDFS"]), LD_LIBRARY_PATH=java)
        self.file, self.back = os.path.join(folder, "big"), os.path.join(folder, "back")
        self.host, self.port = self.server.url().removeprefix("hdfs://").split(":")

    def ours(self, name, *words):
        return [os.path.join(self.bin, name), *words]

    def prepare(self):
        write_file(self.file, os.urandom)
        for name in ("", "/small"):
            subprocess.run(self.ours("polyfs", "mkdir", "-p", f"hdfs:///bench{name}"), check=True)
        subprocess.run(self.ours("polyfs", "cp", "-q", self.file, "hdfs:///bench/reference"), check=True)
        tree = os.path.join(self.folder, "many")
        write_many(tree, MANY)
        subprocess.run(self.ours("polyfs", "cp", "-q", "-r", tree, "hdfs:///bench/many"), check=True)

    def words(self, job):
        return {"put": ["put", "big", self.file], "get": ["get", "reference", self.back], "cat": ["cat", "reference"],
                "small-put": ["small-put", str(SMALL), str(SMALL_BYTES)], "small-get": ["small-get", str(SMALL)],
                "list": ["list", "many/"], "cold": ["list", "many/object-000001"]}[job]

    def command(self, client, job):
        url, words = "hdfs:///bench", self.words(job)
        if client == "library":
            return self.ours("bench_s3", words[0], url, *words[1:])
        if client == "polyfs":
            return {"put": self.ours("polyfs", "cp", "-q", self.file, f"{url}/big"), "get": self.ours("polyfs", "cp", "-q", f"{url}/reference", self.back),
                    "cat": ["sh", "-c", f"exec {self.bin}/polyfs cat {url}/reference >/dev/null"], "list": self.ours("polyfs", "ls", f"{url}/many/"),
                    "cold": self.ours("polyfs", "ls", f"{url}/many/object-000001")}[job]
        if client == "floor":
            path = "/bench/reference" if job == "cat" else "/bench/big"
            return self.ours("hdfs_floor", "get" if job == "cat" else "put", self.host, self.port, path, str(GIB))
        return [servers.client_python("pyarrow"), os.path.join(HERE, "hdfs_peer.py"), self.host, self.port, *words]

    def rounds(self, count, jobs):
        for number in range(count + 1):
            for job in jobs:
                clients = JOBS[job].split()
                turn = number % len(clients)
                for client in clients[turn:] + clients[:turn]:
                    if job in ("put", "cat", "get"):
                        make_room(self.back)
                    figure = run(os.path.join(self.bin, "bench_local"), self.command(client, job))
                    if number:  # the first round warms up
                        self.figures.setdefault(job, {}).setdefault(client, []).append(figure)
            print(f"round {number} of {count}", flush=True)

    def table(self, jobs):
        for job in jobs:
            medians = {client: [statistics.median(column) for column in zip(*rows)] for client, rows in self.figures[job].items()}
            for client, (wall, cpu, peak) in medians.items():
                theirs, floor = medians["pyarrow"], medians.get("floor")
                target = "wall <= 1/0.95, <= 64 MiB above" if floor and client in ("library", "polyfs") else "-"
                good = target != "-" and wall <= floor[0] / 0.95 and peak <= floor[2] + 64 * 1024
                self.rows.append([job, client, f"{wall:.3f}", f"{cpu:.3f}", f"{peak / 1024:.0f}", f"{wall / theirs[0]:.2f}",
                                  f"{wall / floor[0]:.2f}" if floor else "-", target, "-" if target == "-" else "yes" if good else "missed"])
                print("  ".join(self.rows[-1]), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binaries")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", default=",".join(JOBS))
    options = parser.parse_args()
    jobs = options.jobs.split(",")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False).stdout.strip()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        bench = Bench(os.path.abspath(options.binaries), folder)
        try:
            bench.prepare()
            bench.rounds(options.rounds, jobs)
            about = machine(folder)
        finally:
            bench.server.stop()
    bench.table(jobs)
    if jobs == list(JOBS):
        with open(os.path.join(HERE, "results", "hdfs.tsv"), "w", encoding="utf-8") as file:
            file.write(f"# {datetime.date.today()}  commit {commit}  {about}\n# medians of {options.rounds} interleaved rounds, name node and data node "
                       "on the same machine\n")
            file.writelines("\t".join(row) + "\n" for row in [HEAD, *bench.rows])


if __name__ == "__main__":
    main()
