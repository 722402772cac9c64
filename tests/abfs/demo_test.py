# SPDX-License-Identifier: Apache-2.0
"""The demo on abfs://, given Azure's own variable and nothing else: killed, resumed, the same weights.

demo_test.py POLYFS         with the server that the environment names
"""
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
POLYFS = sys.argv.pop(1)


class Demo(unittest.TestCase):
    def test_on_azurite(self):
        with tempfile.TemporaryDirectory(prefix="polyfs-demo-") as folder:
            env = {name: os.environ[name] for name in ("PATH", "AZURE_STORAGE_CONNECTION_STRING")}
            env["HOME"] = folder
            subprocess.run([POLYFS, "mb", "abfs://demo"], env=env, check=True)
            done = subprocess.run([sys.executable, os.path.join(HERE, "../../examples/train/demo.py"), os.path.dirname(POLYFS), "abfs://demo/run"],
                                  env=env, capture_output=True, text=True, check=False)
            self.assertEqual(0, done.returncode, done.stdout[-3000:] + done.stderr[-3000:])
            self.assertIn("bit for bit", done.stdout)


if __name__ == "__main__":
    unittest.main()
