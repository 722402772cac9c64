# SPDX-License-Identifier: Apache-2.0
"""The demo on a store, given what the store's own tools are given and nothing else: killed, resumed, the same weights.

demo_test.py POLYFS URL VARIABLE…     on the server that the environment names; these variables of it are handed on
"""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    polyfs, url, *names = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="polyfs-demo-") as folder:
        env = {"HOME": folder, **{name: os.environ[name] for name in ("PATH", *names)}}
        subprocess.run([polyfs, "mb", url], env=env, check=True)
        done = subprocess.run([sys.executable, os.path.join(HERE, "../../examples/train/demo.py"), os.path.dirname(polyfs), url + "/run"],
                              env=env, capture_output=True, text=True, check=False)
    if done.returncode or "bit for bit" not in done.stdout:
        sys.exit(done.stdout[-3000:] + done.stderr[-3000:])


if __name__ == "__main__":
    main()
