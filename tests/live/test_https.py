# SPDX-License-Identifier: MIT
"""HTTPS: what HTTP serves over TLS, and what is refused of certificates and clients."""

import ssl

import pytest

from certificates import Authority
from harness import API, open_config


@pytest.fixture(scope="module")
def authority(shared_folder):
    return Authority(shared_folder)


@pytest.fixture(scope="module")
def good(authority):
    return authority.issue("localhost", "127.0.0.1")


def config(redis, certificate, extra="", **more):
    members = {"certificate": certificate[0], "key": certificate[1], **more}
    text = ", ".join(f'{name}: "{value}"' for name, value in members.items())
    return open_config(redis, f"tls: {{{text}}}\n{extra}")


def trusting(authority, version=None):
    """What a client uses that trusts the authority."""
    context = ssl.create_default_context(cafile=authority.certificate)
    if version:
        context.minimum_version = context.maximum_version = version
    return context


@pytest.fixture
def serve(start, redis, authority, good):
    """serve(extra lines, member=...) -> a daemon with HTTPS."""
    def make(extra="", certificate=good, **more):
        daemon = start(config(redis, certificate, extra, **more))
        daemon.tls = trusting(authority)
        return daemon

    return make


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_are_spoken(serve, authority, version):
    daemon = serve()
    daemon.tls = trusting(authority, version)
    assert daemon.addresses[0].startswith("https://127.0.0.1:")
    answer = daemon.get("/livez")
    assert answer.status == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert daemon.get(API + "/stats").json["redis"]
