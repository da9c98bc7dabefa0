"""Trains a small classifier on the processor, and tells MLflow and Weights & Biases about it, as people do."""

import csv
import json
import os
import sys

import mlflow
import numpy
import wandb
from safetensors.numpy import load_file, save_file

data, base, out = sys.argv[1:]
params = {"learning_rate": 0.25, "epochs": 200, "l2": 0.001, "seed": 7}

with open(data, newline="") as source:
    rows = [[float(value) for value in row.values()] for row in csv.DictReader(source)]
table = numpy.array(rows)
features, wanted = table[:, :-1], table[:, -1]
features = (features - features.mean(axis=0)) / features.std(axis=0)
order = numpy.random.default_rng(params["seed"]).permutation(len(features))
cut = len(order) * 4 // 5
train, test = order[:cut], order[cut:]

start = load_file(os.path.join(base, "model.safetensors"))
weights, bias = start["weights"].copy(), float(start["bias"][0])


def predict(rows):
    return 1 / (1 + numpy.exp(-(features[rows] @ weights + bias)))


mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("churn")
run = wandb.init(project="churn", mode="offline", config=params, settings=wandb.Settings(silent=True))
with mlflow.start_run() as tracked:
    mlflow.log_params(params)
    for epoch in range(params["epochs"]):
        error = predict(train) - wanted[train]
        weights -= params["learning_rate"] * (features[train].T @ error / len(train) + params["l2"] * weights)
        bias -= params["learning_rate"] * error.mean()
        if epoch % 50 == 49:
            accuracy = float(((predict(test) > 0.5) == wanted[test]).mean())
            mlflow.log_metric("accuracy", accuracy, step=epoch)
            run.log({"accuracy": accuracy}, step=epoch)
    mlflow_run = tracked.info.run_id
run.finish()

os.makedirs(out, exist_ok=True)
save_file(
    {"weights": weights.astype("float32"), "bias": numpy.array([bias], "float32")},
    os.path.join(out, "model.safetensors"),
)
with open(os.path.join(out, "config.json"), "w") as target:
    json.dump({"architectures": ["LogisticRegression"], "model_type": "logistic-regression"}, target)
with open("metrics.json", "w") as target:
    json.dump({"accuracy": accuracy}, target)
with open("mlflow-run.txt", "w") as target:
    target.write(mlflow_run)
