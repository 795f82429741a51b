#!/usr/bin/env bash
# The New York flights pipeline on real data: docs/tutorial explains it line by line.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../examples/flights"
bin="$PWD/../../.venv/bin"
exec "$bin/dovetail" run pipeline.py flights "$@"
