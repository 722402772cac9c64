# SPDX-License-Identifier: Apache-2.0
"""The demo on s3://, given AWS's own variables and nothing else: killed, resumed, the same weights.

demo_test.py FOLDER-OF-PROGRAMS
"""
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../servers"))
import servers  # noqa: E402

BIN = ""


class Demo(unittest.TestCase):
    def test_on_minio(self):
        with tempfile.TemporaryDirectory(prefix="polyfs-demo-") as folder:
            server = servers.Minio(folder).start()
            try:
                settings = server.settings()
                env = {"PATH": os.environ["PATH"], "HOME": folder,
                       **{name: settings[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL")}}
                subprocess.run([os.path.join(BIN, "polyfs"), "mb", "s3://demo"], env=env, check=True)
                done = subprocess.run([sys.executable, os.path.join(HERE, "../../examples/train/demo.py"), BIN, "s3://demo/run"], env=env,
                                      capture_output=True, text=True, check=False)
                self.assertEqual(0, done.returncode, done.stdout[-3000:] + done.stderr[-3000:])
                self.assertIn("bit for bit", done.stdout)
            finally:
                server.stop()


if __name__ == "__main__":
    BIN = sys.argv.pop()
    unittest.main(argv=sys.argv)
