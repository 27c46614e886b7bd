#!/bin/bash
# The tests of the OAK application, with PYTHON (default: python3). Without NumPy there is nothing to run; what needs depthai,
# depthai-nodes and ONNX Runtime is skipped by name without them. OAK_FACES: real faces that are tried (default 100).
#   examples/oak/tests/run.sh ARCFACE LIBRARY
set -uo pipefail
python=${PYTHON:-python3}
ARCFACE=$(realpath "$1")
ARCFACE_LIBRARY=$(realpath "$2")
export ARCFACE ARCFACE_LIBRARY PYTHONDONTWRITEBYTECODE=1 DEPTHAI_TELEMETRY=0
"$python" -c 'import numpy' 2>/dev/null || { echo "skipped: $python has no NumPy, which the OAK application needs"; exit 77; }
cd "$(dirname "$0")" && exec "$python" -W ignore::ResourceWarning -m unittest -v
