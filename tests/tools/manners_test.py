# SPDX-License-Identifier: Apache-2.0
"""What holds for every verb: exit codes, JSON errors, escaping, ^C, closed and full outputs, time limits, progress."""
import base64
import json
import os
import signal
import subprocess
import time

from command import Case, main

# design: "Errors"
STATUS = {"not_found": 3, "exists": 6, "condition": 6, "changed": 6, "is_dir": 1, "not_dir": 1, "not_empty": 1,
          "permission": 4, "auth": 4, "invalid": 2, "config": 2, "unsupported": 1, "range": 1, "too_large": 1,
          "no_space": 1, "busy": 5, "timeout": 5, "network": 5, "cancelled": 130, "corrupt": 7, "nomem": 1,
          "forked": 1, "plugin": 8, "io": 1}


class Errors(Case):
    def test_every_code_has_its_status(self):
        for code, status in STATUS.items():
            err = self.fails(status, "stat", "-o", "fault=stat:1:" + code, "x")
            self.assertTrue(err.startswith("polyfs: ") and err.count("\n") == 1, err)
            row = json.loads(self.fails(status, "stat", "--json", "-o", "fault=stat:1:" + code, "x"))
            self.assertEqual((row["code"], row["exit"]), (code, status))
            self.assertGreater(row["errno"], 0)
            self.assertTrue(row["message"] and row["uri"] and row["operation"])

    def test_usage(self):
        for args in (["sl"], ["ls", "--nope"], ["cp", "a"], ["stat"], ["ls", "-o", "x"], ["ls", "--timeout", "soon"],
                     ["ckpt", "lst", "x"], ["ls", "-j", "x"], ["-l", "ls"], ["version", "x"], ["ls", "-j", "-1"]):
            self.assertTrue(self.fails(2, *args).startswith("polyfs: "), args)
        self.assertIn("polyfs ls", self.fails(2, "sl"))
        self.assertIn("polyfs ckpt list", self.fails(2, "ckpt", "lst", "x"))
        self.assertIn("polyfs known-implementations", self.fails(2, "known-implementation"))

    def test_options_go_where_they_are_known(self):
        self.write("a")
        self.ok("cp", "-o", "part_bytes=1MiB", "a", "memory://b/a")
        self.assertIn("part_bytes", self.fails(2, "ls", "-o", "part_byte=1", "a"))
        self.fails(2, "ls", "-o", "part_bytes=x", "a")


class Names(Case):
    def test_exact_in_a_pipe_escaped_on_a_terminal(self):
        name = "a\n\x1b[31m\u202eb\\"
        self.write("d/" + name)
        self.assertEqual(self.ok("ls", "d"), name.encode() + b"\n")
        self.assertEqual(self.rows("ls", "d")[0]["name"], name)
        _, shown = self.on_terminal("ls", "d")
        self.assertEqual(shown, b"a\\n\\x1b[31m\\xe2\\x80\\xaeb\\\\\r\n")
        status, shown = self.on_terminal("cat", "d/none\x1b[31m")
        self.assertEqual(status, 3)
        self.assertNotIn(b"\x1b", shown)

    def test_bytes_that_are_no_text(self):
        raw = b"d/\xff\xfe.bin"
        os.makedirs(self.path("d"))
        with open(os.path.join(self.dir.encode(), raw), "wb"):
            pass
        self.assertEqual(self.ok("ls", "d"), b"\xff\xfe.bin\n")
        row, = self.rows("ls", "d")
        self.assertEqual(base64.b64decode(row["name_base64"]), b"\xff\xfe.bin")
        self.assertEqual(self.ok("cat", raw), b"")
        self.assertIn(b"\\xff\\xfe.bin", self.on_terminal("ls", "d")[1])

    def test_a_terminal_without_utf8(self):
        self.write("d/\u00e4")
        self.assertEqual(self.on_terminal("ls", "d", LC_ALL="C")[1], b"\\xc3\\xa4\r\n")
        self.assertEqual(self.on_terminal("ls", "d")[1], "\u00e4\r\n".encode())


