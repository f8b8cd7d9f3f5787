# SPDX-License-Identifier: MIT
"""Fuzzed requests: a few here, a hundred thousand in `make soak` (tests/fuzz/daemon.py)."""

import os
import subprocess
import sys

import pytest

from harness import BINARY, rounds

TOOL = os.path.join(os.path.dirname(__file__), "..", "fuzz", "daemon.py")


@pytest.mark.soak
def test_fuzzed_requests_leave_no_report_and_get_no_500():
    tool = subprocess.run([sys.executable, TOOL, BINARY, str(rounds(400, 100000)), "1"],
                          capture_output=True, text=True, check=False)
    assert tool.returncode == 0, tool.stdout + tool.stderr
    assert " 200 " in tool.stdout and " 400 " in tool.stdout, tool.stdout
