#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tensors between polyfs and others, bit for bit: files of torch.save(), of Lightning's trainer and of the safetensors
library are read by polyfs, written as safetensors, and read by that library; through a checkpoint, too.

torch_test.py POLYFS [SEED]
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "servers"))
import servers


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    command, seed = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "1"
    python = servers.client_python("lightning")
    folder = tempfile.mkdtemp(prefix="polyfs-torch-")
    peer = [python, "-W", "ignore", os.path.join(HERE, "torch_peer.py")]
    run(*peer, "write", folder, seed)
    files = [f for f in sorted(glob.glob(f"{folder}/*")) if not f.endswith(".not")]
    for name in files:  # one way: the file itself; the other: a checkpoint made of it
        run(command, "ckpt", "export", name, f"{name}.out.safetensors")
    print("directly: " + run(*peer, "compare", folder), end="")
    for i, name in enumerate(files):
        run(command, "ckpt", "import", f"{folder}/run", name, "--step", str(i), "--name", os.path.basename(name) + ".of")
        run(command, "ckpt", "export", f"{folder}/run", os.path.basename(name) + ".of", f"{name}.out.safetensors")
    print("through a checkpoint: " + run(*peer, "compare", folder), end="")
    head = json.loads(run(command, "ckpt", "show", "--json", f"{folder}/lightning.ckpt").splitlines()[0])
    if head["state"].get("epoch") != 1 or head["state"].get("global_step") != 2:
        sys.exit(f"Lightning's epoch and step are {head['state'].get('epoch')}, {head['state'].get('global_step')}")
    run(command, "ckpt", "import", f"{folder}/own", f"{folder}/lightning.ckpt")
    if run(command, "ckpt", "latest", f"{folder}/own") != "epoch=1-step=2\n":
        sys.exit("a Lightning checkpoint does not bring its step along")
    run(command, "ckpt", "verify", f"{folder}/run")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
