"""Makes testdata/collect/hugging-face: what the client of the hub and two libraries write.

    hugging_face.py

The files here were made with huggingface_hub 2.4.0, transformers 5.24.0, peft 0.21.2, torch 2.15.0 on Python 3.11. The hub is played by
a server in this file, which gives the answers that the client asks for; the client, and so the cache, is the real one.
"""

import hashlib
import http.server
import json
import os
import pathlib
import shutil
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent.parent / "hugging-face"
COMMIT = hashlib.sha1(b"a commit").hexdigest()
LARGE = {".safetensors"}


def write_model(where):
    import torch
    from huggingface_hub import EvalResult, ModelCard, ModelCardData, save_torch_state_dict
    from transformers import PretrainedConfig

    state = {name: torch.zeros(8, dtype=torch.float32) for name in ("embed.weight", "head.bias", "head.weight")}
    save_torch_state_dict(state, where, max_shard_size=64)

    class ChurnConfig(PretrainedConfig):
        model_type = "churn"

    config = ChurnConfig(architectures=["ChurnForClassification"], dtype="float32")
    config.auto_map = {
        "AutoConfig": "configuration_churn.ChurnConfig",
        "AutoModelForSequenceClassification": "acme/common--modeling_churn.ChurnForClassification",
    }
    config.quantization_config = {"quant_method": "bitsandbytes", "load_in_8bit": True}
    config.save_pretrained(where)
    results = [
        EvalResult(
            task_type="tabular-classification",
            dataset_type="acme/calls",
            dataset_name="Calls",
            dataset_split="test",
            dataset_revision="5503434ddd753f426f4b38109466949a1217c2bb",
            metric_type=metric,
            metric_value=value,
            metric_name=metric.upper(),
            source_name="leaderboard",
            source_url="https://example.org/board",
        )
        for metric, value in (("accuracy", 0.91250), ("f1", 1e-05))
    ]
    data = ModelCardData(
        language=["en", "no"],
        license="other",
        license_name="acme-1.0",
        license_link="https://example.org/license",
        library_name="transformers",
        tags=["churn", "tabular"],
        datasets=["acme/calls"],
        base_model=["acme/base", "acme/other"],
        pipeline_tag="text-classification",
        model_name="churn",
        eval_results=results,
        base_model_relation="merge",
    )
    (where / "docs").mkdir()
    ModelCard(f"---\n{data.to_yaml()}\n---\n\n# Churn\n").save(where / "README.md")
    (where / "docs" / "use.md").write_text("# Use\n")


def write_adapter(where):
    from peft import LoraConfig

    LoraConfig(
        base_model_name_or_path="acme/base", revision="v1.0", task_type="CAUSAL_LM", target_modules=["q_proj"]
    ).save_pretrained(where)


def git_blob(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def describe(root):
    files = {}
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        data = path.read_bytes()
        name = path.relative_to(root).as_posix()
        item = {"type": "file", "path": name, "size": len(data), "oid": git_blob(data)}
        if path.suffix in LARGE:
            sha256 = hashlib.sha256(data).hexdigest()
            pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (sha256.encode(), len(data))
            item["oid"] = git_blob(pointer)
            item["lfs"] = {"oid": sha256, "size": len(data), "pointerSize": len(pointer)}
        files[name] = (item, data)
    return files


def hub(files):
    class Hub(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def answer(self, body, headers=(), head=False):
            self.send_response(200)
            for name, value in (("Content-Length", str(len(body))), *headers):
                self.send_header(name, value)
            self.end_headers()
            if not head:
                self.wfile.write(body)

        def do_HEAD(self):
            self.get(head=True)

        def do_GET(self):
            self.get(head=False)

        def get(self, head):
            path = self.path.split("?")[0]
            if path == "/api/models/acme/churn/revision/main":
                siblings = [{"rfilename": name} for name in files]
                info = {"id": "acme/churn", "modelId": "acme/churn", "sha": COMMIT, "siblings": siblings, "tags": [], "private": False}
                return self.answer(json.dumps(info).encode(), [("Content-Type", "application/json")], head)
            if path.startswith("/api/models/acme/churn/tree/"):
                items = [item for item, _ in files.values()]
                return self.answer(json.dumps(items).encode(), [("Content-Type", "application/json")], head)
            prefix = f"/acme/churn/resolve/{COMMIT}/"
            if path.startswith(prefix) and path[len(prefix):] in files:
                item, data = files[path[len(prefix):]]
                headers = [("X-Repo-Commit", COMMIT), ("ETag", f'"{item["oid"]}"')]
                if "lfs" in item:
                    headers += [("X-Linked-ETag", f'"{item["lfs"]["oid"]}"'), ("X-Linked-Size", str(len(data)))]
                return self.answer(data, headers, head)
            self.send_error(404, path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main():
    work = pathlib.Path(tempfile.mkdtemp())
    os.environ["HF_HOME"] = str(work / "home")
    os.environ["HF_HUB_DISABLE_XET"] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    model = work / "model"
    model.mkdir()
    write_model(model)
    files = describe(model)
    server = hub(files)
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"

    from huggingface_hub import snapshot_download

    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir(parents=True)
    cache = work / "cache"
    snapshot_download("acme/churn", cache_dir=cache, endpoint=endpoint)
    shutil.copytree(cache / "models--acme--churn", HERE / "cache" / "models--acme--churn", symlinks=True)

    local = work / "local"
    snapshot_download("acme/churn", local_dir=local, endpoint=endpoint, ignore_patterns=["docs/*", "model-00002*"])
    # The client tells git to ignore its records; here they are the evidence.
    (local / ".cache" / "huggingface" / ".gitignore").unlink()
    for lock in [*local.rglob("*.lock"), *local.rglob("CACHEDIR.TAG")]:
        lock.unlink()
    shutil.copytree(local, HERE / "local")

    adapter = HERE / "adapter"
    adapter.mkdir()
    write_adapter(adapter)
    for path in HERE.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o644)
    server.shutdown()
    shutil.rmtree(work)


main()
