#!/bin/sh
# Damaged inputs: against a capture made for the purpose, and (a sample of the cases) against the
# golden one.
set -u
exec python3 tests/bad/run.py "$KMEM_ANALYZE" "$TESTS/golden/v1.kmem"
