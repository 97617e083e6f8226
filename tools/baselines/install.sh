#!/bin/sh
# Installs the Python peers into target/baselines/venv. Takes another Python as PYTHON=...
# cryptofeed and nautilus_trader of the pinned versions want Python 3.12 or later.
# tardis-dev is not among them: its parser is a Node package, and the Python one only downloads.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv="$here/../../target/baselines/venv"
python=${PYTHON:-python3.12}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' || {
    echo "install.sh: $python is older than 3.12: set PYTHON to a newer one" >&2
    exit 2
}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
echo "$venv/bin/python"
