#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demo: train unbroken, train again with kills in between, compare the weights bit for bit.

demo.py BIN [URL]   BIN: folder of the programs; URL: where to save (default: a temporary folder)
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

EPOCHS = "4"


def say(text):
    print(f"\033[1m== {text}\033[0m", flush=True)


def train(programs, url):
    return subprocess.Popen([f"{programs}/train", url, EPOCHS], stdout=subprocess.PIPE, text=True)


def run_to_end(programs, url):
    process = train(programs, url)
    last = ""
    for line in process.stdout:
        print("   " + line, end="", flush=True)
        last = line
    if process.wait() != 0:
        sys.exit("the training failed")
    return last.split("weights ")[1].strip()


def kill_once(programs, url):
    """SIGKILL at a random instant; one time in four within the save that follows a "saving" line."""
    within_save = random.random() < 0.25
    process = train(programs, url)
    if within_save:
        for line in process.stdout:
            print("   " + line, end="", flush=True)
            if "saving" in line:
                break
        time.sleep(random.random() * 0.02)
    else:
        time.sleep(0.5 + random.random() * 9)
    process.kill()
    if process.wait() == 0:
        say("it had finished before it could be killed")
        return False
    say("killed with SIGKILL " + ("in the middle of a save" if within_save else "at a random instant"))
    return True


def main():
    programs = sys.argv[1]
    temporary = None
    if len(sys.argv) > 2:
        base = sys.argv[2].rstrip("/") + f"/polyfs-demo-{os.getpid()}"
    else:
        temporary = tempfile.mkdtemp(prefix="polyfs-demo-")
        base = "file://" + temporary
    polyfs = f"{programs}/polyfs"
    if os.path.exists(polyfs):
        say("known implementations")
        subprocess.run([polyfs, "known-implementations"], check=True)
    say(f"a run that is never killed, saving to {base}/unbroken")
    expected = run_to_end(programs, f"{base}/unbroken")
    say(f"the same run, saving to {base}/killed")
    kill_once(programs, f"{base}/killed")
    kill_once(programs, f"{base}/killed")
    say("the same command again")
    got = run_to_end(programs, f"{base}/killed")
    if os.path.exists(polyfs):
        subprocess.run([polyfs, "ckpt", "list", f"{base}/killed"], check=True)
        subprocess.run([polyfs, "ckpt", "verify", f"{base}/killed"], check=True)
        compare(polyfs, base)
    if got != expected:
        sys.exit(f"the weights differ: {got} after the kills, {expected} without")
    say(f"the weights are the same, bit for bit: {got}")
    if temporary:
        shutil.rmtree(temporary)


def compare(polyfs, base):
    """Every file of the two last checkpoints, byte by byte; the state of the policy is one."""
    folder = tempfile.mkdtemp(prefix="polyfs-demo-")
    try:
        for run in ("unbroken", "killed"):
            subprocess.run([polyfs, "ckpt", "load", f"{base}/{run}", "last", f"{folder}/{run}"], check=True)
        subprocess.run(["diff", "-r", f"{folder}/unbroken", f"{folder}/killed"], check=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
