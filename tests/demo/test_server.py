"""The server's own addresses answer the page and programs, and give the reason for what they refuse."""

import base64
import errno
import hashlib
import io
import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image

from demo import server
from demo.networks.files import FILE, ONNX, SetupError
from demo.networks.images import data_url, decode_data_url, read_canvas
from demo.server import PORTS, listen
from tests.demo.asking import DIGIT, DRAWING, ONE, PNG, at_once, bomb, check, large, read
from tests.demo.serving import Collecting

ROOT = DIGIT.parent.parent


@pytest.mark.parametrize(
    "request_of",
    [
        lambda picture: {"files": {"image": picture}},
        lambda picture: {"files": {"image": ("digit.png", picture, "image/png")}, "data": {"comment": "mine"}},
        lambda picture: {"content": picture},
        lambda picture: {"content": picture, "headers": {"Content-Type": "image/png"}},
        lambda picture: {"content": picture, "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        lambda picture: {"content": iter([picture[:100], picture[100:]])},
    ],
    ids=["form", "form with more in it", "body", "image", "curl --data-binary", "chunks"],
)
def test_predict_takes_a_picture_as_a_form_field_or_as_the_body(request_of: Any, address: str) -> None:
    answer = httpx.post(f"{address}predict", **request_of(DIGIT.read_bytes()))
    assert answer.status_code == 200
    check(answer.json(), 7)


def test_predict_returns_no_digit_for_a_blank_sheet(address: str) -> None:
    sheet = io.BytesIO()
    Image.new("L", (200, 200), 255).save(sheet, "PNG")
    answer = httpx.post(f"{address}predict", content=sheet.getvalue()).json()
    assert (answer["digit"], answer["sure"], answer["number"], answer["digits"]) == (None, False, "", [])
    assert answer["lenet5"]["3"] == pytest.approx(0.1, abs=1e-6)


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (b"", "not an image"),
        (b"Dear Sir or Madam,", "not an image"),
        (PNG[:100], "damaged"),
        (bomb(40_000, b""), "too large"),
        (bomb(8_000, b""), "at most 25,000,000"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>', "not an image"),
    ],
    ids=["nothing", "a letter", "half an image", "a bomb", "a smaller bomb", "an SVG"],
)
def test_an_unreadable_picture_gets_the_reason(picture: bytes, reason: str, address: str) -> None:
    for sent in ({"content": picture}, {"files": {"image": picture}}):
        answer = httpx.post(f"{address}predict", **sent)
        assert answer.status_code == 422
        assert reason in answer.json()["detail"]


def test_a_form_without_a_picture_gets_the_reason(address: str) -> None:
    for form in ({"files": {"picture": PNG}}, {"data": {"image": "text"}, "files": {"x": b"x"}}):
        answer = httpx.post(f"{address}predict", **form)
        assert answer.status_code in (400, 422)
        assert "image" in answer.json()["detail"] or "Too many files" in answer.json()["detail"]


def test_an_image_with_extra_bytes_at_its_end_is_read(address: str) -> None:
    assert httpx.post(f"{address}predict", content=large(300) + bytes(1_000_000)).status_code == 200


def printed(language: str, address: str) -> str:
    """The README's snippet that asks /predict, with this server's address."""
    section = (ROOT / "demo" / "README.md").read_text().split("## For programs")[1]
    return section.split(f"```{language}\n")[1].split("```")[0].replace("http://127.0.0.1:7860", address.rstrip("/"))


