"""Programs ask /predict: with gradio_client, or with nothing but HTTP."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image


@pytest.fixture
def drawing(tmp_path: Path) -> Path:
    sketch = np.full((280, 280, 3), 255, np.uint8)
    sketch[60:220, 130:150] = (20, 30, 160)
    Image.fromarray(sketch).save(tmp_path / "one.png")
    return tmp_path / "one.png"


def check(answer: dict[str, dict[str, float]]) -> None:
    assert set(answer) == {"lenet5", "ffnn"}
    for probabilities in answer.values():
        assert set(probabilities) == set("0123456789")
        assert max(probabilities, key=lambda digit: probabilities[digit]) == "1"
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_gradio_client_gets_the_probabilities_of_both_networks(address: str, drawing: Path) -> None:
    client = Client(address, verbose=False)
    try:
        check(client.predict(handle_file(drawing), api_name="/predict"))
    finally:
        client.close()


def test_plain_http_gets_them_too(address: str, drawing: Path) -> None:
    upload = subprocess.run(
        ["curl", "-s", "-F", f"files=@{drawing}", f"{address}gradio_api/upload"], capture_output=True, check=True
    )
    file = {"path": json.loads(upload.stdout)[0], "meta": {"_type": "gradio.FileData"}}
    request = urllib.request.Request(
        f"{address}gradio_api/run/predict",
        data=json.dumps({"data": [file]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        check(json.load(response)["data"][0])


def test_a_file_that_is_no_image_gets_a_word_that_helps(address: str, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam,")
    client = Client(address, verbose=False)
    try:
        with pytest.raises(AppError, match="not an image; send a PNG or JPEG"):
            client.predict(handle_file(tmp_path / "letter.txt"), api_name="/predict")
    finally:
        client.close()


def test_a_port_in_use_is_named(address: str) -> None:
    port = address.rstrip("/").split(":")[-1]
    failed = subprocess.run([sys.executable, "-m", "demo", "--port", port], capture_output=True, text=True)
    assert failed.returncode == 1
    assert failed.stderr.strip() == f"python -m demo: port {port} is in use; choose another with --port."
