# SPDX-License-Identifier: Apache-2.0
"""The stores that stores.py measures: server, what polyfs calls them, who else does which job there, what has to be reached."""
import json
import os
import statistics
import subprocess
import sys

from common import HERE, MIB

SERVERS = os.path.join(HERE, "../tests/servers")
sys.path.insert(0, SERVERS)
import servers  # noqa: E402

SMALL_BYTES, RANGES, RANGE_BYTES, PART = 4096, 1000, 65536, 8 * MIB
OURS, FLOORS = ("library", "unsummed", "polyfs"), ("libcurl", "libhdfs")
EVERY = "put get small-put small-get list cold"


def missed(*bars):
    """What a row says of its bars, (name, value, most) each; None: there is none."""
    names = [name for name, value, most in bars if value is not None and most is not None and value > most]
    return "missed: " + " ".join(names) if names else "yes"


def done(words, **more):
    """What a program prints that has to succeed."""
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


class Store:
    """One of them, with its server under way. Sizes: options mib, count (of small objects), many (objects that are listed)."""
    name = url = bucket = about = ""
    kind = None           # of its server
    count = 2000
    jobs = EVERY.split()
    room = ("get",)       # jobs in front of which each client finds memory alike
    clients = {}          # in the order of the rows; of each, the jobs that it can do
    python = {}           # peers that have an environment of their own
    columns = ["job", "client", "wall_s", "cpu_s", "peak_mib", "server_cpu_s", "requests", "wall_of_best_other", "cpu_of_best_other",
               "target", "reached"]

    def __init__(self, binaries, folder, options):
        self.bin, self.folder, self.options = binaries, folder, options
        self.file, self.back = os.path.join(folder, "big"), os.path.join(folder, "back")
        self.authority = servers.certificates(os.path.join(folder, "certs")) if options.tls else None
        self.server = self.kind(folder, tls=self.authority).start()
        os.environ.update(self.environment())

    def environment(self, url=None):
        """Of all clients; @url: of a proxy in front of the server."""
        return self.server.settings(url)

    def program(self, name, *words):
        return [os.path.join(self.bin, name), *words]

    def polyfs(self, *words):
        return self.program("polyfs", *words)

    def make_bucket(self):
        done(self.polyfs("mb", self.url))

    def note(self):
        """What the head of the table has to say besides."""
        return ""

    # ---- commands ----

    def words(self, job):
        """Arguments of a job, for the library's driver and for the peers alike."""
        count = str(self.options.count)
        return {"put": ["put", "big", self.file], "get": ["get", "reference", self.back], "cat": ["cat", "reference"],
                "small-put": ["small-put", count, str(SMALL_BYTES)], "small-get": ["small-get", count], "list": ["list", "many/"],
                "ranges": ["ranges", "reference", str(RANGES), str(RANGE_BYTES)], "cold": ["list", "many/object-000001"]}[job]

    def library(self, job):
        words = self.words(job)
        return self.program("bench_library", words[0], self.url, *words[1:])

    def command(self, client, job, url=None):
        if client == "library":
            return self.library(job)
        if client == "polyfs":
            return self.polyfs(*{"put": ["cp", "-q", self.file, f"{self.url}/big"], "get": ["cp", "-q", f"{self.url}/reference", self.back],
                                 "cat": ["cat", f"{self.url}/reference"], "list": ["ls", f"{self.url}/many/"],
                                 "cold": ["ls", f"{self.url}/many/object-000001"]}[job])
        if client in FLOORS:
            return self.floor(job, url)
        return [servers.client_python(self.python.get(client, "bench")), os.path.join(HERE, "store_peer.py"), self.name, client,
                self.words(job)[0], self.bucket, *self.words(job)[1:]]

    def floor(self, job, url):
        """Bare libcurl. A put sends the parts as objects of their own; of a get the bytes are dropped."""
        verb, target, source = self.addresses(url)
        size, count = self.options.mib * MIB, str(self.options.count)
        whole = ["range", f"{source}reference", str(size), "4", str(PART)]
        return self.program("http_floor", *{"put": [verb, f"{target}part/", str(size // PART), "4", str(PART)], "get": whole, "cat": whole,
                                            "small-put": [verb, f"{target}small/", count, "16", str(SMALL_BYTES)],
                                            "small-get": ["get", f"{source}small/", count, "16", "0"]}[job])

    def addresses(self, url):
        """How an object is written without a signature, and the URLs in front of what is written and of what is read."""
        return "put", f"{self.server.endpoint(url)}/{self.bucket}/", f"{self.server.endpoint(url)}/{self.bucket}/"

    # ---- whether a job was done ----

    def clear(self, job):
        """What a job writes is not there before."""
        what = {"put": ["-q", f"{self.url}/big"], "small-put": ["-q", "-r", f"{self.url}/small"]}.get(job)
        if what and subprocess.run(self.polyfs("rm", *what), stderr=subprocess.DEVNULL, check=False).returncode not in (0, 3):
            sys.exit(f"cannot remove {what[-1]}")

    def check(self, client, job, told):
        """All of it, to the last byte; @told: the file with what the client printed. A floor fails when a request of it does."""
        if client in FLOORS:
            return
        if job in ("put", "get") or (client, job) == ("polyfs", "cat"):
            if job == "put":
                done(self.polyfs("cp", "-q", f"{self.url}/big", self.back))
            done(["cmp", self.file, told if job == "cat" else self.back])
            return
        small = self.options.count * SMALL_BYTES
        wanted = {"small-put": small, "small-get": small, "cat": self.options.mib * MIB, "list": self.options.many, "cold": 1,
                  "ranges": RANGES * RANGE_BYTES}[job]
        with open(told, encoding="utf-8") as file:
            lines = file.read().splitlines()
        if job == "small-put":
            lines = done(self.library("small-get")).splitlines()
        got = len(lines) if client in ("polyfs", "awscli") else int(lines[-1])
        if got != wanted:
            sys.exit(f"{client}, {job}: {got}, not {wanted}")

    # ---- what has to be reached ----

    def calibrate(self, figures):
        """Before the rows are judged: @figures of all."""

    def judge(self, job, figure, best, floor):
        """Columns of a row of ours; figures are wall s, CPU s, peak MiB, CPU s of the server; @best: the least of the others, each."""
        del job, floor
        return {"target": "cpu <= 0.50 of the best other", "reached": missed(("cpu", figure[1] / best[1], 0.5))} if best else {}


class S3(Store):
    """Seconds were set on one machine; how much slower this one is, bare libcurl tells, which reads the same object on both
    (FLOOR_CPU_S). "reached" takes them as they are, "reached_here" as this machine needs them."""
    name, url, bucket, about = "s3", "s3://bench", "bench", "MinIO"
    kind, count = servers.Minio, 5000
    clients = {"library": "put get cat small-put small-get list ranges", "polyfs": "put get cat cold",
               "obstore": "put get cat small-put small-get list ranges cold", "opendal": "put get cat list cold",
               "pyarrow": "put get cat list cold", "boto3": "put get list cold", "s3torchconnector": "put get cat list cold",
               "s3fs": EVERY, "awscli": "put get cold", "libcurl": "put cat small-put small-get"}
    python = {"s3fs": "s3fs"}
    columns = ["job", "client", "wall_s", "cpu_s", "peak_mib", "server_cpu_s", "wall_of_best_other", "reached", "reached_here"]
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
    jobs = list(TARGETS)
    FLOOR_CPU_S = 0.14  # of bare libcurl, four streams, 1 GiB, where the targets were set
    slower = 1

    def environment(self, url=None):
        values = {**super().environment(url), "AWS_DEFAULT_REGION": "us-east-1"}
        if self.authority:
            values.update(REQUESTS_CA_BUNDLE=self.authority, SSL_CERT_FILE=self.authority, CURL_CA_BUNDLE=self.authority)
        return values

    def make_bucket(self):
        """One that everybody may use, for bare libcurl."""
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:PutObject"],
                                                          "Resource": [f"arn:aws:s3:::{self.bucket}/*"]}]}
        done([sys.executable, os.path.join(SERVERS, "bucket.py"), self.bucket, "--policy", json.dumps(policy), "--", "true"])

    def command(self, client, job, url=None):
        if client != "awscli":
            return super().command(client, job, url)
        aws = os.path.join(os.path.dirname(servers.client_python("aws")), "aws")
        return [aws, "s3", *{"put": ["cp", "--quiet", self.file, f"{self.url}/big"], "get": ["cp", "--quiet", f"{self.url}/reference", self.back],
                             "cold": ["ls", f"{self.url}/many/object-000001"]}[job]]

    def calibrate(self, figures):
        floor = [figure[1] for figure in figures.get(("cat", "libcurl"), [])]
        self.slower = max(1, statistics.median(floor) / self.FLOOR_CPU_S) if floor else 1

    def judge(self, job, figure, best, floor):
        most_cpu, most_peak, share, most_wall = self.TARGETS[job]
        wall, cpu, peak, _ = figure
        both = [missed(("cpu", cpu / by, most_cpu), ("peak", peak, most_peak), ("wall", wall / by, most_wall),
                       ("share", wall / best[0] if best else None, share)) for by in (1, self.slower)]
        return dict(zip(("reached", "reached_here"), both))

    def note(self):
        return f"; it needs {self.slower:.2f} times the CPU of the one where the targets were set"


