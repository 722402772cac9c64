# SPDX-License-Identifier: Apache-2.0
"""Folders of an account with a hierarchical namespace by the command, on the scripted Data Lake endpoint.

lake_test.py POLYFS         with the server that the environment names
"""
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

POLYFS = sys.argv.pop(1)


def losing_answers(port):
    """The port of a way to another one, on which the answers of renames are lost."""
    listener = socket.create_server(("127.0.0.1", 0))

    def one(client):
        request = client.recv(65536)
        with socket.create_connection(("127.0.0.1", port)) as server:
            server.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            answer = b"".join(iter(lambda: server.recv(65536), b""))
        if b"x-ms-rename-source" not in request.lower():
            client.sendall(answer)
        client.close()

    def loop():
        while True:
            threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()
    return listener.getsockname()[1]


class Lake(unittest.TestCase):
    def expect(self, status, *words, told="", stdin=None, **env):
        done = subprocess.run([POLYFS, *words], input=stdin, capture_output=True, text=True, timeout=60, env={**os.environ, **env}, check=False)
        self.assertEqual(status, done.returncode, done.stderr)
        self.assertIn(told, done.stderr)
        return done.stdout

    def setUp(self):
        self.url = "abfs://lake-" + self.id().rsplit(".", 1)[-1].replace("_", "-").removeprefix("test-")
        self.expect(0, "mb", self.url)

    def test_it_is_seen(self):
        facts = json.loads(self.expect(0, "caps", "--json", "--probe", self.url + "/x"))["facts"]
        names = ("real_dirs", "rename", "rename_atomic", "rename_no_replace", "rename_dir", "remove_tree")
        self.assertEqual(dict.fromkeys(names, "yes"), {name: facts[name] for name in names})
        self.assertEqual("emulated", facts["flat_list"])
        self.assertEqual("emulated", json.loads(self.expect(0, "caps", "--json", "--probe", self.url))["facts"]["remove_tree"])

    def tree(self):
        """More names than one request on a whole folder takes."""
        with tempfile.TemporaryDirectory() as folder:
            for i in range(60):
                os.makedirs(f"{folder}/t/{i % 3}", exist_ok=True)
                with open(f"{folder}/t/{i % 3}/{i}", "w", encoding="utf-8") as file:
                    file.write(str(i))
            self.expect(0, "cp", "-r", folder + "/t", self.url, POLYFS_ABFS_STALL_TIMEOUT="60s")  # one request at a time there

    def test_empty_folders_stay(self):
        self.expect(0, "mkdir", self.url + "/a")
        self.expect(6, "mkdir", self.url + "/a", told="there already")
        self.expect(0, "mkdir", "-p", self.url + "/a/b/c")
        self.assertEqual("", self.expect(0, "ls", self.url + "/a/b/c"))
        self.expect(3, "ls", self.url + "/a/nothing/")
        self.expect(1, "rmdir", self.url + "/a", told="empty")
        self.expect(0, "rmdir", self.url + "/a/b/c")
        self.expect(3, "ls", self.url + "/a/b/c/")

    def test_a_tree_goes_at_once(self):
        self.tree()
        self.expect(0, "rm", "-r", self.url + "/t")
        self.assertEqual("", self.expect(0, "ls", self.url + "/"))

    def test_a_tree_moves_at_once(self):
        """By a process that has not been told yet what kind of account it is."""
        self.tree()
        self.expect(0, "mkdir", self.url + "/taken")
        told = self.expect(0, "mv", "--json", self.url + "/t", self.url + "/u")
        self.assertEqual("", told, "nothing of it was moved by itself")
        self.assertEqual("59", self.expect(0, "cat", self.url + "/u/2/59"))
        self.assertEqual(60, len(self.expect(0, "find", self.url + "/u").splitlines()))
        self.expect(3, "ls", self.url + "/t/")
        self.expect(0, "mv", self.url + "/u", self.url + "/taken")
        self.assertEqual("58", self.expect(0, "cat", self.url + "/taken/u/1/58"))

    def test_a_container_is_emptied_and_stays(self):
        self.tree()
        self.expect(0, "mkdir", self.url + "/empty")
        self.expect(2, "rm", "-r", self.url, told="whole store")
        self.expect(0, "rm", "-r", "--force", self.url)
        self.assertEqual("", self.expect(0, "ls", self.url))

    def test_names_with_a_slash(self):
        self.expect(0, "mkdir", self.url + "/d")
        self.expect(0, "put", "-", self.url + "/a", stdin="x")
        self.expect(1, "cat", self.url + "/d/", told="folder")
        self.expect(1, "cat", self.url + "/a/", told="not a folder")
        self.expect(3, "cat", self.url + "/none/")
        self.expect(1, "cat", self.url + "/a/b", told="a part of the path is a blob")
        self.expect(0, "stat", self.url + "/d/")

    def test_a_folder_is_no_blob(self):
        self.expect(0, "mkdir", self.url + "/d")
        self.expect(1, "rm", self.url + "/d", told="folder")
        self.expect(1, "put", "-", self.url + "/d", stdin="x")
        self.assertIn("d/", self.expect(0, "ls", self.url + "/"))

    def test_moves(self):
        self.expect(0, "put", "-", self.url + "/from", stdin="bytes")
        self.expect(0, "mv", self.url + "/from", self.url + "/to")
        self.assertEqual("bytes", self.expect(0, "cat", self.url + "/to"))
        self.expect(3, "cat", self.url + "/from")

    def test_a_lost_answer_of_a_move(self):
        """F11: whether it was done is not known, and is not guessed; one of both names is there."""
        text = os.environ["AZURE_STORAGE_CONNECTION_STRING"]
        port = re.search(r"DfsEndpoint=http://127.0.0.1:(\d+)/", text).group(1)
        lossy = text.replace(f":{port}/", f":{losing_answers(int(port))}/")
        self.expect(0, "put", "-", self.url + "/from", stdin="bytes")
        self.expect(5, "mv", self.url + "/from", self.url + "/to", AZURE_STORAGE_CONNECTION_STRING=lossy)
        self.assertEqual("bytes", self.expect(0, "cat", self.url + "/to"))
        self.expect(3, "cat", self.url + "/from")


if __name__ == "__main__":
    unittest.main()
