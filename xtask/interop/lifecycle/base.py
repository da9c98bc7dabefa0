"""Makes the base model that is trained further, and the raw table: the same bytes each time."""

import json
import os

import numpy
from safetensors.numpy import save_file

draw = numpy.random.default_rng(2026)
os.makedirs("base")
save_file(
    {"weights": draw.normal(size=4).astype("float32"), "bias": numpy.zeros(1, "float32")},
    "base/model.safetensors",
)
with open("base/config.json", "w") as target:
    json.dump({"architectures": ["LogisticRegression"], "model_type": "logistic-regression"}, target)

rows = draw.normal(size=(400, 4))
wanted = (rows @ [1.5, -2.0, 0.5, 0.0] + draw.normal(scale=0.5, size=400) > 0).astype(int)
os.makedirs("data")
with open("data/raw.csv", "w") as target:
    target.write("tenure,charges,calls,noise,churned\n")
    for row, label in zip(rows, wanted):
        target.write(",".join(f"{value:.6f}" for value in row) + f",{label}\n")
    target.write("1.0,,2.0,3.0,1\n")
