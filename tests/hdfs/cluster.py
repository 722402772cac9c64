# SPDX-License-Identifier: Apache-2.0
"""The cluster that the environment names (servers.py run hdfs|hdfspair): commands to it, and its files by WebHDFS, which needs
neither Java nor anything of polyfs."""
import getpass
import json
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

URL = os.environ["POLYFS_TEST_URL"]


def tell(command, seconds=60):
    """Gives the cluster a command, and waits until it has obeyed."""
    with open(os.environ["POLYFS_TEST_LOG"], encoding="utf-8", errors="replace") as log:
        log.seek(0, os.SEEK_END)
        with open(os.environ["POLYFS_TEST_COMMANDS"], "w", encoding="utf-8") as commands:
            commands.write(command + "\n")
        until, said = time.monotonic() + seconds, ""
        while time.monotonic() < until:
            said += log.read()
            for line in said.splitlines():
                if line == "ok" and said.endswith("\n"):
                    return
                if line.startswith("failed "):
                    raise RuntimeError(f"{command}: {line}")
            time.sleep(0.02)
    raise RuntimeError(f"{command}: the cluster says nothing")


def run(program, *words, stdin=None, seconds=120, **environment):
    """(exit status, standard output, standard error, seconds)"""
    began = time.monotonic()
    done = subprocess.run([program, *words], input=stdin, capture_output=True, timeout=seconds, check=False,
                          env={**os.environ, **environment})
    return done.returncode, done.stdout, done.stderr.decode(), time.monotonic() - began


class Web:
    """WebHDFS of the name node."""

    def __init__(self):
        self.base = os.environ["POLYFS_TEST_WEB"] + "/webhdfs/v1"

    def ask(self, method, path, op, data=None, **more):
        query = urllib.parse.urlencode({"op": op, "user.name": getpass.getuser(), **more})
        request = urllib.request.Request(f"{self.base}{urllib.parse.quote(path)}?{query}", data=data, method=method)
        return urllib.request.urlopen(request, timeout=30)

    def files(self, folder):
        """The paths of all files below."""
        try:
            with self.ask("GET", folder, "LISTSTATUS") as answer:
                rows = json.load(answer)["FileStatuses"]["FileStatus"]
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return []
            raise
        out = []
        for row in rows:
            path = folder.rstrip("/") + "/" + row["pathSuffix"]
            out += self.files(path) if row["type"] == "DIRECTORY" else [path]
        return out

    def get(self, path):
        with self.ask("GET", path, "OPEN") as answer:
            return answer.read()

    def put(self, path, data):
        """The name node sends to a data node, which urllib does not follow with a body."""
        try:
            self.ask("PUT", path, "CREATE", overwrite="true", noredirect="false").close()
        except urllib.error.HTTPError as error:
            if error.code != 307:
                raise
            urllib.request.urlopen(urllib.request.Request(error.headers["Location"], data=data, method="PUT"), timeout=30).close()

    def make(self, folder):
        self.ask("PUT", folder, "MKDIRS").close()

    def copy(self, source, target):
        for path in self.files(source):
            self.put(target + path[len(source):], self.get(path))

    def remove(self, path):
        self.ask("DELETE", path, "DELETE", recursive="true").close()