class Gcs(Store):
    """fake-gcs-server has Google's XML API for reading only: no upload in parts, so that opendal puts an object in one request,
    out of memory; and none of obstore's at all."""
    name, url, bucket, about = "gcs", "gs://bench", "bench", "fake-gcs-server"
    kind = servers.FakeGcs
    clients = {"library": "put get small-put small-get list", "polyfs": "put get list cold", "gcsfs": EVERY,
               "obstore": "get small-get list cold", "opendal": EVERY, "libcurl": "put get small-put small-get"}
    python = {"gcsfs": "gcsfs"}

    def environment(self, url=None):
        """gcsfs would ask Google's own what kind of a bucket it is."""
        return {**super().environment(url), "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}

    def addresses(self, url):
        base = self.server.endpoint(url)
        return "post", f"{base}/upload/storage/v1/b/{self.bucket}/o?uploadType=media&name=", f"{base}/{self.bucket}/"


class Abfs(Store):
    """Azurite verifies no CRC64 as Azure does, only MD5, which costs more than all the rest: "unsummed" is the library without.
    Nobody may write without a signature: bare libcurl has one in each URL, which costs it nothing."""
    name, url, bucket, about = "abfs", "abfs://bench", "bench", "Azurite"
    kind = servers.Azurite
    clients = {"library": "put get small-put small-get list", "unsummed": "put get", "polyfs": "put get list cold", "adlfs": EVERY,
               "obstore": EVERY, "opendal": EVERY, "libcurl": "put get small-put small-get"}
    python = {"adlfs": "adlfs"}
    SIGN = """
import datetime, os
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
print("?" + generate_container_sas(os.environ["ACCOUNT"], "{bucket}", account_key=os.environ["KEY"], permission=ContainerSasPermissions(
    read=True, write=True, create=True), expiry=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)))
"""

    def make_bucket(self):
        super().make_bucket()
        signer = {**os.environ, "ACCOUNT": self.kind.account, "KEY": self.kind.key}
        signature = done([servers.client_python("adlfs"), "-c", self.SIGN.format(bucket=self.bucket)], env=signer)
        os.environ.update(FLOOR_QUERY=signature.strip(), FLOOR_HEADER="x-ms-blob-type: BlockBlob")

    def command(self, client, job, url=None):
        if client == "unsummed":
            return ["env", "POLYFS_ABFS_CHECKSUMS=never", *self.library(job)]
        return super().command(client, job, url)


class Hdfs(Store):
    """A figure is that of a process: Java's start is in each. The bare loop over libhdfs makes up what it writes and drops what
    it reads, one stream, 1 MiB at a time."""
    name, url, bucket, about = "hdfs", "hdfs:///bench", "/bench", "name node and data node"
    kind = servers.Hdfs
    jobs = "put cat get small-put small-get list cold".split()
    room = ("put", "cat", "get")
    clients = {"library": "put cat get small-put small-get list", "polyfs": "put cat get list cold",
               "pyarrow": "put cat get small-put small-get list cold", "libhdfs": "put cat"}
    python = {"pyarrow": "pyarrow"}
    columns = ["job", "client", "wall_s", "cpu_s", "peak_mib", "wall_of_best_other", "wall_of_floor", "target", "reached"]

    def environment(self, url=None):
        values = super().environment(url)
        return {**values, "ARROW_LIBHDFS_DIR": os.path.dirname(values["POLYFS_LIBHDFS"]),
                "LD_LIBRARY_PATH": os.path.join(values["JAVA_HOME"], "lib", "server")}

    def make_bucket(self):
        done(self.polyfs("mkdir", "-p", self.url))

    def floor(self, job, url):
        host, port = self.server.url().removeprefix("hdfs://").split(":")
        verb, name = ("get", "reference") if job == "cat" else ("put", "big")
        return self.program("hdfs_floor", verb, host, port, f"{self.bucket}/{name}", str(self.options.mib * MIB))

    def judge(self, job, figure, best, floor):
        return {"target": "wall <= 1/0.95 of the floor, <= 64 MiB above", "reached": missed(
            ("wall", figure[0], floor[0] / 0.95), ("peak", figure[2], floor[2] + 64))} if floor else {}


STORES = {each.name: each for each in (S3, Gcs, Abfs, Hdfs)}