class Endings(Case):
    def interrupt(self, process, number=signal.SIGINT):
        self.addCleanup(process.kill)
        time.sleep(0.3)
        begin = time.monotonic()
        process.send_signal(number)
        process.wait(10)
        self.assertLess(time.monotonic() - begin, 1)
        return process.returncode

    def test_interrupt_while_reading_input(self):
        process = self.start("put", "-", "out", stdin=subprocess.PIPE)
        process.stdin.write(b"x" * 100000)
        process.stdin.flush()
        self.assertEqual(self.interrupt(process), 130)
        self.assertEqual(os.listdir(self.dir), [])
        process.communicate()

    def test_interrupt_while_a_store_is_waited_for(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            process = self.start("stat", ".", "x", "-o", "fault=stat:2+:busy:throttled", "-o", "attempts=90")
            self.assertEqual(self.interrupt(process, number), status)
            process.communicate()

    def test_interrupt_while_writing_output(self):
        self.write("big", b"x" * 2000000)
        process = self.start("cat", "big")
        self.assertEqual(self.interrupt(process), 130)
        process.communicate()

    def test_timeout(self):
        begin = time.monotonic()
        status, _, err = self.run_polyfs("stat", ".", "x", "--timeout", "300ms", "-o", "fault=stat:2+:busy:throttled",
                                         "-o", "attempts=90")
        self.assertLess(time.monotonic() - begin, 2)
        self.assertEqual(status, 5)
        self.assertTrue(err)

    def test_nobody_reads_the_output(self):
        self.write("big", b"x" * 2000000)
        for i in range(900):  # more than a pipe holds: nothing ends before it is closed
            self.write("many/" + "n" * 200 + str(i))
        for args in (["cat", "big"], ["ls", "many"], ["find", "--json", "many"], ["cp", "big", "-"]):
            process = self.start(*args)
            process.stdout.close()
            self.assertEqual((process.wait(10), process.stderr.read()), (141, b""), args)
            process.stderr.close()

    def test_full_output(self):
        self.write("big", b"x" * 2000000)
        for args in (["cat", "big"], ["ls", "."], ["version"]):
            with open("/dev/full", "wb") as full:
                status, _, err = self.run_polyfs(*args, stdout=full)
            self.assertEqual(status, 1, args)
            self.assertEqual(err, "polyfs: cannot write to the standard output: No space left on device\n")

    def test_progress(self):
        """On a terminal while it lasts, gone at the end; nothing in a pipe that ends before 30 s."""
        master = self.start("put", "-", "out", stdin=subprocess.PIPE)
        for _ in range(4):
            master.stdin.write(b"x" * 1000)
            master.stdin.flush()
            time.sleep(0.1)
        out, err = master.communicate()
        self.assertEqual((master.returncode, out, err), (0, b"", b""))
        script = "(for i in 1 2 3 4 5 6; do printf x; sleep 0.1; done) | \"$0\" put - out"
        shown = self.on_shell_terminal(script)
        self.assertIn(b"upload", shown)
        self.assertIn(b"B/s", shown)
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown)
        self.assertEqual(self.on_shell_terminal(script.replace("put", "put -q")), b"")

    def on_shell_terminal(self, script):
        import command
        kept, command.POLYFS = command.POLYFS, "/bin/sh"
        try:
            return self.on_terminal("-c", script, kept)[1]
        finally:
            command.POLYFS = kept

    def test_verbose(self):
        self.write("a")
        _, _, err = self.run_polyfs("cat", "-v", "a")
        self.assertIn("polyfs: info: loaded plugin local", err)
        _, _, err = self.run_polyfs("cat", "-vv", "a")
        self.assertIn("polyfs: debug: ", err)
        _, _, err = self.run_polyfs("cat", "-vv", "--json", "a")
        self.assertEqual({json.loads(line)["log"] for line in err.splitlines()}, {"info", "debug"})
        _, _, err = self.run_polyfs("cp", "-v", "a", "b")
        self.assertIn("polyfs: copy: a to b\n", err)


if __name__ == "__main__":
    main()
