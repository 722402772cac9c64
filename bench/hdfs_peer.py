#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pyarrow doing one job on HDFS, so that its process is all that is measured. Jobs as in bench/s3.c.

hdfs_peer.py HOST PORT JOB ARGUMENT…
"""
import sys
from concurrent.futures import ThreadPoolExecutor

from pyarrow import fs

PIECE = 8 << 20
host, port, job, *words = sys.argv[1:]
hdfs = fs.HadoopFileSystem(host, int(port))


def pieces(file):
    while data := file.read(PIECE):
        yield data


def put(key, path):
    with open(path, "rb") as source, hdfs.open_output_stream(f"/bench/{key}") as target:
        for data in pieces(source):
            target.write(data)


def get(key, path):
    with hdfs.open_input_stream(f"/bench/{key}") as source, open(path, "wb") as target:
        for data in pieces(source):
            target.write(data)


def cat(key):
    with hdfs.open_input_stream(f"/bench/{key}") as source:
        return sum(map(len, pieces(source)))


def many(one, count):
    with ThreadPoolExecutor(8) as pool:
        return sum(pool.map(one, range(count)))


def small_put(count, size):
    def one(number):
        with hdfs.open_output_stream(f"/bench/small/{number:06}") as target:
            return target.write(b"x" * size) or 0
    return many(one, count)


def small_get(count):
    def one(number):
        with hdfs.open_input_stream(f"/bench/small/{number:06}") as source:
            return len(source.read())
    return many(one, count)


def listing(prefix):
    path = f"/bench/{prefix}"
    return len(hdfs.get_file_info(fs.FileSelector(path.rstrip("/"), recursive=True) if prefix.endswith("/") else [path]))


JOBS = {"put": put, "get": get, "cat": cat, "small-put": small_put, "small-get": small_get, "list": listing}
print(JOBS[job](*[int(word) if word.isdigit() else word for word in words]))
