#!/usr/bin/env python3
"""Writes data/opsets.json: for each operator of ONNX's own domain the opsets that defined it anew, up to the last one that is supported. Read
by tools/operators.c. Needs onnx: opsets.py LAST_OPSET"""
import json
import os
import sys

import onnx.defs

LAST = int(sys.argv[1])
versions = {}
for schema in onnx.defs.get_all_schemas_with_history():
    if schema.domain == "" and schema.since_version <= LAST:
        versions.setdefault(schema.name, set()).add(schema.since_version)
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "opsets.json")
with open(path, "w") as f:
    json.dump({"last": LAST, "operators": {name: sorted(versions[name]) for name in sorted(versions)}}, f, separators=(",", ":"))
    f.write("\n")
print(len(versions), "operators")
