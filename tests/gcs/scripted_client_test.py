# SPDX-License-Identifier: Apache-2.0
"""Google's own library on the scripted server (tests/servers/gcs_scripted.py), and polyfs beside it: each reads what the other wrote.

scripted_client_test.py POLYFS         with the server that the environment names
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from oracle import with_client  # noqa: E402

MIB = 1 << 20


def some(size):
    return bytes(range(251)) * (size // 251) + b"." * (size % 251)


class Client(unittest.TestCase):
    def setUp(self):
        from google.cloud import storage
        self.client = storage.Client(project="polyfs-test")
        self.name = "client-" + self.id().rsplit(".", 1)[-1].replace("test_", "").replace("_", "-")
        self.bucket = self.client.create_bucket(self.name)

    def polyfs(self, *words, stdin=None):
        done = subprocess.run([POLYFS, *words], input=stdin, capture_output=True, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def names(self):
        return [blob.name for blob in self.client.list_blobs(self.name)]

    def refuses(self, *args, **named):
        from google.api_core.exceptions import PreconditionFailed
        call, *rest = args
        with self.assertRaises(PreconditionFailed):
            call(*rest, **named)

    def test_parts_in_parallel(self):
        from google.cloud.storage import transfer_manager
        data = some(17 * MIB + 5)
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            blob = self.bucket.blob("a b/parts")
            blob.metadata = {"who": "theirs"}
            transfer_manager.upload_chunks_concurrently(file.name, blob, chunk_size=5 * MIB, max_workers=3, checksum="crc32c",
                                                        worker_type=transfer_manager.THREAD)
        blob.reload()
        self.assertEqual(({"who": "theirs"}, None, len(data)), (blob.metadata, blob.md5_hash, blob.size))
        self.assertEqual(data, blob.download_as_bytes(checksum="crc32c"))
        self.assertEqual(data, self.polyfs("cat", f"gs://{self.name}/a b/parts"))

    def test_parts_of_polyfs(self):
        data = some(21 * MIB)
        self.polyfs("put", "-", f"gs://{self.name}/ours", stdin=data)
        self.assertEqual(data, self.bucket.blob("ours").download_as_bytes(checksum="crc32c"))
        self.assertEqual(["ours"], self.names())

    def test_condition_of_polyfs(self):
        first, second = some(17 * MIB), some(11 * MIB)
        self.polyfs("put", "-n", "-", f"gs://{self.name}/d/ours", stdin=first)
        done = subprocess.run([POLYFS, "put", "-n", "-", f"gs://{self.name}/d/ours"], input=second, capture_output=True, check=False)
        self.assertEqual(6, done.returncode, done.stderr)
        blob = self.bucket.get_blob("d/ours")
        self.assertEqual((first, 1), (blob.download_as_bytes(checksum="crc32c"), blob.component_count))
        self.assertEqual(["d/ours"], self.names())

    def test_condition_without_the_right_to_remove(self):
        name, data = self.name[:50] + "-keeps", some(17 * MIB)
        bucket = self.client.create_bucket(name)
        self.polyfs("put", "-n", "-", f"gs://{name}/ours", stdin=data)
        blob = bucket.get_blob("ours")
        self.assertEqual((data, None), (blob.download_as_bytes(), blob.component_count))
        self.assertIsNotNone(blob.md5_hash, "it went as a resumable upload")
        self.assertEqual(["ours"], [each.name for each in self.client.list_blobs(name)])

    def test_rewrite_to_the_end(self):
        data = some(3 * MIB + 17)
        source, target = self.bucket.blob("source"), self.bucket.blob("target")
        source.upload_from_string(data, content_type="text/x-test")
        token, moved, total = target.rewrite(source)
        rounds = 1
        while token:
            self.assertLess(moved, total)
            token, moved, total = target.rewrite(source, token=token)
            rounds += 1
        self.assertEqual((4, len(data)), (rounds, moved))
        target.reload()
        self.assertEqual((data, "text/x-test"), (target.download_as_bytes(), target.content_type))
        self.refuses(self.bucket.blob("target").rewrite, self.bucket.blob("target"), if_generation_match=0)

    def test_compose_under_a_condition(self):
        pieces = [self.bucket.blob(f"piece{i}") for i in range(3)]
        for i, piece in enumerate(pieces):
            piece.upload_from_string(bytes([65 + i]) * 1000)
        target = self.bucket.blob("whole")
        target.compose(pieces, if_generation_match=0)
        self.assertEqual(b"A" * 1000 + b"B" * 1000 + b"C" * 1000, target.download_as_bytes())
        self.assertEqual(3, target.component_count)
        self.refuses(self.bucket.blob("whole").compose, pieces, if_generation_match=0)
        self.bucket.blob("whole").compose(pieces[:1], if_generation_match=target.generation)
        self.assertEqual(b"A" * 1000, self.bucket.blob("whole").download_as_bytes())

    def test_conditions(self):
        blob = self.bucket.blob("a")
        blob.upload_from_string(b"first", if_generation_match=0)
        first = blob.generation
        self.refuses(self.bucket.blob("a").upload_from_string, b"again", if_generation_match=0)
        self.bucket.blob("a").upload_from_string(b"second", if_generation_match=first)
        self.refuses(self.bucket.blob("a").download_as_bytes, if_generation_match=first)
        self.refuses(self.bucket.blob("a").delete, if_generation_match=first)
        self.assertEqual(b"second", self.bucket.blob("a").download_as_bytes(if_generation_not_match=first))
        now = self.bucket.get_blob("a").generation
        self.bucket.blob("a").delete(if_generation_match=now)
        self.assertEqual([], self.names())

    def test_hashes(self):
        def send(crc32c):
            resource = json.dumps({"name": "a", "crc32c": crc32c})
            body = f"--x\r\nContent-Type: application/json\r\n\r\n{resource}\r\n--x\r\nContent-Type: text/plain\r\n\r\nbytes\r\n--x--\r\n"
            url = os.environ["STORAGE_EMULATOR_HOST"] + f"/upload/storage/v1/b/{self.name}/o?uploadType=multipart"
            urllib.request.urlopen(urllib.request.Request(url, body.encode(), {"Content-Type": "multipart/related; boundary=x"})).close()
        with self.assertRaises(urllib.error.HTTPError) as raised:
            send("AAAAAA==")
        self.assertEqual((400, []), (raised.exception.code, self.names()))
        blob = self.bucket.blob("theirs")
        blob.upload_from_string(b"bytes", checksum="crc32c")
        send(blob.crc32c)
        self.assertEqual(["a", "theirs"], self.names())

    def test_resumable_and_metadata(self):
        data = some(2 * MIB + 3)
        blob = self.bucket.blob("resumed", chunk_size=512 << 10)
        blob.metadata = {"one": "1", "two": "2"}
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            blob.upload_from_filename(file.name)
        self.assertEqual(data, self.polyfs("cat", f"gs://{self.name}/resumed"))
        generation = blob.generation
        blob.metadata = {"one": None, "three": "3"}
        blob.patch()
        blob.reload()
        self.assertEqual(({"two": "2", "three": "3"}, generation, 2), (blob.metadata, blob.generation, blob.metageneration))

    def test_listing_and_batch(self):
        for name in ("a", "d/x", "d/y", "e"):
            self.bucket.blob(name).upload_from_string(name)
        pages = self.client.list_blobs(self.name, delimiter="/", page_size=1)
        self.assertEqual((["a", "e"], {"d/"}), ([each.name for each in pages], pages.prefixes))
        with self.client.batch():
            for name in ("a", "d/x"):
                self.bucket.blob(name).delete()
        self.assertEqual(["d/y", "e"], self.names())


if __name__ == "__main__":
    with_client("gcs")
    POLYFS = sys.argv.pop()
    unittest.main(argv=sys.argv)
