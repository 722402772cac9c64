#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One way to keep checkpoints on S3 from Python doing one job, so that its process is all that is measured.

ckpt_peer.py PEER save|load BUCKET MIB    peers: s3torchconnector s3fs lightning dcp
The same tensors as bench/ckpt.c has. Prints what the call took, as that does: seconds, seconds of CPU, MiB of memory above
what was there in front of it (imports, and when saving the tensors). Settings are AWS's own variables.
"""
import os
import resource
import sys
import time

ENDPOINT, REGION = os.environ["AWS_ENDPOINT_URL"], os.environ.get("AWS_REGION", "us-east-1")
os.environ["FSSPEC_S3_ENDPOINT_URL"] = ENDPOINT  # for whoever makes its file system by itself
import torch  # noqa: E402

TENSORS = 64


class S3torchconnector:
    def __init__(self, url):
        from s3torchconnector import S3Checkpoint, S3ClientConfig
        self.url = url + ".pt"
        self.store = S3Checkpoint(region=REGION, endpoint=ENDPOINT, s3client_config=S3ClientConfig(force_path_style=True))

    def save(self, state):
        with self.store.writer(self.url) as file:
            torch.save(state, file)

    def load(self, _):
        with self.store.reader(self.url) as file:
            return torch.load(file, weights_only=True)


class S3fs:
    def __init__(self, url):
        import fsspec
        self.url, self.store = url + ".pt", fsspec.filesystem("s3")

    def save(self, state):
        with self.store.open(self.url, "wb") as file:
            torch.save(state, file)

    def load(self, _):
        with self.store.open(self.url, "rb") as file:
            return torch.load(file, weights_only=True)


class Lightning:
    def __init__(self, url):
        from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
        self.url, self.io = url + ".ckpt", TorchCheckpointIO()

    def save(self, state):
        self.io.save_checkpoint(state, self.url)

    def load(self, _):
        return self.io.load_checkpoint(self.url, weights_only=True)


class Dcp:
    """It fills tensors that are there already."""

    def __init__(self, url):
        import torch.distributed.checkpoint as dcp
        from torch.distributed.checkpoint._fsspec_filesystem import FsspecReader, FsspecWriter
        self.url, self.dcp, self.reader, self.writer = url, dcp, FsspecReader, FsspecWriter

    def save(self, state):
        self.dcp.save(state, storage_writer=self.writer(self.url), no_dist=True)

    def load(self, each):
        state = {f"layer{i}.w": torch.empty(each) for i in range(TENSORS)}
        self.dcp.load(state, storage_reader=self.reader(self.url), no_dist=True)
        return state


PEERS = {"s3torchconnector": S3torchconnector, "s3fs": S3fs, "lightning": Lightning, "dcp": Dcp}


def mib_of(field):
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field)) / 1024


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    peer, job, bucket, mib = sys.argv[1:]
    each = int(mib) * (1 << 20) // TENSORS // 4
    store = PEERS[peer](f"s3://{bucket}/{peer}")
    state = {f"layer{i}.w": torch.full((each,), float(i)) for i in range(TENSORS)} if job == "save" else None
    with open("/proc/self/clear_refs", "w", encoding="utf-8") as file:
        file.write("5")  # the peak counts from here on
    base, wall, before = mib_of("VmRSS:"), time.monotonic(), cpu()
    if job == "save":
        store.save(state)
    else:
        state = store.load(each)
    wall, used, above = time.monotonic() - wall, cpu() - before, mib_of("VmHWM:") - base
    assert float(state[f"layer{TENSORS - 1}.w"][-1]) == TENSORS - 1
    print(f"{wall:.6f} {used:.6f} {above:.1f} 0")


main()
