#!/bin/sh
# A few places of every command that writes: there a write, an fsync or an allocation fails, or the process is killed.
# FAULT_POINTS=all tries every place (tests/faults/inject says what must hold).
exec sh "$(dirname "$0")/../faults/inject" "${FAULT_POINTS:-3}"
