# SPDX-License-Identifier: Apache-2.0
"""Other people's clients agree: what polyfs wrote, boto3, s3fs and the aws command read back, and the reverse, for 200
keys with every awkward byte.

clients_test.py FOLDER-OF-PROGRAMS
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../servers"))
import servers  # noqa: E402

BIN = ""
BUCKET = "clients"
# MinIO takes '\' for '/' and no name of dots alone; '/' is between names.
PUNCTUATION = [chr(c) for c in range(0x20, 0x7f) if not chr(c).isalnum() and chr(c) not in "\\/"]
OTHERS = ["\t", "\n", "\r", "\u00e9", "e\u0301", "\u00df", "\u0130", "\u20ac", "\u4e2d\u6587", "\u05d0\u05d1", "\u202e", "\u200d", "\ufffd",
          "\U0001f600", "\u00a0", "\u2028", "\u00ad", "\ufeff", "%41", "%2F", "%00", "%", "%%", "&amp;", "&#60;", "a=b&c=d", "?x=1", "#f",
          "+", "++", "a+b c", "~", "'\"", "(1)", "[a]", "{b}", "<c>", "|", "^", "`", "$HOME", "*", "a*b", "!", ";", ",", "@", ":"]


def keys():
    names = [f"a{c}b" for c in PUNCTUATION] + [f"end{c}" for c in PUNCTUATION if c != "."] + [f"{c}begin" for c in PUNCTUATION]
    names += [f"two {c}{c}" for c in PUNCTUATION if c != "."]
    names += [f"x{text}y" for text in OTHERS] + [f"deep/er {i}/{text}z" for i, text in enumerate(OTHERS)]
    return list(dict.fromkeys(names))


def contents(folder):
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temp = tempfile.TemporaryDirectory(prefix="polyfs-clients-")
        cls.server = servers.Minio(cls.temp.name).start()
        cls.env = {"PATH": BIN + ":" + os.environ["PATH"], "HOME": cls.temp.name, "LC_ALL": "C.UTF-8", **cls.server.settings()}
        cls.source = os.path.join(cls.temp.name, "source")
        for i, name in enumerate(keys()):
            path = os.path.join(cls.source, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(name.encode() * (i % 7))
        cls.run_in(cls, "polyfs", "mb", f"s3://{BUCKET}")
        cls.run_in(cls, "polyfs", "cp", "-r", cls.source, f"s3://{BUCKET}/polyfs")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.temp.cleanup()

    def run_in(self, *words):
        done = subprocess.run(words, env=self.env, cwd=self.temp.name, capture_output=True, check=False)
        if done.returncode:
            raise AssertionError(f"{' '.join(words)} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
        return done.stdout

    def both_ways(self, name, put, get):
        self.assertGreaterEqual(len(keys()), 200)
        expected, theirs, ours = contents(self.source), os.path.join(self.temp.name, name), os.path.join(self.temp.name, name + "-ours")
        get(theirs, "polyfs/")
        self.assertEqual(expected, contents(theirs), f"{name} reads what polyfs wrote")
        put(self.source, name + "/")
        self.run_in("polyfs", "cp", "-r", f"s3://{BUCKET}/{name}", ours)
        self.assertEqual(expected, contents(ours), f"polyfs reads what {name} wrote")
        shutil.rmtree(theirs)
        shutil.rmtree(ours)

    def python_client(self, name, environment):
        python = servers.client_python(environment)
        self.both_ways(name, lambda folder, prefix: self.run_in(python, os.path.join(HERE, "client.py"), name, "put", folder, BUCKET, prefix),
                       lambda folder, prefix: self.run_in(python, os.path.join(HERE, "client.py"), name, "get", folder, BUCKET, prefix))

    def test_boto3(self):
        self.python_client("boto3", "botocore")

    def test_s3fs(self):
        self.python_client("s3fs", "s3fs")

    def test_aws(self):
        aws = os.path.join(os.path.dirname(servers.client_python("aws")), "aws")
        self.both_ways("aws", lambda folder, prefix: self.run_in(aws, "s3", "cp", "--recursive", "--only-show-errors", folder, f"s3://{BUCKET}/{prefix}"),
                       lambda folder, prefix: self.run_in(aws, "s3", "cp", "--recursive", "--only-show-errors", f"s3://{BUCKET}/{prefix}", folder))


if __name__ == "__main__":
    BIN = sys.argv.pop()
    unittest.main(argv=sys.argv)