def test_the_readmes_curl_runs_as_printed(address: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    command = ["sh", "-c", printed("sh", address)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    check(json.loads(done.stdout), 7)


def test_the_readmes_python_runs_as_printed(address: str) -> None:
    command = [sys.executable, "-c", printed("python", address)]
    done = subprocess.run(command, cwd=DIGIT.parent, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "7"


def test_the_readmes_javascript_runs_as_printed(address: str, tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("no npm on this machine")
    fetch = ["npm", "install", "--silent", "--no-audit", "--fetch-retries=0", "@gradio/client@2"]
    if subprocess.run(fetch, cwd=tmp_path, capture_output=True).returncode:
        pytest.skip("npm cannot fetch @gradio/client")
    (tmp_path / "ask.mjs").write_text(printed("js", address))
    shutil.copy(DIGIT, tmp_path)
    done = subprocess.run(["node", "ask.mjs"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ["7"], done.stderr


def test_health_reports_the_status_and_the_provider(address: str) -> None:
    health = httpx.get(f"{address}health")
    assert health.status_code == 200
    assert (health.json()["status"], health.json()["provider"]) == ("ok", "CPU")


def test_read_returns_the_probabilities_of_both_networks_and_their_mean(address: str) -> None:
    answer = httpx.post(f"{address}read", json={"canvas": DRAWING, "inside": 0}).json()
    (only,) = answer["digits"]
    assert (answer["number"], only["digit"], only["sure"]) == ("1", 1, True)
    np.testing.assert_allclose(only["box"], [130, 60, 150, 220], atol=8)
    assert np.mean(list(only["probabilities"].values()), axis=0) == pytest.approx(only["together"], abs=1e-6)
    assert set(only["maps"]) == {"conv1", "conv2", "conv3"}
    assert httpx.post(f"{address}read", json={"canvas": DRAWING}).json()["digits"][0]["maps"] is None


def test_read_returns_the_form_of_each_digit_if_it_is_wanted(address: str) -> None:
    answer = httpx.post(f"{address}read", json={"canvas": DRAWING, "forms": True}).json()
    assert answer["model"] == hashlib.sha256((ONNX / FILE).read_bytes()).hexdigest()
    (only,) = answer["digits"]
    ink, fc6 = (base64.b64decode(only["form"][name]) for name in ("ink", "fc6"))
    seen = 255 - read_canvas(only["image"]).pixels.astype(int)
    np.testing.assert_allclose(np.frombuffer(ink, np.uint8).reshape(28, 28), seen, atol=1)
    assert np.abs(np.frombuffer(fc6, np.int8)).max() > 50
    assert len(fc6) == 84
    assert httpx.post(f"{address}read", json={"canvas": DRAWING}).json()["digits"][0]["form"] is None


def test_read_and_predict_read_a_number(address: str) -> None:
    sketch = np.hstack([ONE[:, 80:200], ONE[:, 80:200], ONE[:, 80:200]])
    canvas = data_url(sketch)
    answer = httpx.post(f"{address}read", json={"canvas": canvas, "inside": 2}).json()
    assert answer["number"] == "111"
    assert [bool(piece["maps"]) for piece in answer["digits"]] == [False, False, True]
    answer = httpx.post(f"{address}predict", content=decode_data_url(canvas)).json()
    assert (answer["number"], answer["digit"], answer["lenet5"]) == ("111", None, None)
    np.testing.assert_allclose([piece["box"][0] for piece in answer["digits"]], [50, 170, 290], atol=8)


@pytest.mark.parametrize(
    "question",
    [None, 7, "7", [], {}, {"canvas": None}, {"canvas": "data:image/png;base64,AAAA"}, {"canvas": {"a": 1}}],
    ids=str,
)
@pytest.mark.parametrize("path", ["read", "keep"])
def test_an_invalid_question_gets_the_reason(question: object, path: str, address: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(address + path, content=json.dumps(question), headers=headers)
    assert answer.status_code == 422
    assert answer.json()["detail"]


@pytest.mark.parametrize("url", ["", "data:image/png;base64,", "data:image/svg+xml;base64,PHN2Zz4=", "x" * 1_000_001])
def test_an_unreadable_drawing_gets_the_reason(url: str, address: str) -> None:
    answer = httpx.post(f"{address}read", json={"canvas": url})
    assert answer.status_code == 422
    assert "PNG or JPEG" in answer.json()["detail"]


def test_drawings_are_stored_only_if_the_server_collects_them(address: str) -> None:
    answer = httpx.post(f"{address}keep", json={"canvas": DRAWING, "digit": 1})
    assert answer.status_code == 403
    assert "--collect" in answer.json()["detail"]
    assert httpx.post(f"{address}take-back", json={"name": "1/" + "a" * 32}).status_code == 403


def test_another_site_cannot_store_drawings(collecting: Collecting) -> None:
    address, folder = collecting

    def keep(digit: object = 1, **headers: str) -> httpx.Response:
        return httpx.post(f"{address}keep", json={"canvas": DRAWING, "digit": digit}, headers=headers)

    def stored() -> int:
        return len(list(folder.rglob("*.png")))

    before = stored()
    other_site = {"Origin": "http://elsewhere.example"}
    for headers in (other_site, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}, {"Origin": "http://["}):
        assert keep(**headers).status_code == 403
    for digit in (10, -1, "1", 1.5, True, None):
        assert keep(digit).status_code == 422
    assert stored() == before
    proxy = {"Origin": "http://digits.lan", "X-Forwarded-Host": "digits.lan"}
    here: list[dict[str, str]] = [{}, {"Origin": address.rstrip("/")}, proxy]
    for count, headers in enumerate([*here, {"Sec-Fetch-Site": "same-origin", **other_site}], before + 1):
        kept = keep(**headers).json()
        assert kept["kept"] == count
    assert stored() == before + 4
    take_back = f"{address}take-back"
    assert httpx.post(take_back, json={"name": kept["name"]}, headers=other_site).status_code == 403
    assert stored() == before + 4
    assert httpx.post(take_back, json={"name": kept["name"]}).json() == {"kept": before + 3}
    assert httpx.post(take_back, json={"name": "../9"}).status_code == 422


def test_a_drawing_that_cannot_be_stored_gives_507_and_the_reason(collecting: Collecting) -> None:
    (collecting.folder).mkdir(exist_ok=True)
    (collecting.folder / "9").write_text("in the way")
    answer = httpx.post(f"{collecting.address}keep", json={"canvas": DRAWING, "digit": 9})
    assert answer.status_code == 507
    assert "could not be stored" in answer.json()["detail"]


def test_a_busy_server_gives_429_with_retry_after(hasty: str) -> None:
    answers = at_once(f"{hasty}predict", 15, content=large(2_000))
    assert set(answers) == {(200, None), (429, "1")}
    assert read(hasty) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one local address")
def test_the_server_listens_only_on_localhost_by_default(address: str, collecting: Collecting) -> None:
    assert urlsplit(address).hostname == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", urlsplit(address).port or 0), 5)
    assert read(f"http://127.0.0.2:{urlsplit(collecting.address).port}/") == 1


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "demo", *arguments], capture_output=True, text=True)


def test_the_error_for_a_port_in_use_names_it(address: str) -> None:
    port = address.rstrip("/").split(":")[-1]
    failed = start("--port", port)
    assert failed.returncode == 1
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in failed.stderr
    assert len(failed.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--port", "99999"), r"a port is a number from 0 to 65535, and 0 lets the system choose one; 99999 is not\."),
        (("--port", "-1"), r"a port is a number from 0 to 65535, and 0 lets the system choose one; -1 is not\."),
        (
            ("--host", "198.51.100.1"),
            r"cannot listen on 198\.51\.100\.1, port 7860: this machine does not have this "
            r"address\. It has 127\.0\.0\.1.*; --host 0\.0\.0\.0 takes all of them\.",
        ),
        (("--host", "no.such.host.invalid"), r"cannot listen on no\.such\.host\.invalid, port 7860: .+ --host\."),
        (("--host", "a..b"), r"cannot listen on a\.\.b, port 7860: this is not the name of a machine\. .+ --host\."),
    ],
)
def test_the_error_for_an_address_that_does_not_exist_says_what_to_choose(
    arguments: tuple[str, str], named: str
) -> None:
    failed = start(*arguments)
    assert failed.returncode == 1
    assert re.fullmatch(f"python -m demo: {named}\n", failed.stderr)


def test_the_error_for_a_folder_that_cannot_be_written_comes_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    failed = start("--collect", str(tmp_path / "mine"))
    reason = f"cannot store drawings in {tmp_path / 'mine'}: File exists. Choose another folder for --collect."
    assert failed.stderr == f"python -m demo: {reason}\n"


def test_port_0_lets_the_system_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    for port, variable in ((0, "7860"), (None, "0")):
        monkeypatch.setenv("GRADIO_SERVER_PORT", variable)
        with listen(port=port) as listener:
            assert listener.getsockname()[1] not in (0, *PORTS)


def test_the_error_for_an_invalid_port_in_the_environment_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_SERVER_PORT", "abc")
    failed = start()
    assert failed.returncode == 1
    assert failed.stderr == "python -m demo: GRADIO_SERVER_PORT must be a port number, but it is 'abc'.\n"


def test_the_next_port_is_tried_only_if_a_port_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADIO_SERVER_PORT", raising=False)
    with listen() as first, listen() as second:
        taken, port = first.getsockname()[1], second.getsockname()[1]
        assert port > taken >= PORTS[0]
        monkeypatch.setattr(server, "PORTS", range(taken, taken + 1))
        with pytest.raises(SetupError, match=f"ports {taken} to {taken}: Address already in use"):
            listen()
    tried = []

    def deny(_: socket.socket, address: tuple[str, int]) -> None:
        tried.append(address[1])
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(server, "PORTS", range(80, 90))
    monkeypatch.setattr(socket.socket, "bind", deny)
    with pytest.raises(SetupError, match="port 80: Permission denied"):
        listen()
    assert tried == [80]
