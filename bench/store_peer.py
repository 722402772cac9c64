#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One client doing one job on a store, so that its process is all that is measured; as its documents say it is done fast.

store_peer.py STORE CLIENT JOB BUCKET ARGUMENT…
    s3      s3fs obstore opendal pyarrow boto3 s3torchconnector
    gcs     gcsfs obstore opendal
    abfs    adlfs obstore opendal
    hdfs    pyarrow
Jobs as in bench/library.c. Settings are the environment's, as each store's own tools have them.
"""
import asyncio
import os
import random
import sys

PART = 8 << 20
AT_ONCE = 64  # small requests


# ---- where the store is -------------------------------------------------------------------------------------------------

def aws():
    """Endpoint, key, secret, region."""
    return [os.environ[name] for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")]


def azure():
    """Endpoint, account, key."""
    text = os.environ["AZURE_STORAGE_CONNECTION_STRING"]
    values = dict(row.split("=", 1) for row in text.strip(";").split(";"))
    return values["BlobEndpoint"], values["AccountName"], values["AccountKey"]


# ---- what several need ----------------------------------------------------------------------------------------------------

def pieces(file):
    while data := file.read(PART):
        yield data


def offsets(size, count, length):
    rng = random.Random(7)
    return [rng.randrange(0, size - length) for _ in range(count)]


def small(number):
    return f"small/{number:06}"


def many(one, count):
    """So many of a coroutine, a limited number at a time."""
    async def run():
        at_once = asyncio.Semaphore(AT_ONCE)

        async def each(number):
            async with at_once:
                return await one(number)
        return await asyncio.gather(*(each(i) for i in range(count)))
    return asyncio.run(run())


# ---- clients: one method for each job -------------------------------------------------------------------------------------

class Fsspec:
    """s3fs, gcsfs and adlfs are one to their callers."""

    def __init__(self, store, bucket):
        self.bucket, self.fs = bucket, getattr(self, store)()

    @staticmethod
    def s3():
        import s3fs
        return s3fs.S3FileSystem(endpoint_url=aws()[0])

    @staticmethod
    def gcs():
        import gcsfs
        return gcsfs.GCSFileSystem(endpoint_url=os.environ["STORAGE_EMULATOR_HOST"], token="anon", project="p")

    @staticmethod
    def abfs():
        import adlfs
        return adlfs.AzureBlobFileSystem(connection_string=os.environ["AZURE_STORAGE_CONNECTION_STRING"])

    def at(self, key):
        return f"{self.bucket}/{key}"

    def put(self, key, path):
        self.fs.put_file(path, self.at(key))

    def get(self, key, path):
        self.fs.get_file(self.at(key), path)

    def small_put(self, count, size):
        self.fs.pipe({self.at(small(i)): b"x" * size for i in range(count)})

    def small_get(self, count):
        return sum(map(len, self.fs.cat([self.at(small(i)) for i in range(count)]).values()))

    def list(self, prefix):
        return len(self.fs.find(self.at(prefix)))


class Obstore:
    def __init__(self, store, bucket):
        import obstore
        self.obstore, self.store = obstore, getattr(self, store)(bucket, {"client_options": {"allow_http": True}})

    @staticmethod
    def s3(bucket, more):
        from obstore.store import S3Store
        endpoint, key, secret, region = aws()
        return S3Store(bucket, endpoint=endpoint, access_key_id=key, secret_access_key=secret, region=region,
                       virtual_hosted_style_request=False, **more)

    @staticmethod
    def gcs(bucket, more):
        from obstore.store import GCSStore
        return GCSStore(bucket, base_url=os.environ["STORAGE_EMULATOR_HOST"], skip_signature=True, **more)

    @staticmethod
    def abfs(bucket, more):
        from obstore.store import AzureStore
        endpoint, account, key = azure()
        return AzureStore(bucket, endpoint=endpoint, account_name=account, account_key=key, **more)

    def put(self, key, path):
        from pathlib import Path
        self.obstore.put(self.store, key, Path(path), chunk_size=PART, max_concurrency=12)

    def get(self, key, path):
        with open(path, "wb") as file:
            for data in self.obstore.get(self.store, key).stream(min_chunk_size=PART):
                file.write(data)

    def cat(self, key):
        return sum(len(data) for data in self.obstore.get(self.store, key).stream(min_chunk_size=PART))

    def small_put(self, count, size):
        many(lambda i: self.obstore.put_async(self.store, small(i), b"x" * size), count)

    def small_get(self, count):
        async def one(number):
            return len(await (await self.obstore.get_async(self.store, small(number))).bytes_async())
        return sum(many(one, count))

    def list(self, prefix):
        """Its listings are of folders; one object is asked for by its name."""
        if not prefix.endswith("/"):
            return len([self.obstore.head(self.store, prefix)])
        return sum(len(rows) for rows in self.obstore.list(self.store, prefix, chunk_size=1000))

    def ranges(self, key, count, length):
        starts = offsets(self.obstore.head(self.store, key)["size"], count, length)
        return sum(map(len, self.obstore.get_ranges(self.store, key, starts=starts, lengths=[length] * count)))


class Opendal:
    def __init__(self, store, bucket):
        import opendal
        self.opendal, self.settings = opendal, getattr(self, store)(bucket)
        self.op = opendal.Operator(**self.settings)
        self.in_parts = store != "gcs"

    @staticmethod
    def s3(bucket):
        endpoint, key, secret, region = aws()
        return {"scheme": "s3", "bucket": bucket, "endpoint": endpoint, "access_key_id": key, "secret_access_key": secret, "region": region}

    @staticmethod
    def gcs(bucket):
        return {"scheme": "gcs", "bucket": bucket, "endpoint": os.environ["STORAGE_EMULATOR_HOST"], "skip_signature": "true",
                "disable_vm_metadata": "true", "disable_config_load": "true"}

    @staticmethod
    def abfs(bucket):
        endpoint, account, key = azure()
        return {"scheme": "azblob", "container": bucket, "endpoint": endpoint, "account_name": account, "account_key": key}

    def put(self, key, path):
        with open(path, "rb") as source:
            if not self.in_parts:
                self.op.write(key, source.read())
                return
            with self.op.open(key, "wb", chunk=PART, concurrent=8) as target:
                for data in pieces(source):
                    target.write(data)

    def get(self, key, path):
        with self.op.open(key, "rb", chunk=PART, concurrent=8) as source, open(path, "wb") as target:
            for data in pieces(source):
                target.write(data)

    def cat(self, key):
        with self.op.open(key, "rb", chunk=PART, concurrent=8) as source:
            return sum(map(len, pieces(source)))

    def small_put(self, count, size):
        op = self.opendal.AsyncOperator(**self.settings)
        many(lambda i: op.write(small(i), b"x" * size), count)

    def small_get(self, count):
        op = self.opendal.AsyncOperator(**self.settings)

        async def one(number):
            return len(await op.read(small(number)))
        return sum(many(one, count))

    def list(self, prefix):
        return sum(1 for _ in self.op.scan(prefix))


class Pyarrow:
    def __init__(self, store, bucket):
        from pyarrow import fs
        self.module, self.bucket = fs, bucket
        self.fs = getattr(self, store)(fs)

    @staticmethod
    def s3(fs):
        endpoint, key, secret, region = aws()
        return fs.S3FileSystem(access_key=key, secret_key=secret, endpoint_override=endpoint, region=region)

    @staticmethod
    def hdfs(fs):
        host, port = os.environ["POLYFS_TEST_URL"].removeprefix("hdfs://").split(":")
        return fs.HadoopFileSystem(host, int(port))

    def at(self, key):
        return f"{self.bucket}/{key}"

    def put(self, key, path):
        with open(path, "rb") as source, self.fs.open_output_stream(self.at(key)) as target:
            for data in pieces(source):
                target.write(data)

    def get(self, key, path):
        with self.fs.open_input_stream(self.at(key)) as source, open(path, "wb") as target:
            for data in pieces(source):
                target.write(data)

    def cat(self, key):
        with self.fs.open_input_stream(self.at(key)) as source:
            return sum(map(len, pieces(source)))

    @staticmethod
    def threads(one, count):
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(8) as pool:
            return sum(pool.map(one, range(count)))

    def small_put(self, count, size):
        def one(number):
            with self.fs.open_output_stream(self.at(small(number))) as target:
                return target.write(b"x" * size) or 0
        return self.threads(one, count)

    def small_get(self, count):
        def one(number):
            with self.fs.open_input_stream(self.at(small(number))) as source:
                return len(source.read())
        return self.threads(one, count)

    def list(self, prefix):
        path = self.at(prefix)
        return len(self.fs.get_file_info(self.module.FileSelector(path.rstrip("/"), recursive=True) if prefix.endswith("/") else [path]))


class Boto3:
    def __init__(self, _, bucket):
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

    def __init__(self, _, bucket):
        from s3torchconnectorclient._mountpoint_s3_client import MountpointS3Client
        endpoint, _, _, region = aws()
        self.bucket = bucket
        self.client = MountpointS3Client(region, endpoint=endpoint, force_path_style=True, throughput_target_gbps=10.0, part_size=PART)

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


CLIENTS = {"s3fs": Fsspec, "gcsfs": Fsspec, "adlfs": Fsspec, "obstore": Obstore, "opendal": Opendal, "pyarrow": Pyarrow, "boto3": Boto3,
           "s3torchconnector": S3torchconnector}

if __name__ == "__main__":
    store, client, job, bucket, *words = sys.argv[1:]
    numbers = [int(word) if word.isdigit() else word for word in words]
    print(getattr(CLIENTS[client](store, bucket), job.replace("-", "_"))(*numbers))
