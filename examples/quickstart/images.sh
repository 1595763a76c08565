#!/usr/bin/env bash
# Prints the images of the quickstart that a folder of bundles has, as Terraform takes them: images.sh BUNDLES
set -euo pipefail

python3 - "$1/extra-images/manifest.json" <<'PYTHON'
import json, sys
names = [image["name"] for image in json.load(open(sys.argv[1]))["images"]]
print(json.dumps({what: next(name for name in names if what in name) for what in ("nginx", "postgresql")}))
PYTHON
