#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench s3|gcs|abfs|hdfs: polyfs beside other clients of a store and its floor, on one server, in one run.

usage: stores.py BIN-FOLDER STORE [--rounds N] [--mib N] [--count N] [--many N] [--tls] [--jobs put,get,…] [--clients …]

All run in turn, N (5) rounds, in an order that turns with each; medians are compared. Wall time holds the server too,
which shares the cores: the client's CPU and memory are its own. Who is measured on a store, and what has to be reached
there, is in store_table.py. One more round comes first, which is not measured: each job must have done all that it is
for, to the last byte, and where the table has requests, a proxy counts them.
The table goes to bench/results/STORE.tsv (s3-tls.tsv) when everything was run in full.
"""
import argparse
import os
import signal
import sys
import tempfile

from common import HERE, MIB, in_turn, machine, make_room, medians, run, write_file, write_many, write_table
from store_table import FLOORS, OURS, SMALL_BYTES, STORES, done

sys.path.insert(0, os.path.join(HERE, "../tests/fault"))
from proxy import Proxy  # noqa: E402


def share(value, of):
    return f"{value / of:.2f}" if of else "-"


class Bench:
    def __init__(self, binaries, folder, options):
        self.folder, self.options = folder, options
        self.store = STORES[options.store](binaries, folder, options)
        self.helper = os.path.join(binaries, "bench_local")
        self.proxy = Proxy(self.store.server) if "requests" in self.store.columns else None
        self.figures, self.requests = {}, {}

    def prepare(self):
        """What is read, and what is listed."""
        store, tree = self.store, os.path.join(self.folder, "many")
        store.make_bucket()
        write_file(store.file, os.urandom, self.options.mib * MIB)
        done(store.polyfs("cp", "-q", store.file, f"{store.url}/reference"))
        done(store.program("bench_library", "small-put", store.url, str(self.options.count), str(SMALL_BYTES)))
        write_many(tree, self.options.many)
        done(store.polyfs("cp", "-q", "-r", tree, f"{store.url}/many"))

    def server_cpu(self):
        with open(f"/proc/{self.store.server.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def tries(client):
        return 1 if client in OURS + FLOORS else 3

    def look(self, client, job):
        """Once, before anything is measured."""
        told, url = os.path.join(self.folder, "told"), f"http://127.0.0.1:{self.proxy.main}" if self.proxy else None
        self.store.clear(job)
        if self.proxy:
            self.proxy.journal.clear()
        run(self.helper, self.store.command(client, job, url), self.tries(client), {**os.environ, **self.store.environment(url)}, told)
        if self.proxy:
            self.requests[job, client] = str(len(self.proxy.journal))
        self.store.check(client, job, told)

    def measure(self, client, job):
        if job in self.store.room:
            make_room(self.store.back, self.options.mib * MIB)
        before = self.server_cpu()
        wall, cpu, peak = run(self.helper, self.store.command(client, job), self.tries(client))
        self.figures.setdefault((job, client), []).append((wall, cpu, peak / 1024, self.server_cpu() - before))

    def rounds(self):
        for number in range(self.options.rounds + 1):
            for job in self.options.jobs:
                able = [client for client in self.options.clients if job in self.store.clients[client].split()]
                for client in in_turn(able, number) if able else []:
                    (self.measure if number else self.look)(client, job)
            print(f"round {number} of {self.options.rounds}", flush=True)

    def row(self, job, client, figure, best, floor):
        wall, cpu, peak, server = figure
        values = {"job": job, "client": client, "wall_s": f"{wall:.3f}", "cpu_s": f"{cpu:.3f}", "peak_mib": f"{peak:.0f}",
                  "server_cpu_s": f"{server:.2f}", "requests": self.requests.get((job, client)),
                  "wall_of_best_other": share(wall, best and best[0]), "cpu_of_best_other": share(cpu, best and best[1]),
                  "wall_of_floor": share(wall, floor and floor[0])}
        if client in OURS:
            values.update(self.store.judge(job, figure, best, floor))
        return [values.get(column) or "-" for column in self.store.columns]

    def table(self):
        rows = [self.store.columns]
        self.store.calibrate(self.figures)
        for job in self.options.jobs:
            figures = {client: medians(self.figures[job, client]) for client in self.options.clients if (job, client) in self.figures}
            others = [figure for client, figure in figures.items() if client not in OURS + FLOORS]
            best = [min(column) for column in zip(*others)] if others else None
            floor = next((figures[client] for client in FLOORS if client in figures), None)
            rows += [self.row(job, client, figure, best, floor) for client, figure in figures.items()]
        for row in rows:
            print("  ".join(row), flush=True)
        return rows


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("binaries", type=os.path.abspath)
    parser.add_argument("store", choices=STORES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=1024, help="of the large object; a multiple of 8")
    parser.add_argument("--count", type=int, help="of small objects")
    parser.add_argument("--many", type=int, default=20000, help="objects that are listed")
    parser.add_argument("--tls", action="store_true", help="s3 only")
    parser.add_argument("--jobs")
    parser.add_argument("--clients")
    options = parser.parse_args()
    store = STORES[options.store]
    options.count = options.count or store.count
    options.jobs = options.jobs.split(",") if options.jobs else store.jobs
    options.clients = options.clients.split(",") if options.clients else list(store.clients)
    if options.tls and options.store != "s3":
        parser.error("--tls is for s3")
    options.full = (options.mib, options.count, options.many, options.jobs, options.clients) == (1024, store.count, 20000, store.jobs,
                                                                                                 list(store.clients))
    return options


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # not without ending the server
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        bench = Bench(options.binaries, folder, options)
        try:
            bench.prepare()
            bench.rounds()
            about = machine(folder)
        finally:
            bench.store.server.stop()
        rows = bench.table()
    if options.full:
        notes = f"medians of {options.rounds} interleaved rounds, {bench.store.about} on the same machine{bench.store.note()}"
        write_table("s3-tls" if options.tls else options.store, about, notes, rows)


if __name__ == "__main__":
    main()
