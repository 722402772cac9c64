# SPDX-License-Identifier: Apache-2.0
"""file:// when the system below it fails (reliability: F32, F33, F34).

Each writing verb is recorded once; then each call of it that changes the folder fails, one run a call and error. The
verb must fail with the code that the error means and leave the folder as it was, or, where the call does not matter, do
its whole work. Nothing of staging may stay behind in any case.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "checkpoint"))
import recording  # noqa: E402

POLYFS, VERB, SHORTEN = sys.argv[1:4]
CODES = {"ENOSPC": "no_space", "EDQUOT": "no_space", "EIO": "io"}
INJECTED = ("write pwrite64 fallocate ftruncate fsync linkat renameat renameat2 close copy_file_range mkdirat "
            "fsetxattr fremovexattr fchmod openat").split()
LARGE, SMALL, OLD = 20_000_000, 1000, b"old bytes " * 100
OLD_METADATA = {"user.polyfs.colour": b"blue", "user.polyfs.old": b"kept", "user.mime_type": b"text/old"}
NAMING = ("linkat", "renameat", "renameat2")


def pattern(size):
    block = bytes((i * 7 + (i >> 8)) & 255 for i in range(1 << 16))  # as verb.c; it repeats each 64 KiB
    return (block * (size // len(block) + 1))[:size]


def tree(folder):
    """Every name below with its bytes and attributes."""
    found = {}
    for root, folders, files in os.walk(folder):
        for name in folders:
            found[os.path.relpath(os.path.join(root, name), folder)] = None
        for name in files:
            path = os.path.join(root, name)
            attributes = {a: os.getxattr(path, a) for a in os.listxattr(path) if a.startswith("user.")}
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = (file.read(), attributes)
    return found


class Scenario:
    def __init__(self, name, *command, threads=False):
        self.name, self.command, self.threads = name, command, threads

    def prepare(self, folder):
        os.mkdir(folder)
        for name, data in (("f", OLD), ("src", pattern(LARGE)), ("small", pattern(SMALL))):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
        if self.name == "metadata":  # what was there must survive the failure of what replaces it
            for attribute, value in OLD_METADATA.items():
                os.setxattr(os.path.join(folder, "f"), attribute, value)

    def argv(self, folder):
        return [word.format(polyfs=POLYFS, verb=VERB, d=folder) for word in self.command]


SCENARIOS = [
    Scenario("put_small", "{verb}", "put", "file://{d}/f", str(SMALL)),
    Scenario("put_large", "{verb}", "put", "file://{d}/f", str(LARGE)),
    Scenario("put_new", "{verb}", "put", "file://{d}/new", str(SMALL)),
    Scenario("placed", "{verb}", "placed", "file://{d}/f", str(LARGE)),
    Scenario("append", "{verb}", "append", "file://{d}/f", str(LARGE)),
    Scenario("metadata", "{verb}", "metadata", "file://{d}/f", "0"),
    Scenario("mkdir", "{verb}", "mkdir", "file://{d}/made", "0"),
    Scenario("copy", "{verb}", "copy", "file://{d}/f", "0"),
    Scenario("copy_durable", "{verb}", "copy_durable", "file://{d}/f", "0"),
    Scenario("rename", "{verb}", "rename", "file://{d}/f", "0"),
    Scenario("rename_new", "{verb}", "rename_new", "file://{d}/new", "0"),
    # The command works on a thread of its own: a number that its main thread meets first, while it starts, is no point.
    Scenario("command_mkdir", "{polyfs}", "mkdir", "--json", "{d}/made"),
    Scenario("command_put", "{polyfs}", "put", "--json", "{d}/src", "file://{d}/f", threads=True),
    Scenario("command_cp", "{polyfs}", "cp", "--json", "{d}/src", "{d}/f", threads=True),
    Scenario("command_mv", "{polyfs}", "mv", "--json", "{d}/src", "{d}/f", threads=True),
]


def points(calls, folder):
    """(call, must): those that touch the folder. must: an error there cannot go unseen."""
    named = [i for i, c in enumerate(calls) if c.name in NAMING and folder in c.text]
    for i, call in enumerate(calls):
        if call.name not in INJECTED or folder not in call.text or " = -1 " in call.text:
            continue
        if call.name == "write" and call.text[:2] in ("1<", "2<"):
            continue  # what it tells
        if call.name == "openat" and "O_TMPFILE" not in call.text and "O_CREAT" not in call.text:
            continue
        staged = "(deleted)" in call.text and named and i < named[-1]
        yield call, call.name != "close" or bool(staged)


def applied(call):
    """The fsync of a folder comes when the name is given: the work is done, only not durable."""
    return call.name == "fsync" and "/f>" not in call.text and "(deleted)" not in call.text


def injected(log, folder):
    """Whether a call that names the folder was failed; strace tells a call in two lines when threads mix."""
    began = {}
    with open(log, errors="replace") as file:
        for line in file:
            thread = line.split()[0]
            if "<unfinished" in line:
                began[thread] = line
            elif "(INJECTED)" in line and folder in line + began.get(thread, ""):
                return True
    return False


class Faults(unittest.TestCase):
    def setUp(self):
        self.base = tempfile.mkdtemp(prefix="polyfs-faults-")
        self.addCleanup(shutil.rmtree, self.base, ignore_errors=True)
        self.runs = 0

    def fresh(self, scenario):
        self.runs += 1
        folder = os.path.join(self.base, f"run{self.runs}")
        scenario.prepare(folder)
        return folder

    def inject(self, scenario, call, error):
        """(before, after, status, standard error, the failed call was one of the folder's)"""
        folder, log = self.fresh(scenario), os.path.join(self.base, "log")
        before = tree(folder)
        run = subprocess.run(["strace", "-f", "-y", "-o", log, "-e", f"trace={call.name}", "-e", "signal=none", "-e",
                              f"inject={call.name}:error={error}:when={call.nth}"] + scenario.argv(folder),
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
        hit = injected(log, folder)
        after = tree(folder)
        shutil.rmtree(folder)
        return before, after, run.returncode, run.stderr.decode(), hit

    def check(self, scenario, call, must, error, done):
        before, after, status, told, hit = self.inject(scenario, call, error)
        if not hit:
            return 0
        where = f"{scenario.name}: {error} at {call.name} number {call.nth} {call.text[:90]}: {status} {told}"
        self.assertFalse([n for n in after if ".polyfs-tmp" in n], "staging stays: " + where)
        if status == 0:
            advisory = (call.name, error) in (("fallocate", "EIO"), ("fsetxattr", "ENOSPC"))  # the second: has another go
            self.assertTrue(not must or advisory, "went unseen: " + where)
            self.assertEqual(after, done, "claims to be done: " + where)
            return 1
        expected = "too_large" if call.name == "fsetxattr" and error == "ENOSPC" else CODES[error]
        code = json.loads(told.strip().splitlines()[-1])
        self.assertEqual((status, code["code"]), (1, expected), where)
        self.assertEqual(after == (done if applied(call) else before), True, "the folder: " + where)
        return 1

    def sweep(self, scenario):
        recording.need("strace")
        folder = self.fresh(scenario)
        calls = recording.record(scenario.argv(folder), os.path.join(self.base, "recording"))
        done = tree(folder)
        first = calls[0].thread
        listed = [(call, must) for call, must in points(calls, folder)
                  if not scenario.threads or not any(c.thread == first != call.thread and c.name == call.name and
                                                     c.nth == call.nth for c in calls)]
        shutil.rmtree(folder)
        self.assertTrue(listed, "no call to fail")
        missed = [(call, error) for call, must in listed for error in CODES
                  if not self.check(scenario, call, must, error, done)]
        total = len(listed) * len(CODES)
        hits = total - len(missed)
        print(f"{scenario.name}: {total} points listed, {hits} hit, {total - hits} not reached", flush=True)
        self.assertEqual(missed, [])
        return listed

    def test_a_copy_sees_what_only_close_tells(self):
        """Without fsync, a network or quota file system tells of a failed write-back in close: before the name."""
        copy = next(s for s in SCENARIOS if s.name == "copy")
        closes = [call for call, must in self.sweep(copy) if call.name == "close" and must]
        self.assertTrue(closes, "no staging file is closed before it gets its name")

    def test_a_failed_fsync_is_never_tried_again(self):
        placed = next(s for s in SCENARIOS if s.name == "placed")
        folder, log = self.fresh(placed), os.path.join(self.base, "log")
        subprocess.run(["strace", "-f", "-y", "-o", log, "-e", "trace=fsync,fdatasync,linkat,renameat,renameat2", "-e",
                        "inject=fsync:error=EIO:when=1"] + placed.argv(folder), stderr=subprocess.DEVNULL)
        with open(log, errors="replace") as file:
            calls = [line for line in file if folder in line]
        self.assertEqual(len(calls), 1, calls)
        self.assertIn("(INJECTED)", calls[0])

    # ---- metadata that is replaced in several calls -----------------------------------------------------------------

    def replace_metadata(self, *inject):
        """(exit status of strace, attributes afterwards, calls that were injected)"""
        metadata = next(s for s in SCENARIOS if s.name == "metadata")
        folder, log = self.fresh(metadata), os.path.join(self.base, "log")
        words = [word for rule in inject for word in ("-e", "inject=" + rule)]
        run = subprocess.run(["strace", "-f", "-y", "-o", log, "-e", "trace=fsetxattr,fremovexattr"] + words +
                             metadata.argv(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
        data, attributes = tree(folder)["f"]
        shutil.rmtree(folder)
        self.assertEqual(data, OLD)
        with open(log, errors="replace") as file:
            return run.returncode, attributes, file.read().count("(INJECTED)")

    def assert_nothing_lost(self, attributes, where):
        """Old names have their old value or the new one; one that shall go goes when all that is new is there."""
        self.assertEqual(attributes.get("user.mime_type"), b"text/old", where)
        self.assertIn(attributes.get("user.polyfs.colour"), (b"blue", b"red"), where)
        if "user.polyfs.old" not in attributes:
            self.assertEqual((attributes.get("user.polyfs.colour"), attributes.get("user.polyfs.shape")),
                             (b"red", b"round"), where)

    def kill_everywhere(self, *inject):
        """At each call in turn, until a number is not reached any more; how many were."""
        kills = 0
        for name in ("fsetxattr", "fremovexattr"):
            if any(rule.startswith(name + ":") for rule in inject):
                continue  # strace takes one rule a call
            for nth in range(1, 20):
                status, attributes, _ = self.replace_metadata(*inject, f"{name}:signal=KILL:when={nth}")
                if status not in (-9, 137):
                    break
                kills += 1
                self.assert_nothing_lost(attributes, f"{inject}, killed at {name} number {nth}: {attributes}")
        return kills

    def test_a_kill_while_metadata_is_replaced_loses_nothing(self):
        self.assertEqual(self.kill_everywhere(), 3)  # two names set, one removed

    def test_a_kill_while_old_metadata_is_put_back_loses_nothing(self):
        self.assertEqual(self.kill_everywhere("fremovexattr:error=EIO:when=1"), 5)  # two new names, three old ones

    def test_where_old_and_new_metadata_do_not_fit_together_the_old_goes_first(self):
        """As on ext4, which has one block for all of a file's. If the new does not fit by itself, the old comes back."""
        new = {"user.polyfs.colour": b"red", "user.polyfs.shape": b"round", "user.mime_type": b"text/old"}
        for nth in (1, 2):
            status, attributes, injected_calls = self.replace_metadata(f"fsetxattr:error=ENOSPC:when={nth}")
            self.assertEqual((status, attributes, injected_calls), (0, new, 1))
        status, attributes, injected_calls = self.replace_metadata("fsetxattr:error=ENOSPC:when=1..2")
        self.assertEqual((status, attributes, injected_calls), (1, OLD_METADATA, 2))

    # ---- a disk that is really full -----------------------------------------------------------------------------

    def test_a_full_tmpfs(self):
        folder = os.path.join(self.base, "full")
        os.mkdir(folder)
        script = ('mount -t tmpfs -o size=1m tmpfs "$1" && echo old >"$1/f" && cd "$1" && '
                  'for what in put placed append; do "$2" $what "file://$1/f" 4000000; echo $what $?; done; '
                  '"$3" cp --json "$4" "$1/f" >/dev/null; echo copy $?; cat f; ls -A; df --output=used -k . | tail -1')
        source = os.path.join(self.base, "source")
        with open(source, "wb") as file:
            file.write(pattern(4_000_000))
        run = subprocess.run(["unshare", "-m" if os.geteuid() == 0 else "-rm", "sh", "-c", script, "sh", folder, VERB,
                              POLYFS, source], capture_output=True, text=True, timeout=60)
        lines = run.stdout.split("\n")
        self.assertEqual(lines[:6], ["put 1", "placed 1", "append 1", "copy 1", "old", "f"], run.stdout + run.stderr)
        self.assertEqual([json.loads(line)["code"] for line in run.stderr.splitlines()], ["no_space"] * 4)
        self.assertLessEqual(int(lines[6]), 8, "the room that staging took is not given back")

    # ---- interrupted and short --------------------------------------------------------------------------------------

    def shortened(self, argv, turn=0, **how):
        """Standard output; @turn: which of three calls is the interrupted one."""
        log = os.path.join(self.base, "shorten")
        run = subprocess.run(argv, env={**os.environ, "LD_PRELOAD": SHORTEN, "SHORTEN_LOG": log, "SHORTEN_TURN": str(turn)},
                             capture_output=True, timeout=120, **how)
        self.assertEqual(run.returncode, 0, run.stderr)
        with open(log) as file:
            interrupted, shortened, self.plain = map(int, file.read().split())
        self.assertGreater(interrupted, 0, argv)
        self.assertGreater(shortened, 0, argv)
        return run.stdout

    def test_interrupted_and_short_calls_go_on(self):
        wanted = {"append": OLD + pattern(LARGE), "put_small": pattern(SMALL)}
        for scenario in SCENARIOS:
            if scenario.name in ("metadata", "mkdir", "rename", "rename_new", "put_new", "command_mkdir", "command_mv"):
                continue
            with self.subTest(scenario.name):
                folder = self.fresh(scenario)
                self.shortened(scenario.argv(folder))
                with open(os.path.join(folder, "f"), "rb") as file:
                    self.assertTrue(file.read() == wanted.get(scenario.name, pattern(LARGE)))
                self.assertTrue(self.shortened([POLYFS, "cat", folder + "/src"]) == pattern(LARGE))
                shutil.rmtree(folder)

    def test_standard_input_and_output_go_on(self):
        """The plugin has no read(2) and no write(2): those of the command are from and to pipes, as here."""
        target = os.path.join(self.base, "f")
        self.shortened([POLYFS, "put", "-", target], input=pattern(LARGE))
        self.assertGreater(self.plain, 9)
        with open(target, "rb") as file:
            self.assertTrue(file.read() == pattern(LARGE))
        self.assertTrue(self.shortened([POLYFS, "get", target, "-"]) == pattern(LARGE))
        self.assertGreater(self.plain, 9)

    def test_a_signal_does_not_make_a_plugin_look_bad(self):
        for turn in range(3):
            rows = self.shortened([POLYFS, "known-implementations", "--check"], turn).decode()
            self.assertRegex(rows, r"(?m)^file +available ", f"turn {turn}")
            self.assertNotRegex(rows, r"(?m)^\w+ +failed ", f"turn {turn}")


def add_sweep(scenario):
    setattr(Faults, "test_" + scenario.name, lambda self: self.sweep(scenario))


for one in SCENARIOS:
    if one.name != "copy":  # has a test of its own
        add_sweep(one)

if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
