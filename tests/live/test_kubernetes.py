# SPDX-License-Identifier: MIT
"""The configurations in docs/kubernetes.md are accepted as they stand."""

import os
import re
import subprocess
import textwrap

from harness import BINARY

PAGE = os.path.join(os.path.dirname(__file__), "../../docs/kubernetes.md")


def test_its_configurations_are_accepted(folder):
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    blocks = re.findall(r"^  (\S+\.yaml): \|\n((?:    .*\n)+)", page, re.M)
    tokens = [text for name, text in blocks if name == "tokens.yaml"]
    configs = [text for name, text in blocks if name == "cachewarden.yaml"]
    assert len(tokens) == 1 and len(configs) == 2
    for name, text in (("tokens.yaml", textwrap.dedent(tokens[0])), ("redis-password", "secret\n")):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(os.path.join(folder, name), 0o440)
    for text in configs:
        path = os.path.join(folder, "cachewarden.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(text).replace("/etc/cachewarden-secrets", folder))
        os.chmod(path, 0o644)
        done = subprocess.run(
            [BINARY, "--config", path, "--check-config"], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "POD_NAME": "cachewarden-7f9c-x2x", "SHOP_API_TOKEN": "t"})
        assert (done.returncode, done.stdout) == (0, path + ": ok\n"), done.stdout
