# SPDX-License-Identifier: MIT
"""The manual pages, made from tables and headers: mandoc has nothing to say, and they are complete."""

import os
import re
import subprocess

import pytest

from cli import run
from client import ROOT
from harness import BINARY

PAGES = ["cachewarden.1", "libcachewarden.3", "cachewarden.yaml.5", "cachewardend.8"]


@pytest.fixture(scope="module")
def pages(shared_folder):
    """Folder of the pages, each in man1 to man8, as make installs them."""
    for page in PAGES:
        if page.startswith("lib"):
            headers = sorted(os.listdir(os.path.join(ROOT, "include", "cachewarden")))
            names = sorted(headers, key=lambda name: (name != "cachewarden.h", name))
            text = subprocess.run(["awk", "-v", "date=December 1, 2026", "-f", "src/lib/manual.awk",
                                   *(f"include/cachewarden/{name}" for name in names)],
                                  cwd=ROOT, capture_output=True, text=True, check=True).stdout
        else:
            text = run("help", "--roff", page).stdout
        place = os.path.join(shared_folder, "man" + page[-1])
        os.makedirs(place, exist_ok=True)
        with open(os.path.join(place, page), "w", encoding="utf-8") as file:
            file.write(text)
    return shared_folder


def shown(pages, page):
    text = subprocess.run(["mandoc", "-Tutf8", os.path.join(pages, "man" + page[-1], page)], capture_output=True,
                          text=True, check=True).stdout
    return re.sub(".\b", "", text)


@pytest.mark.parametrize("page", PAGES)
def test_mandoc_has_nothing_to_say(pages, page):
    done = subprocess.run(["mandoc", "-Tlint", os.path.join(pages, "man" + page[-1], page)], capture_output=True,
                          text=True, check=False)
    # It looks for the pages of this manual among those of the machine.
    said = [line for line in (done.stdout + done.stderr).splitlines() if "referenced manual not found" not in line]
    assert not said, said
    assert set(re.findall(r"not found: Xr (\S+) (\d)", done.stdout)) <= {(name[:-2], name[-1]) for name in PAGES}


def test_each_page_has_what_its_table_has(pages):
    with open(os.path.join(ROOT, "src", "cli", "command_table.c"), encoding="utf-8") as file:
        names = re.findall(r'\{\.name = "([a-z ]*)"', file.read())
    text = shown(pages, "cachewarden.1")
    assert not [name for name in names if not re.search(rf"^ +{name}\b", text, re.M)]
    help_text = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout
    text = shown(pages, "cachewardend.8")
    options = re.findall(r"^  --([a-z-]+)", help_text, re.M)
    assert len(options) == 7 and not [name for name in options if not re.search(rf"^ +--{name}\b", text, re.M)]
    text = shown(pages, "cachewarden.yaml.5")
    for key in ("redis.url", "auth.tokens", "warm.jobs", "cron", "alerts", "limits.reply_bytes"):
        assert re.search(rf"^ +(?:\S+\.)?{re.escape(key)}(?: |$)", text, re.M), key
    assert "Default: redis://localhost:6379/0." in text and "A reload cannot change it." in text
    text = shown(pages, "libcachewarden.3")
    for path in os.listdir(os.path.join(ROOT, "include", "cachewarden")):
        with open(os.path.join(ROOT, "include", "cachewarden", path), encoding="utf-8") as file:
            for name in re.findall(r"^CW_API [^(]*?\b(cw_\w+)\(", file.read(), re.M):
                assert name + "(" in text, name
