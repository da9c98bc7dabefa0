"""Makes testdata/collect/evaluation with lm-evaluation-harness itself, on tasks of a few lines and a model that guesses.

Made with lm_eval 0.4.13, datasets 5.2.0, Python 3.11; no torch:

    python3 -m venv VENV && VENV/bin/pip install lm_eval==0.4.13 datasets==5.2.0
    VENV/bin/python testdata/collect/make/evaluation.py testdata/collect/evaluation

Nothing is fetched: the data are JSON files in /tmp/tallymark-evaluation, where it works. The model `dummy` draws numbers at random from
a fixed seed. Times, the name and the clock of the machine differ each time; what tells of the machine is replaced by invented words of
the same form.

| case | what |
|---|---|
| tasks | a group of two tasks, multiple choice and generated text with two filters, and a task without a test split |
| limited | one task, of which one sample was asked, so that standard errors are N/A; asked with few-shot examples |
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

WORK = pathlib.Path("/tmp/tallymark-evaluation")

TASKS = {
    "capitals.yaml": """task: capitals
dataset_path: json
dataset_kwargs:
  data_files: {test: DATA/capitals.jsonl, train: DATA/capitals.jsonl}
output_type: multiple_choice
training_split: train
test_split: test
fewshot_split: train
doc_to_text: "The capital of {{country}} is"
doc_to_target: "{{answer}}"
doc_to_choice: "{{cities}}"
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}
metadata: {version: 1.0}
""",
    "sums.yaml": """task: sums
dataset_path: json
dataset_kwargs:
  data_files: {validation: DATA/sums.jsonl}
output_type: generate_until
validation_split: validation
doc_to_text: "{{a}} + {{b}} ="
doc_to_target: "{{sum}}"
generation_kwargs: {until: ["\\n"]}
filter_list:
  - name: strict-match
    filter:
      - {function: regex, regex_pattern: "^(-?[0-9]+)$"}
      - {function: take_first}
  - name: flexible-extract
    filter:
      - {function: regex, regex_pattern: "(-?[0-9]+)"}
      - {function: take_first}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
metadata: {version: 2.0}
""",
    "prose.yaml": """task: prose
dataset_path: json
dataset_kwargs:
  data_files: {test: DATA/prose.jsonl}
output_type: loglikelihood_rolling
test_split: test
doc_to_text: ""
doc_to_target: "{{text}}"
metric_list:
  - {metric: word_perplexity}
  - {metric: bits_per_byte}
metadata: {version: 1.0}
""",
    "small.yaml": """group: small
task: [capitals, sums]
aggregate_metric_list:
  - {metric: acc, aggregation: mean, weight_by_size: true, filter_list: none}
metadata: {version: 1.0}
""",
}


def lay_out():
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "tasks").mkdir(parents=True)
    for name, text in TASKS.items():
        (WORK / "tasks" / name).write_text(text.replace("DATA", str(WORK)))
    capitals = [("France", "Paris"), ("Japan", "Tokyo"), ("Peru", "Lima"), ("Kenya", "Nairobi")]
    cities = [city for _, city in capitals]
    lines = {
        "capitals.jsonl": [
            {"country": country, "cities": cities, "answer": place}
            for place, (country, _) in enumerate(capitals)
        ],
        "sums.jsonl": [{"a": a, "b": a + 1, "sum": str(2 * a + 1)} for a in range(4)],
        "prose.jsonl": [{"text": "A tally stick was split in two."}, {"text": "Each side kept a half."}],
    }
    for name, documents in lines.items():
        (WORK / name).write_text("".join(json.dumps(document) + "\n" for document in documents))


def evaluate(case, *words):
    """What a person would type."""
    out = WORK / "out" / case
    program = pathlib.Path(sys.executable).with_name("lm_eval")
    call = [program, "run", "--model", "dummy", "--include_path", WORK / "tasks", "--output_path", out]
    environment = {
        **os.environ,
        "HOME": str(WORK),
        "HF_HOME": str(WORK / "cache"),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
    }
    subprocess.run([*call, *words], check=True, cwd=WORK, env=environment)
    (results,) = out.rglob("results*.json")
    return results.read_text()


def without_the_machine(text):
    """The environment of the machine is one text with line ends in it, and says much."""
    told = json.loads(text)["pretty_env_info"]
    text = text.replace(json.dumps(told, ensure_ascii=False), json.dumps("Python platform: Linux"))
    return re.sub(r'("git_hash": )"[^"]*"', r"\1null", text)


def main(target):
    lay_out()
    cases = {
        "tasks": ["--tasks", "small,prose", "--seed", "1234"],
        "limited": ["--tasks", "capitals", "--limit", "1", "--num_fewshot", "1", "--seed", "1234"],
    }
    for case, words in cases.items():
        folder = pathlib.Path(target) / case
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.json").write_text(without_the_machine(evaluate(case, *words)))


if __name__ == "__main__":
    main(sys.argv[1])
