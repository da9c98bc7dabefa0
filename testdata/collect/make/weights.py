"""Makes testdata/collect/weights and testdata/collect/tables with the tools that make such files for everybody.

    python3 -m venv venv && venv/bin/pip install safetensors==0.8.0 numpy==2.4.6 gguf==0.19.0 onnx==1.23.2 \
        torch==2.15.0 keras==3.15.1 h5py==3.16.0 joblib==1.6.0 huggingface_hub
    cd testdata/collect/make && ../../../venv/bin/python weights.py ..

Each case has its model below model/, and tool.txt: what the tool itself says of it, as `key value` lines that must come out as
facts. The files are fixed once made: some tools write times and random numbers.
"""

import json
import os
import pickle
import shutil
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import gguf
import huggingface_hub
import joblib
import keras
import numpy as np
import onnx
import onnx.helper as oh
import onnx.numpy_helper as onh
import safetensors
import safetensors.numpy
import safetensors.torch
import torch

OUT = Path(sys.argv[1])
RNG = np.random.default_rng(7)


def case(name):
    """An empty directory for the model of a case."""
    model = OUT / "weights" / name / "model"
    shutil.rmtree(model.parent, ignore_errors=True)
    model.mkdir(parents=True)
    return model


def says(model, **facts):
    """Writes what the tool says; a list is several facts with one key."""
    lines = []
    for key, value in facts.items():
        for item in value if isinstance(value, list) else [value]:
            lines.append(f"{key.replace('_', '-')} {item}")
    (model.parent / "tool.txt").write_text("\n".join(lines) + "\n")


def tensors(*shapes):
    return [RNG.standard_normal(shape).astype(np.float32) for shape in shapes]


def count(arrays):
    return {"tensors": len(arrays), "parameters": sum(int(np.prod(a.shape)) for a in arrays)}


def make_safetensors():
    model = case("safetensors-numpy")
    weight, bias = tensors((3, 4), (4,))
    state = {"linear.weight": weight, "linear.bias": bias.astype(np.float16), "steps": np.array(5, np.int64)}
    metadata = {
        "format": "np",
        "modelspec.architecture": "tiny-mlp",
        "modelspec.title": "Tiny",
        "modelspec.license": "MIT",
        "modelspec.author": "A. Person",
        "ss_sd_model_name": "base-of-tiny",
        "note": "free text",
    }
    safetensors.numpy.save_file(state, model / "model.safetensors", metadata=metadata)
    says(model, **count(list(state.values())), dtype=["F16=4", "F32=12", "I64=1"], name="base-of-tiny")

    model = case("safetensors-dtypes")
    kinds = {
        "bf16": torch.bfloat16,
        "f8_e4m3": torch.float8_e4m3fn,
        "f8_e5m2": torch.float8_e5m2,
        "f8_e8m0": torch.float8_e8m0fnu,
        "bool": torch.bool,
        "u8": torch.uint8,
        "c64": torch.complex64,
        "f64": torch.float64,
    }
    state = {name: torch.zeros(2, 3).to(kind) for name, kind in kinds.items()}
    state["empty"] = torch.zeros(0, 7)
    safetensors.torch.save_file(state, model / "model.safetensors")
    says(model, tensors=len(state), parameters=sum(t.numel() for t in state.values()))

    model = case("safetensors-sharded")
    state = {f"layer.{i}.weight": torch.from_numpy(t) for i, t in enumerate(tensors((8, 8), (8, 8), (8, 8)))}
    huggingface_hub.save_torch_state_dict(state, model, max_shard_size=600)
    index = json.loads((model / "model.safetensors.index.json").read_text())
    shards = set(index["weight_map"].values())
    assert len(shards) > 1
    says(model, tensors=3, parameters=192, dtype="F32=192", shards=len(shards))


def make_gguf():
    model = case("gguf-quantised")
    path = model / "tiny-Q8_0.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("Tiny")
    writer.add_author("A. Person")
    writer.add_version("v1.0")
    writer.add_organization("Example")
    writer.add_license("apache-2.0")
    writer.add_size_label("1K")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_languages(["en", "de"])
    writer.add_tags(["text-generation"])
    writer.add_base_model_count(1)
    writer.add_base_model_name(0, "Base")
    writer.add_base_model_version(0, "v0.3")
    writer.add_base_model_organization(0, "Example")
    writer.add_base_model_repo_url(0, "https://models.example.org/example/base")
    writer.add_dataset_count(1)
    writer.add_dataset_name(0, "Corpus")
    writer.add_dataset_url(0, "https://data.example.org/corpus")
    writer.add_context_length(128)
    writer.add_block_count(1)
    writer.add_token_list([f"t{i}" for i in range(40)])
    writer.add_token_scores([0.5] * 40)
    writer.add_bool("tokenizer.ggml.add_bos_token", True)
    writer.add_chat_template("{{ messages[0].content }}")
    weight, norm = tensors((4, 64), (33,))
    quantised = gguf.quants.quantize(weight, gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("blk.0.attn_q.weight", quantised, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("output_norm.weight", norm)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    reader = gguf.GGUFReader(path)
    read = {t.name: (t.tensor_type.name, int(t.n_elements)) for t in reader.tensors}
    dtypes = [f"{name}={n}" for name, n in read.values()]
    says(
        model,
        **{"tensors": len(read), "parameters": sum(n for _, n in read.values())},
        dtype=dtypes,
        architecture="llama",
        quantization="Q8_0",
    )

    model = case("gguf-vocabulary")
    writer = gguf.GGUFWriter(model / "vocab.gguf", "gpt2")
    writer.add_token_list(["a", "b"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    says(model, tensors=0, parameters=0, architecture="gpt2")


def onnx_model():
    weight, bias = tensors((3, 4), (4,))
    init = [onh.from_array(weight, "weight"), onh.from_array(bias, "bias")]
    x = oh.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3])
    y = oh.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 4])
    nodes = [oh.make_node("Gemm", ["x", "weight", "bias"], ["y"])]
    graph = oh.make_graph(nodes, "tiny", [x], [y], initializer=init)
    model = oh.make_model(graph, producer_name="hand", producer_version="1.0")
    model.opset_import.add(domain="com.example", version=2)
    model.model_version = 3
    meta = model.metadata_props.add()
    meta.key, meta.value = "task", "classify"
    return model


