# SPDX-License-Identifier: Apache-2.0
"""The side of the torch test that runs where torch is: writes files of torch.save() and of safetensors, and compares what
polyfs made of them.

torch_peer.py write FOLDER SEED    files, and expected.pt: {file: {name: tensor}}
torch_peer.py compare FOLDER       FILE.out.safetensors of each file holds those tensors, bit for bit
"""
import collections
import os
import sys

import safetensors.torch
import torch

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.int16, torch.int32, torch.int64,
          torch.uint8, torch.bool, torch.complex64, torch.float8_e4m3fn, torch.float8_e5m2, torch.uint16, torch.uint32,
          torch.uint64]


def random_tensor(generator, dtype):
    shape = [int(torch.randint(0, 7, (1,), generator=generator)) for _ in range(int(torch.randint(0, 4, (1,), generator=generator)))]
    count = 1
    for size in shape:
        count *= size
    width = torch.empty((), dtype=dtype).element_size()
    raw = torch.randint(0, 2 if dtype == torch.bool else 256, (max(count, 0) * width,), dtype=torch.uint8, generator=generator)
    return raw.view(dtype).clone().reshape(shape) if count else torch.empty(shape, dtype=dtype)


def plain(generator):
    return {f"t{i}.{str(dtype).removeprefix('torch.')}": random_tensor(generator, dtype) for i, dtype in enumerate(DTYPES * 4)}


def views():
    base = torch.arange(120, dtype=torch.float32).reshape(4, 5, 6)
    return {"base": base, "transposed": base.transpose(0, 2), "sliced": base[1:3, ::2, 1], "permuted": base.permute(2, 0, 1),
            "expanded": torch.arange(3.0).reshape(3, 1).expand(3, 4), "tail": base.flatten()[100:], "scalar": base[3, 4, 5],
            "empty": base[4:], "bytes": base[0].clone().view(torch.uint8).clone()[:, 3]}


def module():
    torch.manual_seed(7)
    net = torch.nn.Sequential(torch.nn.Linear(10, 20), torch.nn.BatchNorm1d(20), torch.nn.Linear(20, 3))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    for _ in range(2):
        optimizer.zero_grad()
        net(torch.randn(8, 10)).square().mean().backward()
        optimizer.step()
    return net, optimizer


def flatten(value, name=""):
    """Names as polyfs/tensor.h says: keys joined by dots."""
    if isinstance(value, torch.Tensor):
        yield name, value.detach()
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from flatten(each, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        for i, each in enumerate(value):
            yield from flatten(each, f"{name}.{i}" if name else str(i))


def checkpoint():
    """What Lightning saves, by its own trainer."""
    import pytorch_lightning as lightning

    class Net(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 2)

        def training_step(self, batch, _):
            return self.layer(batch).sum()

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters())
    trainer = lightning.Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_progress_bar=False,
                                enable_model_summary=False, enable_checkpointing=False)
    trainer.fit(Net(), torch.utils.data.DataLoader(torch.randn(16, 4), batch_size=8))
    return trainer


def write(folder, seed):
    generator = torch.Generator().manual_seed(seed)
    net, optimizer = module()
    values = {"plain.pt": plain(generator), "views.pt": views(), "state.pt": net.state_dict(),
              "nested.pt": {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "lr": [1e-3, None],
                            "parameter": torch.nn.Parameter(torch.ones(3)), "note": "größer", "size": torch.Size([2, 3])},
              "protocol5.pt": plain(generator), "ordered.pth": collections.OrderedDict(plain(generator))}
    expected = {}
    for name, value in values.items():
        torch.save(value, f"{folder}/{name}", pickle_protocol=5 if "5" in name else 2)
        expected[name] = dict(flatten(value))
    trainer = checkpoint()
    trainer.save_checkpoint(f"{folder}/lightning.ckpt")
    expected["lightning.ckpt"] = dict(flatten(torch.load(f"{folder}/lightning.ckpt", weights_only=False)))
    ours = {name: tensor.contiguous() for name, tensor in plain(generator).items()}
    safetensors.torch.save_file(ours, f"{folder}/peer.safetensors", metadata={"format": "pt"})
    expected["peer.safetensors"] = ours
    torch.save(expected, f"{folder}/expected.pt.not")


def same(a, b):
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return torch.equal(a.contiguous().flatten().view(torch.uint8), b.contiguous().flatten().view(torch.uint8)) if a.numel() else True


def compare(folder):
    bad, count = [], 0
    for file, tensors in torch.load(f"{folder}/expected.pt.not", weights_only=False).items():
        got = safetensors.torch.load_file(f"{folder}/{file}.out.safetensors")
        if set(got) != set(tensors):
            bad.append(f"{file}: names {sorted(set(got) ^ set(tensors))[:5]}")
        bad += [f"{file}: {name}" for name in got if name in tensors and not same(got[name], tensors[name])]
        count += len(got)
    print(f"{count} tensors compared, {len(bad)} differ")
    for line in bad[:10]:
        print(line)
    sys.exit(1 if bad or count < 300 else 0)


if __name__ == "__main__":
    os.environ["PYTHONWARNINGS"] = "ignore"
    if sys.argv[1] == "write":
        write(sys.argv[2], int(sys.argv[3]))
    else:
        compare(sys.argv[2])
