# SPDX-License-Identifier: Apache-2.0
"""A bucket with settings that polyfs itself has no verb for, on the server that the environment names.

bucket.py NAME [--versioned] [--policy JSON] -- COMMAND…   makes the bucket, sets it up, runs a command

Signs with the standard library alone, so that what is tested does not prepare its own test.
"""
import base64
import datetime
import hashlib
import hmac
import http.client
import os
import ssl
import subprocess
import sys
import urllib.parse

VERSIONED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signed(method, host, path, query, body):
    """The headers of a request with AWS's signature of version 4."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    region = os.environ["AWS_REGION"]
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    headers = {"content-md5": base64.b64encode(hashlib.md5(body).digest()).decode(), "host": host,
               "x-amz-content-sha256": hashlib.sha256(body).hexdigest(), "x-amz-date": now}
    canonical = "\n".join([method, path, query, *(f"{name}:{value}" for name, value in headers.items()), "", ";".join(headers),
                           headers["x-amz-content-sha256"]])
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for word in scope.split("/"):
        key = digest(key, word)
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope},"
                                f"SignedHeaders={';'.join(sorted(headers))},Signature={digest(key, text).hex()}")
    return headers


def send(method, path, query="", body=b""):
    """One request; a refusal ends the program."""
    endpoint = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])
    if endpoint.scheme == "https":
        context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
        connection = http.client.HTTPSConnection(endpoint.netloc, context=context)
    else:
        connection = http.client.HTTPConnection(endpoint.netloc)
    connection.request(method, path + ("?" + query if query else ""), body, signed(method, endpoint.netloc, path, query, body))
    answer = connection.getresponse()
    told = answer.read().decode(errors="replace")
    connection.close()
    if answer.status >= 300 and "BucketAlreadyOwnedByYou" not in told:
        sys.exit(f"{method} {path}?{query} is {answer.status}: {told}")


def main():
    if "--" not in sys.argv or len(sys.argv) < 3:
        sys.exit(__doc__)
    at = sys.argv.index("--")
    options, command = sys.argv[2:at], sys.argv[at + 1:]
    path = "/" + sys.argv[1]
    send("PUT", path)
    if "--versioned" in options:
        send("PUT", path, "versioning=", VERSIONED)
    if "--policy" in options:
        send("PUT", path, "policy=", options[options.index("--policy") + 1].encode())
    sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
