"""Writes a PyTorch zip of about so many MiB, as torch.save would, without torch: TORCH_ZIP MIB."""

import collections
import pickle
import sys
import types
import zipfile

path, mebibytes = sys.argv[1], int(sys.argv[2])
TENSORS = 64

torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")


def _rebuild_tensor_v2(*args):
    raise NotImplementedError("only named, never called")


class FloatStorage:
    pass


_rebuild_tensor_v2.__module__, FloatStorage.__module__ = "torch._utils", "torch"
_rebuild_tensor_v2.__qualname__, FloatStorage.__qualname__ = "_rebuild_tensor_v2", "FloatStorage"
torch.FloatStorage, torch._utils, utils._rebuild_tensor_v2 = FloatStorage, utils, _rebuild_tensor_v2
sys.modules |= {"torch": torch, "torch._utils": utils}


class Storage:
    def __init__(self, key, length):
        self.key, self.length = key, length


class Tensor:
    def __init__(self, key, length):
        self.storage = Storage(key, length)

    def __reduce__(self):
        length = self.storage.length
        return _rebuild_tensor_v2, (self.storage, 0, (length,), (1,), False, collections.OrderedDict())


class Pickler(pickle.Pickler):
    def persistent_id(self, it):
        return ("storage", FloatStorage, it.key, "cpu", it.length) if isinstance(it, Storage) else None


each = (mebibytes << 20) // TENSORS
with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
    state = collections.OrderedDict((f"layer.{n}.weight", Tensor(str(n), each // 4)) for n in range(TENSORS))
    with archive.open("archive/data.pkl", "w") as entry:
        Pickler(entry, protocol=2).dump(state)
    archive.writestr("archive/byteorder", "little")
    block = bytes(range(256)) * 4096
    for n in range(TENSORS):
        with archive.open(f"archive/data/{n}", "w", force_zip64=True) as entry:
            for at in range(0, each, len(block)):
                entry.write(block[: min(len(block), each - at)])
    archive.writestr("archive/version", "3\n")
