#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends SIGTERM at random instants to a training that saves by a thread: before it ends, within its grace, the last step
that it said to have finished must be the newest checkpoint, whole; and the same command goes on from there.

preempt_test.py PREEMPT POLYFS [INSTANTS] [URL]   a run below URL, else in a folder of this machine
"""
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

GRACE_S = 25


def last_step(out):
    found = re.findall(r"finished step (\d+)", out)
    return int(found[-1]) if found else 0


def preempt(program, run, seconds):
    """The last step that it finished before it ended, and how long that took after the signal."""
    process = subprocess.Popen([program, run, "1000000"], stdout=subprocess.PIPE, text=True)
    time.sleep(seconds)
    process.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    out, _ = process.communicate(timeout=GRACE_S)
    return last_step(out), time.monotonic() - begun, process.returncode


def newest(command, run):
    done = subprocess.run([command, "ckpt", "latest", run], capture_output=True, text=True)
    return int(done.stdout.strip().removeprefix("step=")) if done.returncode == 0 else 0


def main():
    program, command = sys.argv[1:3]
    instants = int(sys.argv[3]) if len(sys.argv) > 3 else 50
    rng = random.Random(1)
    folder = f"{sys.argv[4]}/run" if len(sys.argv) > 4 else tempfile.mkdtemp(prefix="polyfs-preempt-")
    if len(sys.argv) > 4:
        subprocess.run([command, "mb", sys.argv[4]], check=True)
    longest, before, bad = 0, 0, []
    for i in range(instants):
        seconds = rng.uniform(0, .4)
        step, took, status = preempt(program, folder, seconds)
        longest = max(longest, took)
        step = step or before  # the signal came before the first step, or before it was asked for
        if newest(command, folder) != step or status not in (0, -signal.SIGTERM) or (status and step != before):
            bad.append(f"instant {i}, after {seconds * 1000:.0f} ms: finished {step}, saved {newest(command, folder)}, status {status}")
        before = newest(command, folder)
    done = subprocess.run([command, "ckpt", "verify", folder], capture_output=True, text=True)
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{instants} instants, {before} steps in all, at most {longest * 1000:.0f} ms from the signal to the end, failures {len(bad)}")
    for line in bad[:10]:
        print(line)
    sys.exit(1 if bad or done.returncode or not before else 0)


if __name__ == "__main__":
    main()
