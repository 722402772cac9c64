#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench ckpt: saving and finding checkpoints, beside other ways to keep them on S3, on one MinIO, in one run.

usage: ckpt.py BIN-FOLDER [--rounds N] [--mib N] [--count N] [--delay MS] [--jobs save,load,…] [--peers …]

All run in turn, N (5) rounds, in an order that turns with each, every job in a process of its own; medians are compared.
A save and what it is held against (the library's own put; write and fsync) run next to each other, twice a round, and the
median of their ratios counts: on a machine whose memory and server are faster at one time than at another, two medians
far apart in time would compare the times.
A checkpoint is MIB (1024) MiB in 64 tensors; peers have it as torch tensors. Wall time holds the server, which shares the
cores. --delay puts a proxy in front of it, by which each answer comes so much later. Memory is what the call needs above
what its process had: tensors that are saved are in front of it, those that are loaded are in it.
The targets are those of the issue that built this layer. The table goes to bench/results/ckpt.tsv (ckpt-delay20.tsv), the
cost against numbers of checkpoints, ranks and tensors to ckpt.svg, when everything was run in full.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tests/servers"))
import servers  # noqa: E402
from ckpt_plot import plot  # noqa: E402
from common import in_turn, machine, medians, write_table  # noqa: E402

BUCKET = "bench"
PEERS = ["s3torchconnector", "s3fs", "lightning", "dcp"]
JOBS = ["save", "load", "requests", "numbers", "local", "stall"]
MOST_REQUESTS = {"evicting": 5, "evicting nothing": 4, "one part, alone": 2}
RECORD_BYTES = 256 << 10
BESIDE = ["library's put", "write, fsync"]  # what a save is held against
FIND = "<= 50 ms, <= 2 requests and a look at its file"
HEAD = ["job", "client", "wall_s", "cpu_s", "above_mib", "requests", "ratio", "target", "reached"]


class Bench:
    def __init__(self, binaries, folder, options):
        self.bin, self.folder, self.options = binaries, folder, options
        self.server = servers.Minio(folder).start()
        self.proxy = servers.Toxiproxy(folder, self.server, options.delay).start() if options.delay else None
        os.environ.update((self.proxy or self.server).settings(), AWS_DEFAULT_REGION="us-east-1", PYTHONDONTWRITEBYTECODE="1")
        self.figures, self.rows, self.curves = {}, [], {}

    def stop(self):
        if self.proxy:
            self.proxy.stop()
        self.server.stop()

    def driver(self, *words):
        return [os.path.join(self.bin, "bench_ckpt"), *map(str, words)]

    def peer(self, name, job):
        return [servers.client_python("ckpt"), os.path.join(HERE, "ckpt_peer.py"), name, job, BUCKET, str(self.options.mib)]

    @staticmethod
    def run(command):
        """Rows of numbers that a job prints."""
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(command)}: {done.stderr[-2000:]}")
        return [[float(word) for word in line.split()] for line in done.stdout.splitlines()]

    def prepare(self):
        subprocess.run([servers.client_python("ckpt"), "-c", "import s3fs, os; s3fs.S3FileSystem(endpoint_url=os.environ['AWS_ENDPOINT_URL'])"
                        f".mkdir('{BUCKET}')"], check=True)

    # ---- one beside the other ----

    def commands(self, job):
        """{client: command} of a job whose clients run in turn."""
        mib, url = self.options.mib, f"s3://{BUCKET}"
        if job == "local":
            return {"library": self.driver("save", f"file://{self.folder}/run", mib), "write, fsync": self.driver("write", f"{self.folder}/bare", mib)}
        ours = {"library": self.driver(job, f"{url}/run", mib)}
        if job == "save":
            ours["library's put"] = self.driver("put", f"{url}/put", mib)
        return {**ours, **{name: self.peer(name, job) for name in self.options.peers}}

    def clear(self):
        """What earlier rounds wrote to files: each job finds the disk and the page cache alike."""
        shutil.rmtree(f"{self.folder}/run", ignore_errors=True)
        if os.path.exists(f"{self.folder}/bare"):
            os.remove(f"{self.folder}/bare")
        os.sync()

    def in_turn(self, job, number):
        """What runs in a round, and when: a pair twice, once this way round and once that."""
        commands = list(self.commands(job).items())
        pair = commands[:2] if commands[1:] and commands[1][0] in BESIDE else []
        units = [[one] for one in commands[len(pair):]]
        if pair:
            units.insert(0, pair + pair[::-1] if number % 2 else pair[::-1] + pair)
        return sum(in_turn(units, number), [])

    def rounds(self, jobs):
        for number in range(self.options.rounds + 1):
            for job in jobs:
                for client, command in self.in_turn(job, number):
                    self.clear()
                    figure = self.run(command)[0]
                    if number:  # the first round warms up
                        self.figures.setdefault(job, {}).setdefault(client, []).append(figure)
            print(f"round {number} of {self.options.rounds}", flush=True)

    def compare(self, job):
        figures = {client: medians(self.figures[job][client]) for client in self.commands(job)}
        best = min((figures[name][0] for name in self.options.peers if name in figures), default=None)
        for client, (wall, cpu, above, requests) in figures.items():
            ratio, target, reached = None, "-", None
            if client == "library" and job == "save":
                ratio, target = self.beside(job, "library's put"), "<= 1.05 of the put, <= 64 MiB"
                reached = ratio <= 1.05 and above <= 64
            elif client == "library" and job == "load":
                ratio, target = wall / best if best else None, "<= 0.9 of the best peer, <= 64 MiB and the tensors"
                reached = best and ratio <= 0.9 and above <= self.options.mib + 64
            elif client == "library":
                ratio, target = 1 / self.beside(job, "write, fsync"), ">= 0.95 of write, fsync"
                reached = ratio >= 0.95
            self.row(job, client, wall, cpu, above, requests, ratio, target, reached)

    def beside(self, job, other):
        """The library's wall time by that of what ran next to it."""
        return statistics.median(ours[0] / bare[0] for ours, bare in zip(self.figures[job]["library"], self.figures[job][other]))

    def row(self, job, client, wall, cpu, above, requests, ratio, target, reached):
        def shown(value, form):
            return "-" if value is None else f"{value:{form}}"
        self.rows.append([job, client, shown(wall, ".4f"), shown(cpu, ".3f"), shown(above, ".0f"), shown(requests, ".0f"), shown(ratio, ".3f"),
                          target, "-" if reached is None else "reached" if reached else "missed"])
        print("  ".join(self.rows[-1]), flush=True)

    # ---- the library alone ----

    def requests(self):
        counts = self.run(self.driver("requests", f"s3://{BUCKET}/requests"))[0]
        for (name, most), count in zip(MOST_REQUESTS.items(), counts):
            self.row(f"requests of a save beside the parts: {name}", "library", None, None, None, count, None, f"<= {most}", count <= most)

    def numbers(self):
        """Cost against how many checkpoints, ranks and tensors there are."""
        url, most = f"s3://{BUCKET}", self.options.count
        self.curves["checkpoints"] = self.run(self.driver("grow", f"{url}/grow", most))
        self.curves["ranks"] = [self.run(self.driver("ranks", f"{url}/ranks-{n}", n))[0] for n in (1, 4, 16, 64, 256)]
        self.curves["tensors"] = [self.run(self.driver("tensors", f"{url}/tensors-{n}", n))[0] for n in (1, 10, 100, 1000, 10000)]
        for what, rows in self.curves.items():
            for count, save_ms, save_requests, newest_ms, newest_requests in rows:
                last = what == "checkpoints" and count == most and not self.options.delay  # each answer alone may take as long there
                self.row(f"save, {what}: {count:.0f}", "library", save_ms / 1e3, None, None, save_requests, None, "-", None)
                self.row(f"find the newest, {what}: {count:.0f}", "library", newest_ms / 1e3, None, None, newest_requests, newest_ms / 50,
                         FIND if last else "-", newest_ms <= 50 and newest_requests <= 3 if last else None)
        size = self.newest_record("grow")
        self.row(f"KiB of the record, checkpoints: {most}", "library", None, None, None, None, size / 1024, "<= 256", size <= RECORD_BYTES)

    def newest_record(self, name):
        """Bytes of the newest record of a run."""
        listing = subprocess.run([os.path.join(self.bin, "polyfs"), "ls", "-l", f"s3://{BUCKET}/{name}/.ckpt/log/"], check=True,
                                 capture_output=True, text=True).stdout
        newest = min((line for line in listing.splitlines() if line.endswith(".json")), key=lambda line: line.rsplit("/", 1)[-1])
        return max(int(word) for word in newest.split() if word.isdigit())

    def stall(self):
        ours, copy = self.run(self.driver("stall", f"file://{self.folder}/stalled", self.options.mib, 9))[0]
        self.row("asynchronous save: stall", "library", ours, None, None, None, ours / copy, "<= 1.2 of memcpy", ours / copy <= 1.2)
        self.row("asynchronous save: stall", "memcpy into new memory", copy, None, None, None, None, "-", None)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("binaries")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--count", type=int, default=10000, help="checkpoints to find the newest of")
    parser.add_argument("--delay", type=int, default=0, metavar="MS")
    parser.add_argument("--jobs", default=",".join(JOBS))
    parser.add_argument("--peers", default=",".join(PEERS))
    options = parser.parse_args()
    options.jobs, options.peers = options.jobs.split(","), [name for name in options.peers.split(",") if name]
    if options.delay:  # what is not on the network is the same without
        options.jobs = [job for job in options.jobs if job not in ("local", "stall")]
    return options


def write(bench, options, about):
    name = f"ckpt-delay{options.delay}" if options.delay else "ckpt"
    write_table(name, about, f"medians of {options.rounds} interleaved rounds, {options.mib} MiB, MinIO on the same machine"
                f"{f', {options.delay} ms added to each answer' if options.delay else ''}", [HEAD, *bench.rows])
    plot(bench.curves, os.path.join(HERE, "results", name + ".svg"))


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        bench = Bench(os.path.abspath(options.binaries), folder, options)
        try:
            bench.prepare()
            beside = [job for job in options.jobs if job in ("save", "load", "local")]
            bench.rounds(beside)
            for job in beside:
                bench.compare(job)
            for job in options.jobs:
                if job not in beside:
                    getattr(bench, job)()
            about = machine(folder)
        finally:
            bench.stop()
    missed = [row[0] for row in bench.rows if row[-1] == "missed"]
    print("missed: " + "; ".join(missed) if missed else "every target is reached")
    if (options.mib, options.count) == (1024, 10000) and set(JOBS) - {"local", "stall"} <= set(options.jobs) and options.peers == PEERS:
        write(bench, options, about)


if __name__ == "__main__":
    main()