def make_onnx():
    model = case("onnx-inline")
    proto = onnx_model()
    onnx.checker.check_model(proto)
    onnx.save(proto, model / "model.onnx")
    says(model, format_version=proto.ir_version, tensors=2, parameters=16, dtype="FLOAT=16", graph="tiny")

    model = case("onnx-external")
    onnx.save_model(
        onnx_model(), model / "model.onnx", save_as_external_data=True, location="model.onnx.data", size_threshold=0
    )
    says(model, tensors=2, parameters=16, external_data="model.onnx.data")

    model = case("onnx-subgraph")
    out = [oh.make_tensor_value_info("o", onnx.TensorProto.FLOAT, [2])]
    inner = onh.from_array(np.array([1, 2], np.float32), "inner")
    then = oh.make_graph([oh.make_node("Identity", ["inner"], ["o"])], "then", [], out, initializer=[inner])
    const = oh.make_node("Constant", [], ["o"], value=onh.from_array(np.array([3, 4], np.float32)))
    other = oh.make_graph([const], "else", [], out)
    cond = oh.make_tensor_value_info("c", onnx.TensorProto.BOOL, [])
    y = oh.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [2])
    node = oh.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other)
    proto = oh.make_model(oh.make_graph([node], "branches", [cond], [y]))
    onnx.checker.check_model(proto)
    onnx.save(proto, model / "model.onnx")
    says(model, tensors=1, parameters=2, graph="branches")


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 4)

    def forward(self, x):
        return self.linear(x)


def make_torch():
    torch.manual_seed(7)
    net = Net().eval()
    state = net.state_dict()
    sizes = sum(t.untyped_storage().nbytes() for t in state.values())
    model = case("torch-zip")
    torch.save(state, model / "pytorch_model.bin")
    says(model, format="torch", storages=len(state), storage_bytes=sizes, byte_order=sys.byteorder)

    model = case("torch-legacy")
    torch.save(state, model / "model.pth", _use_new_zipfile_serialization=False)
    says(model, format="torch-legacy")

    model = case("torch-script")
    torch.jit.save(torch.jit.trace(net, torch.zeros(1, 3)), str(model / "model.pt"))
    says(model, format="torch-script")

    model = case("torch-export")
    torch.export.save(torch.export.export(net, (torch.zeros(1, 3),)), str(model / "model.pt2"))
    says(model, format="torch-export")


def make_keras():
    layers = [keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)]
    model = case("keras-plain")
    keras.Sequential(layers, name="tiny").save(model / "model.keras")
    says(model, architecture="Sequential", producer=f"keras {keras.__version__}", layer=["Dense=2", "InputLayer=1"])

    model = case("keras-lambda")
    keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x + 1)], name="code").save(model / "model.keras")
    says(model, code="lambda", layer="Lambda=1")

    model = case("keras-h5")
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)], name="old").save(model / "model.h5")
    says(model, format="hdf5")


def make_numpy():
    array = tensors((3, 4))[0]
    model = case("npy-plain")
    np.save(model / "weights.npy", array)
    says(model, format="npy", parameters=12, dtype="<f4=12", shape="3,4")

    model = case("npy-fields")
    kind = np.dtype([("x", "<f4"), ("y", "<i2", (2, 3))])
    np.save(model / "weights.npy", np.zeros(5, kind))
    says(model, format="npy", parameters=5, shape="5")

    model = case("npy-objects")
    np.save(model / "weights.npy", np.array([{"a": 1}], dtype=object))
    says(model, format="npy", dtype="|O=1")

    for name, save in [("npz-stored", np.savez), ("npz-deflated", np.savez_compressed)]:
        model = case(name)
        save(model / "weights.npz", weight=array, bias=np.zeros(4, np.float64))
        says(model, format="npz", tensors=2, parameters=16, dtype=["<f4=12", "<f8=4"])


def make_pickles():
    model = case("pickle")
    (model / "model.pkl").write_bytes(pickle.dumps({"a": 1}))
    says(model, format="pickle")

    model = case("joblib-zlib")
    joblib.dump({"a": list(range(100))}, model / "model.joblib", compress=3)
    says(model, format="zlib")


def make_tables():
    tables = OUT / "tables"
    tables.mkdir(exist_ok=True)
    sizes = gguf.constants.GGML_QUANT_SIZES
    lines = [f"{t.value} {t.name} {sizes[t][0]} {sizes[t][1]}" for t in gguf.GGMLQuantizationType]
    (tables / "ggml-types.txt").write_text("\n".join(lines) + "\n")
    lines = [f"{t.value} {t.name.removeprefix('MOSTLY_').removeprefix('ALL_')}" for t in gguf.LlamaFileType]
    (tables / "ggml-file-types.txt").write_text("\n".join(lines) + "\n")
    lines = [f"{number} {name}" for name, number in onnx.TensorProto.DataType.items()]
    (tables / "onnx-types.txt").write_text("\n".join(lines) + "\n")


make_safetensors()
make_gguf()
make_onnx()
make_torch()
make_keras()
make_numpy()
make_pickles()
make_tables()
