# SPDX-License-Identifier: Apache-2.0
"""Makes users on the MinIO server that the environment names, each with rights of its own.

minio_users.py <USERS      JSON: {name: [statement of a policy…]}; all have the server's own secret key (client_python("minio"))
"""
import json
import os
import sys
import urllib.parse

from minio import MinioAdmin
from minio.credentials import EnvAWSProvider


def main():
    endpoint = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])
    admin = MinioAdmin(endpoint=endpoint.netloc, credentials=EnvAWSProvider(), secure=endpoint.scheme == "https")
    for name, statements in json.load(sys.stdin).items():
        admin.policy_add(name, policy={"Version": "2012-10-17", "Statement": statements})
        admin.user_add(name, os.environ["AWS_SECRET_ACCESS_KEY"])
        admin.attach_policy([name], user=name)


if __name__ == "__main__":
    main()
