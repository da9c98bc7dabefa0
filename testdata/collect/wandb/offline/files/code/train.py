"""Makes testdata/collect/wandb with Weights & Biases itself: offline, killed, and against a server that nods.

Made with wandb 0.31.0, Python 3.11:

    python3 -m venv VENV && VENV/bin/pip install wandb==0.31.0
    VENV/bin/python testdata/collect/make/wandb.py testdata/collect/wandb

Times and ids differ each time. It works in /tmp/tallymark-wandb, a fresh git repository, as a user called somebody on a host
called somewhere.
"""

import http.server
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import types

WORK = pathlib.Path("/tmp/tallymark-wandb")


def train(case):
    """What a person would run."""
    import wandb

    config = {"lr": 0.001, "epochs": 3, "model": {"layers": [3, 4], "act": "relu"}, "prompt": "two\nlines", "none": None}
    settings = wandb.Settings(host="somewhere", email="somebody@example.org", username="somebody", save_code=True)
    run = wandb.init(
        project="churn",
        entity="somebody",
        name="everything",
        notes="A note.",
        tags=["risk"],
        group="nightly",
        job_type="train",
        config=config,
        settings=settings,
    )
    print("training")
    run.config.update({"epochs": 5}, allow_val_change=True)
    for step, accuracy in enumerate([0.5, 0.75, 0.9733333333333334]):
        run.log({"accuracy": accuracy, "val": {"loss": 1.0 / (step + 1)}})
    run.log({"broken": float("nan"), "table": wandb.Histogram([1, 2, 3])})
    if case == "crashed":
        run.config.update({"long": "0123456789" * 4000})
        # The other process writes to the disk every few seconds; then this one dies, and nobody says goodbye.
        time.sleep(20)
        os.kill(run_service(), signal.SIGKILL)
        os._exit(1)
    run.summary["best"] = 0.98
    if case == "online":
        run.finish()
        return

    (WORK / "data.csv").write_text("a,b\n1,2\n")
    data = wandb.Artifact("churn-data", type="dataset", metadata={"rows": 1})
    data.add_file(str(WORK / "data.csv"))
    data.add_reference("https://data.example.org/churn.csv", name="remote.csv", checksum=False)
    run.log_artifact(data)
    # `run.use_artifact` asks a server. This is what it writes into the log once the server has answered.
    answered = types.SimpleNamespace(id="QXJ0aWZhY3Q6MQ==", type="dataset", name="churn-data:v3", metadata={})
    run._interface.publish_use_artifact(answered)
    (WORK / "model.bin").write_bytes(b"weights")
    model = wandb.Artifact("churn-model", type="model")
    model.add_file(str(WORK / "model.bin"))
    run.log_artifact(model, aliases=["best"])
    run.log_code(str(WORK), include_fn=lambda path: path.endswith("train.py"))
    # More than one block of the log.
    run.config.update({"long": "0123456789" * 4000})
    run.finish()


class Server(http.server.BaseHTTPRequestHandler):
    """As much of a server as makes W&B write what it writes for one: every answer is yes."""

    def answer(self, answer):
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_PUT(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer({})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/graphql":
            return self.answer({})
        request = json.loads(body)
        query, given = request["query"], request.get("variables") or {}
        data = {"serverInfo": {"features": []}}
        if "upsertBucket" in query:
            project = {"id": "UHJv", "name": "churn", "entity": {"id": "RW4=", "name": "somebody"}}
            bucket = {"id": "QnVja2V0", "name": given["name"], "config": "{}", "historyLineCount": 0, "project": project}
            data = {"upsertBucket": {"bucket": bucket, "inserted": True}}
        elif "createRunFiles" in query:
            host = self.headers["Host"]
            files = [{"name": name, "uploadUrl": f"http://{host}/upload/{name}"} for name in given["files"]]
            data = {"createRunFiles": {"runID": "QnVja2V0", "uploadHeaders": [], "files": files}}
        elif "viewer" in query:
            viewer = {"id": "VXNlcg==", "entity": "somebody", "username": "somebody", "flags": "{}", "teams": {"edges": []}}
            data = {"viewer": viewer}
        self.answer({"data": data})

    def log_message(self, *_):
        pass


def run_service():
    """The process that writes the log: the only child of this one."""
    (child,) = pathlib.Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return int(child)


def make(case, out):
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    shutil.copy(__file__, WORK / "train.py")
    for command in [
        ["init", "--quiet", "--initial-branch=main"],
        ["remote", "add", "origin", "https://somebody:secret@git.example.org/ml/churn.git"],
        ["add", "train.py"],
        ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "commit", "--quiet", "-m", "train"],
    ]:
        subprocess.run(["git", *command], cwd=WORK, check=True)
    # A dirty work tree: W&B then writes a patch.
    with open(WORK / "train.py", "a") as script:
        script.write("# changed\n")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        "HOME": str(WORK),
        "USER": "somebody",
        "LOGNAME": "somebody",
        "PATH": os.environ["PATH"],
        "WANDB_MODE": "online" if case == "online" else "offline",
        "WANDB_BASE_URL": f"http://127.0.0.1:{server.server_port}",
        "WANDB_API_KEY": "0" * 40,
        "WANDB_DIR": str(WORK),
        "WANDB_SILENT": "true",
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_HOST": "somewhere",
        "WANDB_USERNAME": "somebody",
        "WANDB_USER_EMAIL": "somebody@example.org",
    }
    subprocess.run(
        [sys.executable, "train.py", "--train", case, "--token=hidden"], cwd=WORK, env=environment, check=case != "crashed"
    )
    server.shutdown()
    target = out / case
    shutil.rmtree(target, ignore_errors=True)
    (run,) = (WORK / "wandb").glob("*run-*")
    shutil.copytree(
        run, target, ignore=shutil.ignore_patterns("latest-run", "debug*", "logs", "tmp", "*.syncstate")
    )


def main(out):
    for case in ["offline", "crashed", "online"]:
        make(case, out)


if __name__ == "__main__":
    if "--train" in sys.argv:
        train(sys.argv[sys.argv.index("--train") + 1])
    else:
        main(pathlib.Path(sys.argv[1]).resolve())
# changed
