#!/bin/sh
# look.sh CAPTURE: what is in it, whatever way it was packed.
reader=$(dirname "$0")/../../scripts/read_capture.py
"$reader" --events "$1" 2>&1 || exit 1
"$reader" --info "$1" 2>&1 | grep -Ev '^(uuid|created_ns|size): '
