#!/bin/sh
# Makes testdata/collect/dvc: what DVC leaves behind, and no data.
#
#     dvc.sh DVC3 DVC2 DVC1
#
# Each argument is the program of one generation. The files here were made by 3.67.1, 2.58.2 and 1.11.16, on Python 3.11.
set -eu
dvc3=$1 dvc2=$2 dvc1=$3
export DVC_NO_ANALYTICS=1 DVC_SITE_CACHE_DIR="${TMPDIR:-/tmp}/dvc-site" HOME="${TMPDIR:-/tmp}/nobody"
mkdir -p "$HOME"
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
cd "$work"

data() {
    mkdir -p data/raw/sub src
    printf 'a,b\r\n1,2\r\n' >'data/raw/Ärger "x".csv'
    printf 'c,d\n3,4\n' >'data/raw/a b.csv'
    printf '0\n' >'data/raw/sub/😀.txt'
    printf 'x,y\r\n0.5,1\r\n' >data/table.csv
    # An MD5 that is all digits but for one e, which YAML takes for a number unless it is told not to.
    python3 - <<'PY'
import hashlib, re
number = 0
while not re.fullmatch(r"[0-9]+e[0-9]+", hashlib.md5(b"%d\n" % number).hexdigest()):
    number += 1
open("data/number.txt", "w").write("%d\n" % number)
PY
    printf 'import sys, shutil\nshutil.copy(sys.argv[1], sys.argv[2])\n' >src/prepare.py
    printf 'import json\nopen("model.bin", "w").write("weights")\njson.dump({"accuracy": 0.9125, "loss": {"train": 1e-05, "test": 0.30}}, open("metrics.json", "w"))\n' >src/train.py
    printf 'train:\n  lr: 1e-05\n  layers: [64, 32]\n  seed: 0xFF\n  name: no\nsplit: 0.20\n' >params.yaml
    cat >dvc.yaml <<'YAML'
stages:
  prepare:
    cmd: python3 src/prepare.py data/table.csv prepared.csv
    deps:
    - data/table.csv
    - data/raw
    - src/prepare.py
    outs:
    - prepared.csv
  train:
    cmd:
    - python3 src/train.py
    - echo "user=$USER"
    deps:
    - prepared.csv
    - src/train.py
    params:
    - split
    - train
    outs:
    - model.bin
    metrics:
    - metrics.json:
        cache: false
YAML
}

keep() {
    target="$here/dvc/$1"
    rm -rf "$target"
    mkdir -p "$target"
    (find . -name '*.dvc' -type f; find . \( -name dvc.yaml -o -name dvc.lock -o -name params.yaml -o -name metrics.json -o -name '*.dir' \) -type f; find .dvc -name config) |
        while read -r file; do
            mkdir -p "$target/$(dirname "$file")"
            cp "$file" "$target/$file"
            chmod 644 "$target/$file"
        done
}

mkdir three && cd three
data
"$dvc3" init --no-scm -q
"$dvc3" add -q data/raw data/table.csv data/number.txt
cat >>dvc.yaml <<'YAML'
  report:
    wdir: reports
    cmd: cp ../metrics.json report.json
    deps:
    - ../metrics.json
    outs:
    - report.json
artifacts:
  churn:
    path: model.bin
    type: model
    desc: Who will leave
    labels:
    - tabular
YAML
mkdir reports
USER=nobody "$dvc3" repro -q
"$dvc3" remote add -q -d storage s3://acme-models/churn
"$dvc3" remote add -q web https://alice:s3cret@data.example.org/churn
"$dvc3" remote modify -q web password s3cret
keep pipeline
cd ..

# Data of another repository, at a commit.
mkdir upstream && cd upstream
git init -q -b main .
"$dvc3" init -q
printf '1\n' >set.csv
"$dvc3" add -q set.csv
git add -A
GIT_AUTHOR_DATE=2026-01-01T00:00:00Z GIT_COMMITTER_DATE=2026-01-01T00:00:00Z \
    git -c user.name=nobody -c user.email=nobody@example.org commit -q -m set
cd ..
mkdir import && cd import
"$dvc3" init --no-scm -q
"$dvc3" import -q "$work/upstream" set.csv
# The place is that of this run.
sed -i "s|$work|https://git.example.org/acme|" set.csv.dvc
keep import
cd ..

mkdir two && cd two
data
"$dvc2" init --no-scm -q
"$dvc2" add -q data/raw data/table.csv data/number.txt
USER=nobody "$dvc2" repro -q
keep dvc-2
cd ..

mkdir one && cd one
data
sed -i '/^    cmd:$/,/^    - echo/c\    cmd: python3 src/train.py' dvc.yaml
"$dvc1" init --no-scm -q
"$dvc1" add -q data/raw data/table.csv data/number.txt
USER=nobody "$dvc1" repro -q
keep dvc-1
cd /
rm -rf "$work"
