# SPDX-License-Identifier: MIT
"""docs/docker.md, as far as it can be checked without a container engine: its files are read, its
configuration is used, and what the image is made of exists."""

import os
import re
import subprocess

import yaml

from harness import BINARY, free_port
from test_docs import ROOT, blocks, check, page, write

DIGEST = "<SHA-256 of the token>"


def file_of(name):
    (text,) = [block for block in blocks("docs/docker.md", "yaml") if block.startswith(f"# {name}\n")]
    return text


def test_the_configuration_waits_for_a_token_and_is_then_accepted(folder, redis):
    text = file_of("cachewarden.yaml").replace("redis://redis:6379/0", redis.url).replace(":8480", f":{free_port()}")
    path = write(folder + "/cachewarden.yaml", text)
    status, said = check(path)
    assert status == 78 and "sha256" in said
    assert check(write(path, text.replace(DIGEST, "ab" * 32))) == (0, path + ": ok\n")


def test_compose_names_what_is_there():
    compose = yaml.safe_load(file_of("compose.yaml"))["services"]
    ours = compose["cachewarden"]
    assert {"redis", "cachewarden", "prometheus"} == set(compose)
    for service in compose.values():
        assert set(service.get("depends_on", [])) <= set(compose)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0].removeprefix("./")
            assert os.path.exists(os.path.join(ROOT, source)) or f"# {source}\n" in page("docs/docker.md"), source
    # The daemon's own address, published on loopback only.
    listen = yaml.safe_load(file_of("cachewarden.yaml"))["listen"][0]
    assert [f"127.0.0.1:{port}:{port}" for port in [listen.rpartition(":")[2]]] == ours["ports"]
    scraped = yaml.safe_load(file_of("prometheus.yml"))["scrape_configs"][0]["static_configs"][0]["targets"]
    assert scraped == ["cachewarden:8480"] and "cachewarden" in yaml.safe_load(file_of("cachewarden.yaml"))["allowed_hosts"]


def test_prometheus_accepts_its_file_and_the_rules(folder):
    with open(os.path.join(ROOT, "docs", "prometheus-rules.yaml"), encoding="utf-8") as file:
        write(folder + "/cachewarden-rules.yaml", file.read())
    path = write(folder + "/prometheus.yml", file_of("prometheus.yml"))
    said = subprocess.run(["promtool", "check", "config", path], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said


def test_the_image_is_made_of_what_exists():
    (text,) = blocks("docs/docker.md", "dockerfile")
    steps = re.sub(r"\\\n\s*", "", text).split("\n")
    words = {step.split(" ")[0] for step in steps if step and not step.startswith("#")}
    assert words == {"FROM", "RUN", "COPY", "WORKDIR", "USER", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
    for step in steps:
        if step.startswith("RUN "):
            subprocess.run(["bash", "-n", "-c", step[4:]], check=True)
    # What the package makes at its installation, the image does not keep.
    with open(os.path.join(ROOT, "debian", "cachewarden.postinst"), encoding="utf-8") as file:
        made = re.findall(r">\$etc/(\S+)", file.read())
    assert made and all(f"/etc/cachewarden/{name}" in text for name in made)
    assert subprocess.run([BINARY, "--help"], capture_output=True, check=True, text=True).stdout.count("--config")
    with open(os.path.join(ROOT, "Makefile"), encoding="utf-8") as file:
        assert re.search(r"^deb:", file.read(), re.M)
