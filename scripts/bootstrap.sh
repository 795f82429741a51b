#!/usr/bin/env bash
# Everything that `make` needs, on a machine that has a Python >= 3.11 and nothing else of ours.
# This part only finds that Python; the rest is scripts/bootstrap.py, which needs the standard library alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usable() { # a command may be a version manager's stand-in that starts nothing: only running it tells
  "$1" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1
}

candidates=("${DOVETAIL_PYTHON:-}" python3.11 python3.12 python3.13 python3 python)
for root in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[123].*; do # installed, though not active
  candidates+=("$root/bin/python3")
done

for candidate in "${candidates[@]}"; do
  if [[ -n "$candidate" ]] && usable "$candidate"; then
    exec "$candidate" scripts/bootstrap.py "$@"
  fi
done

echo "dovetail needs Python 3.11, 3.12 or 3.13, and none was found as python3.11, python3.12, python3.13 or python3." >&2
echo "Install one, or name it: DOVETAIL_PYTHON=/path/to/python make test" >&2
exit 3
