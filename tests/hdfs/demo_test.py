# SPDX-License-Identifier: Apache-2.0
"""The demo on hdfs://, given Hadoop's own variables and nothing else: killed, resumed, the same weights.

demo_test.py POLYFS         with the cluster that the environment names
"""
import os
import subprocess
import sys
import tempfile
import unittest

from cluster import URL

HERE = os.path.dirname(os.path.abspath(__file__))
POLYFS = sys.argv.pop(1)


class Demo(unittest.TestCase):
    def test_on_a_cluster(self):
        with tempfile.TemporaryDirectory(prefix="polyfs-demo-") as folder:
            os.makedirs(folder + "/hadoop/lib/native")
            os.symlink(os.environ["POLYFS_LIBHDFS"], folder + "/hadoop/lib/native/libhdfs.so")
            env = {name: os.environ[name] for name in ("PATH", "CLASSPATH")}
            env.update(HOME=folder, HADOOP_HOME=folder + "/hadoop")
            done = subprocess.run([sys.executable, os.path.join(HERE, "../../examples/train/demo.py"), os.path.dirname(POLYFS), URL],
                                  env=env, capture_output=True, text=True, check=False)
            self.assertEqual(0, done.returncode, done.stdout[-3000:] + done.stderr[-3000:])
            self.assertIn("bit for bit", done.stdout)


if __name__ == "__main__":
    unittest.main()
