# SPDX-License-Identifier: Apache-2.0
"""Another S3 client does what polyfs does: all files of a folder to keys below a prefix, or back.

client.py boto3|s3fs put|get FOLDER BUCKET PREFIX    (in the interpreter that has it; settings from the environment)
"""
import os
import sys


def files_of(folder):
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            yield path, os.path.relpath(path, folder)


def save(folder, name, data):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def by_boto3(verb, folder, bucket, prefix):
    import boto3
    s3 = boto3.client("s3")
    if verb == "put":
        for path, name in files_of(folder):
            with open(path, "rb") as file:
                s3.put_object(Bucket=bucket, Key=prefix + name, Body=file.read())
        return
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for row in page.get("Contents", []):
            save(folder, row["Key"][len(prefix):], s3.get_object(Bucket=bucket, Key=row["Key"])["Body"].read())


def by_s3fs(verb, folder, bucket, prefix):
    import s3fs
    fs = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    if verb == "put":
        for path, name in files_of(folder):
            with open(path, "rb") as file:
                fs.pipe_file(f"{bucket}/{prefix}{name}", file.read())
        return
    for path in fs.find(f"{bucket}/{prefix}"):
        save(folder, path[len(bucket) + 1 + len(prefix):], fs.cat_file(path))


if __name__ == "__main__":
    {"boto3": by_boto3, "s3fs": by_s3fs}[sys.argv[1]](*sys.argv[2:])
