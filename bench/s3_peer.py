#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One S3 client doing one job, so that its process is all that is measured; as its documents say it is done fast.

s3_peer.py CLIENT JOB BUCKET ARGUMENT…    clients: s3fs obstore opendal pyarrow boto3 s3torchconnector
Jobs as in bench/s3.c. Settings are AWS's own variables.
"""
import asyncio
import os
import random
import sys

ENDPOINT, REGION = os.environ["AWS_ENDPOINT_URL"], os.environ.get("AWS_REGION", "us-east-1")
KEY, SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
PART = 8 << 20


def pieces(file):
    while data := file.read(PART):
        yield data


def offsets(size, count, length):
    rng = random.Random(7)
    return [rng.randrange(0, size - length) for _ in range(count)]


class S3fs:
    def __init__(self, bucket):
        import s3fs
        self.bucket, self.fs = bucket, s3fs.S3FileSystem(endpoint_url=ENDPOINT)

    def at(self, key):
        return f"{self.bucket}/{key}"

    def put(self, key, path):
        self.fs.put_file(path, self.at(key))

    def get(self, key, path):
        self.fs.get_file(self.at(key), path)

    def small_put(self, count, size):
        self.fs.pipe({self.at(f"small/{i:06}"): b"x" * size for i in range(count)})

    def small_get(self, count):
        return sum(map(len, self.fs.cat([self.at(f"small/{i:06}") for i in range(count)]).values()))

    def list(self, prefix):
        return len(self.fs.find(self.at(prefix)))


class Obstore:
    def __init__(self, bucket):
        import obstore
        from obstore.store import S3Store
        self.obstore = obstore
        self.store = S3Store(bucket, endpoint=ENDPOINT, access_key_id=KEY, secret_access_key=SECRET, region=REGION,
                             virtual_hosted_style_request=False,
                             client_options={"allow_http": True})

    def put(self, key, path):
        from pathlib import Path
        self.obstore.put(self.store, key, Path(path), chunk_size=PART, max_concurrency=12)

    def get(self, key, path):
        with open(path, "wb") as file:
            for data in self.obstore.get(self.store, key).stream(min_chunk_size=PART):
                file.write(data)

    def cat(self, key):
        return sum(len(data) for data in self.obstore.get(self.store, key).stream(min_chunk_size=PART))

    def many(self, one, count):
        async def run():
            at_once = asyncio.Semaphore(64)

            async def each(number):
                async with at_once:
                    return await one(number)
            return await asyncio.gather(*(each(i) for i in range(count)))
        return asyncio.run(run())

    def small_put(self, count, size):
        self.many(lambda i: self.obstore.put_async(self.store, f"small/{i:06}", b"x" * size), count)

    def small_get(self, count):
        async def one(number):
            return len(await (await self.obstore.get_async(self.store, f"small/{number:06}")).bytes_async())
        return sum(self.many(one, count))

    def list(self, prefix):
        return sum(len(rows) for rows in self.obstore.list(self.store, prefix, chunk_size=1000))

    def ranges(self, key, count, length):
        starts = offsets(self.obstore.head(self.store, key)["size"], count, length)
        return sum(map(len, self.obstore.get_ranges(self.store, key, starts=starts, lengths=[length] * count)))


class Opendal:
    def __init__(self, bucket):
        import opendal
        self.op = opendal.Operator("s3", bucket=bucket, endpoint=ENDPOINT, access_key_id=KEY, secret_access_key=SECRET, region=REGION)

    def put(self, key, path):
        with open(path, "rb") as source, self.op.open(key, "wb", chunk=PART, concurrent=8) as target:
            for data in pieces(source):
                target.write(data)

    def get(self, key, path):
        with self.op.open(key, "rb", chunk=PART, concurrent=8) as source, open(path, "wb") as target:
            for data in pieces(source):
                target.write(data)

    def cat(self, key):
        with self.op.open(key, "rb", chunk=PART, concurrent=8) as source:
            return sum(map(len, pieces(source)))

    def list(self, prefix):
        return sum(1 for _ in self.op.scan(prefix))


class Pyarrow:
    def __init__(self, bucket):
        from pyarrow import fs
        self.module, self.bucket = fs, bucket
        self.fs = fs.S3FileSystem(access_key=KEY, secret_key=SECRET, endpoint_override=ENDPOINT, region=REGION)

    def put(self, key, path):
        with open(path, "rb") as source, self.fs.open_output_stream(f"{self.bucket}/{key}") as target:
            for data in pieces(source):
                target.write(data)

    def get(self, key, path):
        with self.fs.open_input_stream(f"{self.bucket}/{key}") as source, open(path, "wb") as target:
            for data in pieces(source):
                target.write(data)

    def cat(self, key):
        with self.fs.open_input_stream(f"{self.bucket}/{key}") as source:
            return sum(map(len, pieces(source)))

    def list(self, prefix):
        path = f"{self.bucket}/{prefix}"
        return len(self.fs.get_file_info(self.module.FileSelector(path, recursive=True) if prefix.endswith("/") else [path]))


class Boto3:
    def __init__(self, bucket):
        import boto3
        from boto3.s3.transfer import TransferConfig
        self.bucket, self.client, self.config = bucket, boto3.client("s3"), TransferConfig(multipart_chunksize=PART, max_concurrency=10)

    def put(self, key, path):
        self.client.upload_file(path, self.bucket, key, Config=self.config)

    def get(self, key, path):
        self.client.download_file(self.bucket, key, path, Config=self.config)

    def list(self, prefix):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return sum(len(page.get("Contents", [])) for page in pages)


class S3torchconnector:
    """The AWS CRT, as torch checkpoints use it."""

    def __init__(self, bucket):
        from s3torchconnectorclient._mountpoint_s3_client import MountpointS3Client
        self.bucket = bucket
        self.client = MountpointS3Client(REGION, endpoint=ENDPOINT, force_path_style=True, throughput_target_gbps=10.0, part_size=PART)

    def put(self, key, path):
        target = self.client.put_object(self.bucket, key)
        with open(path, "rb") as source:
            for data in pieces(source):
                target.write(data)
        target.close()

    def get(self, key, path):
        with open(path, "wb") as target:
            for data in self.client.get_object(self.bucket, key):
                target.write(data)

    def cat(self, key):
        return sum(len(data) for data in self.client.get_object(self.bucket, key))

    def list(self, prefix):
        return sum(len(page.object_info) for page in self.client.list_objects(self.bucket, prefix=prefix, max_keys=1000))


CLIENTS = {"s3fs": S3fs, "obstore": Obstore, "opendal": Opendal, "pyarrow": Pyarrow, "boto3": Boto3, "s3torchconnector": S3torchconnector}

if __name__ == "__main__":
    client, job, bucket, *words = sys.argv[1:]
    numbers = [int(word) if word.isdigit() else word for word in words]
    print(getattr(CLIENTS[client](bucket), job.replace("-", "_"))(*numbers))
