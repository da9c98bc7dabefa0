"""Makes testdata/collect/mlflow with MLflow itself, in both stores.

Made with mlflow 3.17.2, scikit-learn 1.9.1, skops 0.16.0, pandas 3.1.1, GitPython as MLflow brings it, Python 3.11:

    python3 -m venv VENV && VENV/bin/pip install mlflow==3.17.2 scikit-learn==1.9.1
    VENV/bin/python testdata/collect/make/mlflow.py testdata/collect/mlflow

Times, ids and digests of pickles differ each time, so a second run gives other files; tests ask for ids by name. It works in
/tmp/tallymark-mlflow, a fresh git repository, as a user called somebody. Artefacts are dropped, all but one MLmodel.
"""

import math
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys

WORK = pathlib.Path("/tmp/tallymark-mlflow")


def train():
    """What a person would run: one run with everything, one that failed, one that was deleted."""
    import mlflow
    import mlflow.sklearn
    import pandas
    from mlflow.entities import LoggedModelInput
    from mlflow.tracking import MlflowClient
    from sklearn.linear_model import LogisticRegression

    frame = pandas.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1, 0, 1, 0], "y": [0, 0, 1, 1]})
    client = MlflowClient()
    mlflow.set_experiment("churn experiment")

    with mlflow.start_run(run_name="base"):
        mlflow.sklearn.log_model(LogisticRegression().fit(frame[["a", "b"]], frame["y"]), name="base")
    base_model = client.search_logged_models(client_experiments(client))[0]

    with mlflow.start_run(run_name="everything") as run:
        mlflow.log_params({"lr": 0.001, "optimizer/beta1": 0.9, "epochs": 3, "prompt": "two\nlines", "none": ""})
        for step, accuracy in enumerate([0.5, 0.75, 0.9733333333333334]):
            mlflow.log_metric("accuracy", accuracy, step=step)
        mlflow.log_metric("val/loss", 1.0, step=2)
        mlflow.log_metric("broken", math.nan)
        mlflow.log_metric("tiny", 1e-300)
        mlflow.set_tags({"team": "risk", "mlflow.note.content": "A note."})
        data = mlflow.data
        mlflow.log_input(data.from_pandas(frame, source="https://data.example.org/churn.csv", name="churn"), "training")
        mlflow.log_input(data.from_pandas(frame[:2], source="https://data.example.org/churn.csv", name="churn"), "eval")
        frame.to_csv(WORK / "local.csv")
        mlflow.log_input(data.from_pandas(frame, source=str(WORK / "local.csv"), name="local"))
        client.log_inputs(run.info.run_id, models=[LoggedModelInput(base_model.model_id)])
        model = LogisticRegression().fit(frame[["a", "b"]], frame["y"])
        logged = mlflow.sklearn.log_model(model, name="churn", registered_model_name="churn-predictor")
    version = logged.registered_model_version
    client.set_registered_model_alias("churn-predictor", "champion", version)
    client.set_model_version_tag("churn-predictor", version, "validated", "yes")

    try:
        with mlflow.start_run(run_name="failed"):
            raise RuntimeError("on purpose")
    except RuntimeError:
        pass
    with mlflow.start_run(run_name="deleted") as deleted:
        pass
    client.delete_run(deleted.info.run_id)


def client_experiments(client):
    return [experiment.experiment_id for experiment in client.search_experiments()]


def make(case, store, out):
    """Runs `train` in a repository of its own and keeps what MLflow wrote about it."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    shutil.copy(__file__, WORK / "train.py")
    remote = "https://somebody:secret@git.example.org/ml/churn.git"
    for command in [
        ["init", "--quiet", "--initial-branch=main"],
        ["remote", "add", "origin", remote],
        ["add", "train.py"],
        ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "commit", "--quiet", "-m", "train"],
    ]:
        subprocess.run(["git", *command], cwd=WORK, check=True)
    environment = {
        "HOME": str(WORK),
        "LOGNAME": "somebody",
        "USER": "somebody",
        "PATH": os.environ["PATH"],
        "MLFLOW_TRACKING_URI": store,
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OMP_NUM_THREADS": "1",
    }
    subprocess.run([sys.executable, "train.py", "--train"], cwd=WORK, env=environment, check=True)
    target = out / case
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    return target


def main(out):
    target = make("database", f"sqlite:///{WORK}/mlflow.db", out)
    # MLflow's seventy tables take a page each, and a page is 4096 bytes: smaller ones say the same.
    database = sqlite3.connect(WORK / "mlflow.db")
    database.execute("PRAGMA page_size = 512")
    database.execute("VACUUM")
    database.close()
    shutil.copy(WORK / "mlflow.db", target / "mlflow.db")

    target = make("files", f"file://{WORK}/mlruns", out)
    shutil.copytree(WORK / "mlruns", target / "mlruns", ignore=shutil.ignore_patterns("artifacts", ".trash"))

    models = sorted(WORK.glob("mlruns/*/models/*/artifacts/MLmodel"))
    target = out / "model"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    shutil.copy(models[0], target / "MLmodel")
    transformers(out / "transformers")


def transformers(target):
    """The MLmodel of a transformers pipeline, with the fields that mlflow/transformers/flavor_config.py gives.

    transformers and torch are not installed for it: MLflow's own writer is given the fields.
    """
    # This file has the name of what it asks for, and Python looks beside it first.
    sys.path.pop(0)
    from mlflow.models import Model

    model = Model(run_id="0" * 32, model_id="m-" + "0" * 32)
    model.add_flavor("python_function", loader_module="mlflow.transformers", python_version="3.11.7", env={})
    model.add_flavor(
        "transformers",
        transformers_version="5.23.0",
        code=None,
        task="text-classification",
        instance_type="TextClassificationPipeline",
        pipeline_model_type="BertForSequenceClassification",
        source_model_name="google-bert/bert-base-uncased",
        # Python's YAML writes this hex id without quotes, and most readers take it for a number.
        source_model_revision="86265e09" + "3" * 32,
        tokenizer_type="BertTokenizer",
        components=["tokenizer"],
    )
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    model.save(target / "MLmodel")


if __name__ == "__main__":
    if sys.argv[1:] == ["--train"]:
        train()
    else:
        main(pathlib.Path(sys.argv[1]).resolve())
