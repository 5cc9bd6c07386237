# SPDX-License-Identifier: BSD-2-Clause
"""What all tests in Python stand on: which build is tested (build), ports on loopback (ports), waiting (waiting). Needs no pytest: tests/bench and
scripts/demo use it too. Importing it changes nothing."""
