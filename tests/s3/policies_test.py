# SPDX-License-Identifier: Apache-2.0
"""docs/permissions.md, with users of a real server who have just these rights: what is done, what is left undone and told,
which requests are sent, and that a refusal is never taken for "none".

policies_test.py FOLDER-OF-PROGRAMS
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../servers"), os.path.join(HERE, "../fault")]
import bucket as store  # noqa: E402
import proxy as faults  # noqa: E402
import servers  # noqa: E402

BIN = ""
BUCKET, ALL = "arn:aws:s3:::rights", "arn:aws:s3:::rights/*"
MINE = {"StringLike": {"s3:prefix": ["mine/*"]}}


def allow(resource, *actions, **more):
    return {"Effect": "Allow", "Action": [f"s3:{action}" for action in actions], "Resource": [resource], **more}


PUT_GET = allow(ALL, "PutObject", "GetObject")
LIST = allow(BUCKET, "ListBucket")
USERS = {
    "put-get": [PUT_GET],
    "put-get-list": [PUT_GET, LIST],
    "put-get-list-delete": [PUT_GET, LIST, allow(ALL, "DeleteObject")],
    "uploads": [PUT_GET, LIST, allow(ALL, "DeleteObject", "AbortMultipartUpload"), allow(BUCKET, "ListBucketMultipartUploads")],
    "mine": [allow(f"{BUCKET}/mine/*", "PutObject", "GetObject", "DeleteObject"), allow(BUCKET, "ListBucket", Condition=MINE)],
    "reader": [allow(ALL, "GetObject"), LIST],
}
WORDS = "weights of step "


class Policies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temp = tempfile.TemporaryDirectory(prefix="polyfs-policies-")
        cls.server = servers.Minio(cls.temp.name).start()
        cls.proxy = faults.Proxy(cls.server)
        os.environ.update(cls.server.settings())  # of this program's own requests, past the proxy
        store.send("PUT", "/rights")
        subprocess.run([servers.client_python("minio"), os.path.join(HERE, "../servers/minio_users.py")], input=json.dumps(USERS),
                       text=True, check=True)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.temp.cleanup()

    def polyfs(self, user, *words, code=0, warning=None):
        """Standard output and error of the command, as that user; no @warning: it says nothing of rights."""
        self.proxy.journal = []
        env = {**os.environ, "PATH": BIN, "HOME": self.temp.name, "AWS_ACCESS_KEY_ID": user,
               "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.proxy.main}"}
        done = subprocess.run(["polyfs", *words], env=env, cwd=self.temp.name, capture_output=True, text=True)
        self.assertEqual(code, done.returncode, f"{user}: {words}: {done.stdout}{done.stderr}")
        if warning:
            self.assertIn(warning, done.stderr)
        elif code == 0:
            self.assertNotIn("warning", done.stderr)
        return done.stdout, done.stderr

    def save(self, user, run, step, **how):
        with open(os.path.join(self.temp.name, "weights"), "w", encoding="utf-8") as file:
            file.write(WORDS + str(step))
        return self.polyfs(user, "ckpt", "save", run, "--step", str(step), "--keep", "1", "weights", **how)

    def expect_newest(self, user, run, step):
        self.assertEqual(f"step={step}", self.polyfs(user, "ckpt", "latest", run)[0].strip())
        with tempfile.TemporaryDirectory(dir=self.temp.name) as folder:
            self.polyfs(user, "ckpt", "load", run, folder)
            with open(os.path.join(folder, "weights"), encoding="utf-8") as file:
                self.assertEqual(WORDS + str(step), file.read())

    def sent(self, method, target="", worked=True):
        """Requests of the last command; @worked: those alone that were not refused."""
        return [f"{row['method']} {row['target']}" for row in self.proxy.journal
                if row["method"] == method and target in row["target"] and (not worked or row["status"] < 400)]

    def expect_no_look_around(self):
        """No listing that was allowed, no removal, no look at the bucket or at a folder above."""
        self.assertEqual([], self.sent("GET", "list-type") + self.sent("DELETE", worked=False) + self.sent("POST", "delete", worked=False))
        self.assertEqual([], self.sent("HEAD", worked=False))

    # ---- put and get ------------------------------------------------------------------------------------------------------

    def test_put_and_get(self):
        run = "s3://rights/two/run"
        self.save("put-get", run, 1)  # nothing was dropped yet, so nothing is left undone
        self.expect_no_look_around()
        for step in (2, 3):
            self.save("put-get", run, step, warning=f"what was dropped stays: this store refuses to list; allow to list and delete below {run}")
            self.expect_no_look_around()
            self.expect_newest("put-get", run, step)
        told = json.loads(self.polyfs("put-get", "ckpt", "save", run, "--step", "4", "--keep", "1", "--json", "weights")[0])
        self.assertIn("allow to list and delete below " + run, told["undone"])
        self.assertEqual("step=4", self.polyfs("put-get-list", "ckpt", "latest", run)[0].strip())

    def test_put_and_get_cannot_tell_whether_there_is_one(self):
        for words in (("latest",), ("list",), ("load", "nowhere"), ("verify",)):
            _, told = self.polyfs("put-get", "ckpt", words[0], "s3://rights/nothing/run", *words[1:], code=4)
            self.assertIn("cannot be told", told)
            self.assertIn("allow listing below .ckpt/log", told)

    def test_put_and_get_of_one_object(self):
        for name, size in (("small", 10), ("large", 20_000_000)):
            data = os.urandom(size)
            with open(os.path.join(self.temp.name, name), "wb") as file:
                file.write(data)
            url = f"s3://rights/objects/{name}"
            for _ in range(2):  # a new one, and in place of the old
                self.polyfs("put-get", "put", name, url)
                self.assertEqual([], self.sent("GET", "list-type") + self.sent("DELETE", worked=False))
            self.polyfs("put-get", "get", url, name + ".back")
            with open(os.path.join(self.temp.name, name + ".back"), "rb") as file:
                self.assertEqual(data, file.read())
        self.assertEqual("hello", self.cat_of("hello"))

    def cat_of(self, text):
        store.put("rights", "objects/text", text.encode())
        told = self.polyfs("put-get", "cat", "s3://rights/objects/text")[0]
        self.assertEqual(1, len(self.proxy.journal), "one object is one request")
        return told

    def test_put_and_get_where_what_is_absent_is_refused(self):
        """As Amazon does it to who may not list; MinIO says that it is not there."""
        refused = {"status": 403, "count": 0, "body": "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"}
        self.proxy.rules = [faults.Rule({"method": "HEAD", **refused}),
                            faults.Rule({"method": "GET", "target": r"/\.ckpt/log/9", **refused})]
        self.addCleanup(setattr, self.proxy, "rules", [])
        with open(os.path.join(self.temp.name, "hello"), "w", encoding="utf-8") as file:
            file.write("hello")
        self.polyfs("put-get", "put", "hello", "s3://rights/absent/hello")
        self.assertEqual("hello", self.polyfs("put-get", "cat", "s3://rights/absent/hello")[0])
        self.save("put-get", "s3://rights/absent/run", 1)
        self.assertIn("cannot be told", self.polyfs("put-get", "ckpt", "latest", "s3://rights/nothing/run", code=4)[1])
        self.proxy.rules = []
        self.expect_newest("put-get", "s3://rights/absent/run", 1)

    # ---- and list, and delete -----------------------------------------------------------------------------------------------

    def test_with_list(self):
        run = "s3://rights/three/run"
        for step in (1, 2):
            self.save("put-get-list", run, step)
        self.save("put-get-list", run, 3, warning=f"what was dropped stays: this store refuses to remove it; allow to list and delete below {run}")
        self.expect_newest("put-get-list", run, 3)
        self.polyfs("put-get-list", "ckpt", "latest", run)
        self.assertEqual((1, 1), (len(self.sent("GET", "list-type")), len(self.sent("GET", ".ckpt/log/99"))), "it resumes in a list and a get")
        _, told = self.polyfs("put-get-list", "ckpt", "latest", "s3://rights/nothing/run", code=3)
        self.assertIn("it has no checkpoint yet", told)

    def test_with_delete(self):
        run = "s3://rights/four/run"
        for step in range(1, 9):
            self.save("put-get-list-delete", run, step)
        keys = store.keys("rights", "four/run/")
        self.assertLessEqual(len([key for key in keys if ".ckpt/log" in key]), 5 + 16)  # old ones wait for another removal
        self.assertEqual(2, len([key for key in keys if key.endswith("/weights")]), "the newest, and one that the next save removes")
        store.put("rights", f"four/run/step=9/{'0' * 32}/weights", b"of a save that was killed")
        _, told = self.polyfs("put-get-list-delete", "ckpt", "gc", run, "--older-than", "0s", code=4)
        self.assertIn("allow to list the unfinished uploads of the bucket; all else is done", told)
        self.polyfs("uploads", "ckpt", "gc", run, "--older-than", "0s")
        self.assertEqual([], [key for key in store.keys("rights", "four/run/") if "step=9" in key])
        self.expect_newest("put-get-list-delete", run, 8)

    # ---- one prefix; reading ----------------------------------------------------------------------------------------------------

    def test_one_prefix(self):
        run, other = "s3://rights/mine/run", "s3://rights/others/run"
        for step in range(1, 9):
            self.save("mine", run, step)
        self.expect_newest("mine", run, 8)
        self.assertEqual(2, len([key for key in store.keys("rights", "mine/run/") if key.endswith("/weights")]))
        self.save("put-get-list", other, 1)
        before = self.everything()
        for words in (("latest", other), ("list", other), ("verify", other), ("save", other, "--step", "2", "weights")):
            self.polyfs("mine", "ckpt", *words, code=4)
        self.assertEqual(before, self.everything())

    def test_reading_alone(self):
        run = "s3://rights/shown/run"
        for step in (1, 2):
            self.save("put-get-list-delete", run, step)
        before = self.everything()
        self.expect_newest("reader", run, 2)
        self.assertIn("step=2", self.polyfs("reader", "ckpt", "list", run)[0])
        self.polyfs("reader", "ckpt", "verify", run)
        _, told = self.save("reader", run, 3, code=4)
        self.assertRegex(told, rf"cannot write {run}/.ckpt/log/\d+.json: the store says: Access Denied")
        self.polyfs("reader", "ckpt", "gc", run, code=4)
        self.assertEqual(before, self.everything())
        self.expect_newest("reader", run, 2)

    def everything(self):
        listing = store.send("GET", "/rights", "list-type=2")
        return list(zip(store.texts(listing, "Key"), store.texts(listing, "ETag")))


if __name__ == "__main__":
    BIN = sys.argv.pop()
    unittest.main(argv=sys.argv)
