# SPDX-License-Identifier: Apache-2.0
"""What happens to reads and writes of hdfs:// when the cluster fails meanwhile: data nodes that stop in a write, a flipped bit,
safe mode, a name node that is started anew or hands over to the other, writers that died with a lease.

faults_test.py DRIVER          with the pair that the environment names (servers.py run hdfspair)
"""
import subprocess
import sys
import time
import unittest

from cluster import URL, files, tell

DRIVER = sys.argv.pop(1)
FOLDER = "/faults"
MIB = 1 << 20
AT_ONCE_MS, BOUND_MS = 2000, 12000  # cancel_bound_ms, and what is left to do


class Driver:
    """A process that reads and writes for as long as the test lasts."""

    def __init__(self):
        self.process = subprocess.Popen([DRIVER, URL + FOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        """(code, milliseconds, message)"""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        code, spent, _, message = self.process.stdout.readline().rstrip("\n").split(" ", 3)
        return code, int(spent), message

    def kill(self):
        self.process.kill()
        self.end()

    def end(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        tell(f"mkdir {FOLDER}")
        cls.driver = Driver()
        cls.driver.ask("put warm 10")

    @classmethod
    def tearDownClass(cls):
        cls.driver.end()

    def well(self, *lines):
        for line in lines:
            code, _, message = self.driver.ask(line)
            self.assertEqual(("ok", ""), (code, message), line)

    def left(self):
        return [path for path in files(FOLDER) if ".polyfs" in path]

    def test_a_data_node_stops_in_a_write(self):
        self.well("open one", f"write {3 * MIB}")
        tell("stop-datanode")
        try:
            self.well(f"write {3 * MIB}", "commit", f"get one {6 * MIB}")
        finally:
            tell("start-datanodes")

    def test_all_data_nodes_stop_in_a_write(self):
        self.well("open two", f"write {3 * MIB}")
        tell("stop-datanode")
        tell("stop-datanode")
        try:
            answers = [self.driver.ask(line) for line in (f"write {3 * MIB}", "commit")]
            failed = next(answer for answer in answers if answer[0] != "ok")
            self.assertIn(failed[0], ("network", "busy"), failed)
            self.assertIn("hdfs dfsadmin -report", failed[2])
            self.assertLess(sum(answer[1] for answer in answers), BOUND_MS)
        finally:
            tell("start-datanodes")
        self.assertEqual("not_found", self.driver.ask("get two 1")[0])
        self.assertEqual([], self.left())
        self.well(f"put two {MIB}", f"get two {MIB}")

    def test_a_bit_flips(self):
        for node in (0, 1):
            self.well(f"put bit{node} {MIB}")
            tell(f"corrupt {node} {FOLDER}/bit{node}")
            self.well(f"get bit{node} {MIB}")

    def test_a_bit_flips_in_every_copy(self):
        self.well(f"put bits {MIB}")
        tell(f"corrupt all {FOLDER}/bits")
        code, _, message = self.driver.ask(f"get bits {MIB}")
        self.assertEqual("corrupt", code, message)
        self.assertIn("hdfs fsck", message)

    def test_safe_mode(self):
        self.well(f"put safe {MIB}")
        tell("safemode on")
        try:
            for line in ("put unsafe 10", "remove safe", "open unsafe append"):
                code, spent, message = self.driver.ask(line)
                self.assertEqual("busy", code, message)
                self.assertIn("hdfs dfsadmin -safemode get", message)
                self.assertLess(spent, AT_ONCE_MS)
            self.well(f"get safe {MIB}")
        finally:
            tell("safemode off")
        self.well("put unsafe 10", "get unsafe 10")

    def test_the_name_node_is_started_anew_in_a_write(self):
        """Hadoop's client holds back 5 MiB at most, so that the place of the block is known by then."""
        self.well("open anew", f"write {8 * MIB}")
        tell("restart-namenode")
        self.well(f"write {2 * MIB}", "commit", f"get anew {10 * MIB}")

    def test_the_other_name_node_takes_over_in_a_write(self):
        self.well("open over", f"write {2 * MIB}")
        tell("failover")
        self.well(f"write {2 * MIB}", "commit", f"get over {4 * MIB}", "put back 10")
        tell("failover")
        self.well("get back 10")

    def test_writers_that_live_and_that_died(self):
        """The name node takes a lease back once its writer has been silent for the soft limit."""
        other = Driver()
        self.well(f"put leased {MIB}")
        self.assertEqual("ok", other.ask("open leased append")[0])
        self.assertEqual("ok", other.ask(f"write {MIB}")[0])
        code, spent, message = self.driver.ask("open leased append")
        self.assertEqual("busy", code, message)
        self.assertIn("another writer has it open", message)
        self.assertLess(spent, AT_ONCE_MS)
        self.well(f"get leased {MIB}")
        other.kill()
        tell("lease 500 60000")
        try:
            until = time.monotonic() + 30
            while (code := self.driver.ask("open leased append")[0]) == "busy" and time.monotonic() < until:
                time.sleep(0.5)
            self.assertEqual("ok", code)
        finally:
            tell("lease 60000 1200000")
        self.well("close")


if __name__ == "__main__":
    unittest.main()
