"""A person learns how to open the page on a phone in the same network."""

import os
import re
import signal
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
import segno

from demo import nearby
from demo.server import PORTS
from tests.demo.serving import Collecting, lines

WIFI, CABLE, VPN, DOCKER = "192.168.178.34", "192.168.178.20", "10.8.0.2", "172.17.0.1"


@pytest.mark.parametrize(
    ("default", "expected"),
    [(WIFI, [WIFI, CABLE, DOCKER, VPN]), (CABLE, [CABLE, WIFI, DOCKER, VPN]), (VPN, [CABLE, WIFI, VPN, DOCKER])],
    ids=["Wi-Fi", "cable", "VPN"],
)
def test_the_address_that_others_most_likely_reach_comes_first(
    default: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    interfaces = [("lo", "127.0.0.1"), ("docker0", DOCKER), ("tun0", VPN), ("eth0", CABLE), ("wlan0", WIFI)]
    monkeypatch.setattr(nearby, "_interfaces", lambda: [*interfaces, ("eth1", "169.254.7.7")])
    monkeypatch.setattr(nearby, "_default_address", lambda: default)
    assert nearby.addresses() == expected


def test_a_machine_without_a_network_has_no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearby, "_interfaces", lambda: [("lo", "127.0.0.1")])
    monkeypatch.setattr(nearby, "_default_address", lambda: "")
    assert nearby.addresses() == []


def test_the_qr_code_shows_the_modules_of_the_url_white_and_black() -> None:
    url = "http://192.168.178.34:7860/"
    modules = {"█": (0, 0), "▀": (0, 1), "▄": (1, 0), " ": (1, 1)}
    shown = []
    for line in nearby.qr_code(url).splitlines():
        found = re.fullmatch(r"\x1b\[97;40m([█▀▄ ]+)\x1b\[0m", line)
        assert found
        shown += [list(row) for row in zip(*(modules[block] for block in found[1]), strict=True)]
    expected = [list(row) for row in segno.make(url, error="l", micro=False).matrix_iter(border=2)]
    assert shown[:-1] == expected
    assert not any(shown[-1])


@pytest.mark.skipif(not nearby.addresses(), reason="this machine is in no network")
def test_the_address_for_phones_is_printed_and_no_qr_code_into_a_file(collecting: Collecting) -> None:
    port = urlsplit(collecting.address).port
    urls = " or ".join(f"http://{address}:{port}/" for address in nearby.addresses())
    stored, invitation, _ = lines[collecting.address].splitlines()
    assert stored == f"Corrected drawings are stored in {collecting.folder}, which holds 0."
    assert invitation == f"On a phone in the same network, open {urls}"


@pytest.mark.server
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
@pytest.mark.skipif(not nearby.addresses(), reason="this machine is in no network")
def test_a_terminal_shows_the_first_address_as_a_qr_code() -> None:
    import pty

    controller, terminal = pty.openpty()
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "demo", "--device", "cpu", "--host", "0.0.0.0", "--port", "0"]
    with subprocess.Popen(command, stdout=terminal, env=environment) as process:
        os.close(terminal)
        printed = b""
        while b"Ctrl+C" not in printed:
            printed += os.read(controller, 65_536)
        process.send_signal(signal.SIGINT)
    os.close(controller)
    text = printed.decode().replace("\r\n", "\n")
    port = int(re.findall(r"Draw at http://localhost:(\d+)/", text)[0])
    assert port not in (0, *PORTS)
    assert nearby.qr_code(f"http://{nearby.addresses()[0]}:{port}/") in text
