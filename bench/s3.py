#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench s3: polyfs beside other S3 clients and bare libcurl, on one MinIO, in one run.

usage: s3.py BIN-FOLDER [--rounds N] [--tls] [--jobs put,get,…] [--clients …]

All run in turn, N (5) rounds, in an order that turns with each; medians are compared. Wall time holds the server too,
which shares the cores: the client's CPU and memory are its own. The table goes to bench/results/s3.tsv (s3-tls.tsv).
The targets are those of the issue that built the s3 plugin: shares of the best other client in this very run, memory,
and seconds. Seconds were set on one machine; how much slower this one is, bare libcurl tells, which reads the same
object on both (FLOOR_CPU_S). For put it sends the parts as objects of their own, without signature and checksum: no client that sends
them over libcurl can be below. "reached" takes the seconds as they are, "reached_here" as this machine needs them.
"""
import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tests/servers"))
import servers  # noqa: E402
from local import GIB, MIB, machine, make_room, run, write_file, write_many  # noqa: E402

BUCKET = "bench"
FLOOR_CPU_S = 0.14  # of bare libcurl, four streams, 1 GiB, where the targets were set
OTHERS = ["obstore", "opendal", "pyarrow", "boto3", "s3torchconnector", "s3fs", "awscli"]
SMALL, SMALL_BYTES, MANY, RANGES, RANGE_BYTES = 5000, 4096, 20000, 1000, 65536
# job: (client CPU s, peak MiB, share of the best other's wall, wall s); None: no target
TARGETS = {
    "put": (0.40, 64, 0.8, None),
    "get": (0.70, 40, 1.0, None),
    "cat": (0.20, 40, 0.7, None),
    "small-put": (0.40, None, 0.95, None),
    "small-get": (0.25, None, 0.6, None),
    "list": (0.05, 16, None, None),
    "ranges": (0.15, 64 + RANGES * RANGE_BYTES // MIB, None, None),
    "cold": (None, 14, None, 0.015),
}
CAN = {"s3fs": "put get small-put small-get list cold", "obstore": "put get cat small-put small-get list ranges cold",
       "opendal": "put get cat list cold", "pyarrow": "put get cat list cold", "boto3": "put get list cold",
       "s3torchconnector": "put get cat list cold", "awscli": "put get cold",
       "library": "put get cat small-put small-get list ranges", "polyfs": "put get cat cold", "libcurl": "put cat small-put small-get"}


class Bench:
    def __init__(self, binaries, folder, tls):
        self.bin, self.folder, self.tls = binaries, folder, tls
        authority = servers.certificates(os.path.join(folder, "certs")) if tls else None
        self.server = servers.Minio(folder, tls=authority).start()
        os.environ.update(self.server.settings(), AWS_DEFAULT_REGION="us-east-1")
        if tls:
            os.environ.update(REQUESTS_CA_BUNDLE=authority, SSL_CERT_FILE=authority, CURL_CA_BUNDLE=authority)
        self.file, self.back = os.path.join(folder, "big"), os.path.join(folder, "back")
        self.figures = {}

    def program(self, name):
        return os.path.join(self.bin, name)

    def prepare(self):
        """A bucket that everybody may use, for bare libcurl, and what is read from it."""
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:PutObject"],
                                                          "Resource": [f"arn:aws:s3:::{BUCKET}/*"]}]}
        subprocess.run([sys.executable, os.path.join(HERE, "../tests/servers/bucket.py"), BUCKET, "--policy", json.dumps(policy), "--",
                        "true"], check=True)
        write_file(self.file, os.urandom)
        subprocess.run([self.program("polyfs"), "cp", "-q", self.file, f"s3://{BUCKET}/reference"], check=True)
        subprocess.run([self.program("bench_s3"), "small-put", f"s3://{BUCKET}", str(SMALL), str(SMALL_BYTES)], check=True)
        self.make_many()

    def make_many(self):
        tree = os.path.join(self.folder, "many")
        write_many(tree, MANY)
        subprocess.run([self.program("polyfs"), "cp", "-q", "-r", tree, f"s3://{BUCKET}/many"], check=True)

    def words(self, job):
        """Arguments of a job, for the library's driver and for the peers alike."""
        return {"put": ["put", "big", self.file], "get": ["get", "reference", self.back], "cat": ["cat", "reference"],
                "small-put": ["small-put", str(SMALL), str(SMALL_BYTES)], "small-get": ["small-get", str(SMALL)], "list": ["list", "many/"],
                "ranges": ["ranges", "reference", str(RANGES), str(RANGE_BYTES)], "cold": ["list", "many/object-000001"]}[job]

    def command(self, client, job):
        job_words, url = self.words(job), f"s3://{BUCKET}"
        if client == "library":
            return [self.program("bench_s3"), job_words[0], url, *job_words[1:]]
        if client == "polyfs":
            return {"put": [self.program("polyfs"), "cp", "-q", self.file, f"{url}/big"],
                    "get": [self.program("polyfs"), "cp", "-q", f"{url}/reference", self.back],
                    "cat": ["sh", "-c", f"exec {self.program('polyfs')} cat {url}/reference >/dev/null"],
                    "cold": [self.program("polyfs"), "ls", f"{url}/many/object-000001"]}[job]
        if client == "awscli":
            aws = os.path.join(os.path.dirname(servers.client_python("aws")), "aws")
            return [aws, "s3", *{"put": ["cp", "--quiet", self.file, f"{url}/big"], "get": ["cp", "--quiet", f"{url}/reference", self.back],
                                 "cold": ["ls", f"{url}/many/object-000001"]}[job]]
        if client == "libcurl":
            base = f"{self.server.url()}/{BUCKET}"
            return [self.program("s3_floor"), *{"put": ["put", f"{base}/part/", str(GIB // (8 * MIB)), "4", str(8 * MIB)],
                                                "cat": ["range", f"{base}/reference", str(GIB), "4", str(8 * MIB)],
                                                "small-put": ["put", f"{base}/small/", str(SMALL), "16", str(SMALL_BYTES)],
                                                "small-get": ["get", f"{base}/small/", str(SMALL), "16", "0"]}[job]]
        return [servers.client_python("s3fs" if client == "s3fs" else "bench"), os.path.join(HERE, "s3_peer.py"), client,
                job_words[0], BUCKET, *job_words[1:]]

    def server_cpu(self):
        with open(f"/proc/{self.server.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def measure(self, client, job, keep):
        if job == "get":
            make_room(self.back)
        before = self.server_cpu()
        wall, cpu, peak = run(self.program("bench_local"), self.command(client, job), 3 if client in OTHERS else 1)
        if keep:
            self.figures.setdefault((job, client), []).append((wall, cpu, peak / 1024, self.server_cpu() - before))

    def rounds(self, count, jobs, clients):
        for number in range(count + 1):
            for job in jobs:
                able = [client for client in clients if job in CAN[client].split()]
                turn = number % len(able)
                for client in able[turn:] + able[:turn]:
                    self.measure(client, job, keep=number > 0)
            print(f"round {number} of {count}", flush=True)

    def table(self, jobs, clients):
        rows, slower = [], self.slower()
        for job in jobs:
            medians = {client: [statistics.median(column) for column in zip(*self.figures[job, client])]
                       for client in clients if (job, client) in self.figures}
            best = min((figure[0] for client, figure in medians.items() if client in OTHERS), default=None)
            for client, (wall, cpu, peak, server) in medians.items():
                reached = [self.judge(job, wall / by, cpu / by, peak, wall / best if best else None) if client in ("library", "polyfs") else "-"
                           for by in (1, slower)]
                rows.append([job, client, f"{wall:.3f}", f"{cpu:.3f}", f"{peak:.0f}", f"{server:.2f}",
                             f"{wall / best:.2f}" if best else "-", *reached])
                print("  ".join(rows[-1]), flush=True)
        return rows

    def slower(self):
        """How many times the CPU of the machine where the targets were set this one needs for the same work."""
        floor = [cpu for _, cpu, _, _ in self.figures.get(("cat", "libcurl"), [])]
        return max(1, statistics.median(floor) / FLOOR_CPU_S) if floor else 1

    @staticmethod
    def judge(job, wall, cpu, peak, of_best):
        most_cpu, most_peak, share, most_wall = TARGETS[job]
        missed = [name for name, value, most in (("cpu", cpu, most_cpu), ("peak", peak, most_peak), ("wall", wall, most_wall),
                                                  ("share", of_best, share))
                  if most is not None and value is not None and value > most]
        return "missed: " + " ".join(missed) if missed else "yes"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binaries")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--jobs", default=",".join(TARGETS))
    parser.add_argument("--clients", default=",".join(["library", "polyfs", *OTHERS, "libcurl"]))
    options = parser.parse_args()
    jobs, clients = options.jobs.split(","), options.clients.split(",")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False).stdout.strip()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        bench = Bench(os.path.abspath(options.binaries), folder, options.tls)
        try:
            bench.prepare()
            bench.rounds(options.rounds, jobs, clients)
        finally:
            bench.server.stop()
        rows, about = bench.table(jobs, clients), machine(folder)
    head = ["job", "client", "wall_s", "cpu_s", "peak_mib", "server_cpu_s", "wall_of_best_other", "reached", "reached_here"]
    name = "s3-tls.tsv" if options.tls else "s3.tsv"
    if jobs == list(TARGETS):
        with open(os.path.join(HERE, "results", name), "w", encoding="utf-8") as file:
            file.write(f"# {datetime.date.today()}  commit {commit}  {about}\n# medians of {options.rounds} interleaved rounds, MinIO on the same "
                       f"machine; it needs {bench.slower():.2f} times the CPU of the one where the targets were set\n")
            file.writelines("\t".join(row) + "\n" for row in [head, *rows])


main()
