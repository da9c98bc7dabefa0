#!/bin/sh
# Makes testdata/collect/environment: locks by uv, requirements by uv and pip, environments installed by pip and by uv, a
# conda.yaml by MLflow. Needs python3 with venv, and PyPI.
#
#   sh environment.sh ..        made with Python 3.11.7, uv 0.13.9, pip 26.0.1, mlflow-skinny 3.17.2
#
# The package that is installed is made here, so that nobody else's code is kept. tool.txt holds what the tools themselves say,
# as `key value` lines that must come out as facts; digest.py computes the environment's digest apart from this project.
set -eu
out=$(cd "$1" && pwd)/environment
here=$(cd "$(dirname "$0")" && pwd)
work=/tmp/tallymark-make-environment
rm -rf "$work"
mkdir -p "$work"
cd "$work"
export UV_CACHE_DIR="$work/cache" UV_NO_CONFIG=1 PYTHONDONTWRITEBYTECODE=1

python3 -m venv tools
tools/bin/pip install -q pip==26.0.1
tools/bin/pip install -q uv==0.13.9 mlflow-skinny==3.17.2
PATH="$work/tools/bin:$PATH"

begin() {
    rm -rf "${out:?}/$1"
    mkdir -p "$out/$1/input"
}

# A package with a module, a script, and a file whose name has a comma.
mkdir -p package/src/tiny_demo
cat > package/pyproject.toml <<'END'
[project]
name = "Tiny.Demo"
version = "1.2.3"
description = "Nothing"
requires-python = ">=3.9"
dependencies = ["idna>=3.7"]
[project.scripts]
tiny-demo = "tiny_demo:main"
[build-system]
requires = ["uv_build>=0.13,<0.14"]
build-backend = "uv_build"
END
printf 'def main():\n    print("tiny")\n' > package/src/tiny_demo/__init__.py
printf 'x\n' > 'package/src/tiny_demo/a,b.txt'
uv build -q --wheel --out-dir wheels package

# A lock, and what uv and pip make of it.
(cd package && uv lock -q)
begin uv-lock
cp package/uv.lock "$out/uv-lock/input/"
printf 'version 1.2.3\nuri .\nrequirement >=3.9\n' > "$out/uv-lock/tool.txt"
sed -n 's/^version = "\(3\..*\)"/version \1/p' package/uv.lock >> "$out/uv-lock/tool.txt"
begin pylock
(cd package && uv export -q --no-emit-project --format pylock.toml -o pylock.toml > /dev/null)
cp package/pylock.toml "$out/pylock/input/"
sed -n 's/^version = "\(3\..*\)"/version \1/p' package/uv.lock > "$out/pylock/tool.txt"
begin requirements-hashed
(cd package && uv export -q --no-emit-project --format requirements.txt -o requirements.txt > /dev/null)
cp package/requirements.txt "$out/requirements-hashed/input/"
cp "$out/pylock/tool.txt" "$out/requirements-hashed/tool.txt"

# Two environments with the same package, one with an address.
for installer in pip uv; do
    begin "installed-$installer"
    env="$out/installed-$installer/input/env"
    python3 -m venv --without-pip --copies "$work/env-$installer"
    if [ "$installer" = pip ]; then
        pip -q --python "$work/env-pip" install --no-compile --no-deps --no-index wheels/*.whl
    else
        uv pip install -q --python "$work/env-uv/bin/python" --link-mode copy --no-deps --no-index --find-links wheels tiny-demo
    fi
    # What Python itself brings is not kept: nothing reads it.
    mkdir -p "$env/bin" "$env/lib"
    sed -e "s,^home = .*,home = /usr/bin," -e "s,^executable = .*,executable = /usr/bin/python3.11," \
        "$work/env-$installer/pyvenv.cfg" > "$env/pyvenv.cfg"
    cp "$work/env-$installer/bin/tiny-demo" "$env/bin/"
    cp -R "$work/env-$installer/lib/python3.11" "$env/lib/"
    {
        printf 'version 1.2.3\ninstaller %s\n' "$installer"
        python3 "$here/digest.py" "$env/lib/python3.11/site-packages"
    } > "$out/installed-$installer/tool.txt"
done

begin requirements-frozen
pip --python "$work/env-uv" freeze > "$out/requirements-frozen/input/requirements.txt"
printf 'version 1.2.3\n' > "$out/requirements-frozen/tool.txt"

begin conda-mlflow
python3 -c '
import sys
from mlflow.utils.environment import _mlflow_conda_env
_mlflow_conda_env(sys.argv[1], additional_pip_deps=["idna==3.10", "tiny-demo[x]>=1,<2"])
' "$out/conda-mlflow/input/conda.yaml"
printf 'version 3.10\nrequirement >=1,<2\n' > "$out/conda-mlflow/tool.txt"

find "$out" -type f | sort
