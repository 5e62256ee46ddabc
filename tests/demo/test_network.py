"""What the server listens on, that it asks nobody, and how it stops."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from demo.server import listen, url_of
from tests.demo.asking import connected, read
from tests.demo.serving import Running, processes


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("0.0.0.0", "localhost"),
        pytest.param("::1", "[::1]", marks=needs_ipv6),
        pytest.param("[::1]", "[::1]", marks=needs_ipv6),
        pytest.param("::", "localhost", marks=needs_ipv6),
        pytest.param("[::]", "localhost", marks=needs_ipv6),
    ],
)
@pytest.mark.parametrize("is_option", [True, False], ids=["option", "variable"])
def test_a_host_is_listened_on_and_shown_as_an_address(
    host: str, shown: str, is_option: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_SERVER_NAME", "192.0.2.1" if is_option else host)  # nobody has the former
    with listen(host if is_option else None) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://{shown}:{port}/"
        assert listener.proto == socket.IPPROTO_TCP  # or asyncio sets no TCP_NODELAY
        connected(url_of(listener)).close()
        if host.strip("[]") == "::" and socket.has_dualstack_ipv6():
            connected(f"http://127.0.0.1:{port}/").close()


@needs_ipv6
@pytest.mark.skipif(sys.platform != "linux", reason="other systems name their networks differently")
def test_an_address_with_a_scope_is_shown_with_it() -> None:
    lines = [line.split() for line in Path("/proc/net/if_inet6").read_text().splitlines()]
    local = [(bytes.fromhex(line[0]), line[5]) for line in lines if line[0].startswith("fe80")]
    if not local:
        pytest.skip("no link-local address on this machine")
    host, network = socket.inet_ntop(socket.AF_INET6, local[0][0]), local[0][1]
    with listen(f"{host}%{network}") as listener:
        assert url_of(listener).startswith(f"http://[{host}%25{network}]:")


@needs_ipv6
def test_the_page_is_served_over_ipv6_and_ipv4(start_server: Running) -> None:
    with start_server("--host", "::") as address:
        port = urlsplit(address).port
        for host in ("[::1]", "127.0.0.1"):
            here = f"http://{host}:{port}"
            assert f'"root":"{here}"' in httpx.get(here, trust_env=False).text.replace('": ', '":')
            assert read(f"{here}/") == 1


@pytest.fixture
def recorder() -> Iterator[tuple[int, list[object]]]:
    """A proxy that notes who connects, and hangs up. Its port, and its notes."""
    notes: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def record() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return  # closed
                notes.append(connection.recv(1000))
                connection.close()

        thread = threading.Thread(target=record, daemon=True)
        thread.start()
        yield listener.getsockname()[1], notes
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize(
    "variables",
    [
        dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:{port}"),
        {"ALL_PROXY": "socks5://127.0.0.1:{port}"},
        {"all_proxy": "socks://127.0.0.1:{port}/", "no_proxy": "localhost,::1/128"},
        {"http_proxy": "127.0.0.1:port:{port}"},
    ],
    ids=["HTTP", "SOCKS", "as GNOME sets it", "malformed"],
)
def test_no_proxy_of_the_environment_is_asked(
    variables: dict[str, str],
    recorder: tuple[int, list[object]],
    start_server: Running,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port, notes = recorder
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(port=port))
    with start_server("--mcp") as address:
        assert httpx.get(address, trust_env=False).status_code == 200
        assert httpx.get(f"{address}health", trust_env=False).json()["status"] == "ok"
    assert notes == []


def test_onnx_runtime_is_told_to_send_no_statistics() -> None:
    """It would send the first ones 15 seconds after its import."""
    code = "import sys, os, demo; print(os.environ['ORT_DISABLE_TELEMETRY'], 'onnxruntime' in sys.modules)"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "False"]


@pytest.mark.server
@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not show which signals a process handles")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("pause", [0, 0.2, 0.5, 1, 1.5, 2])
def test_a_signal_during_the_start_ends_it_quietly(number: signal.Signals, pause: float) -> None:
    command = [sys.executable, "-m", "demo", "--device", "cpu"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not handles(process.pid, signal.SIGTERM):
            time.sleep(0.01)
        time.sleep(pause)
        process.send_signal(number)
        printed, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert not printed or printed.startswith("Draw at ")


def handles(process: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for the signal."""
    status = Path(f"/proc/{process}/status").read_text()
    return bool(int(status.split("SigCgt:")[1].split()[0], 16) >> (number - 1) & 1)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_more_signals_while_the_server_stops_change_nothing(start_server: Running) -> None:
    """running() checks that there is no traceback."""
    with start_server() as address, connected(address, 10) as connection:
        process = processes[address]
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nhalf")
        time.sleep(0.2)
        for _ in range(20):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        assert connection.recv(1000).startswith(b"HTTP/1.1 503 ")
        assert process.wait(10) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_has_sent_half_a_body_is_told_that_the_server_stops(number: signal.Signals, start_server: Running) -> None:
    with start_server() as address, connected(address, 10) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nhalf")
        time.sleep(0.2)
        processes[address].send_signal(number)
        assert connection.recv(1000).startswith(b"HTTP/1.1 503 ")
        processes[address].wait(10)
