"""python -m tests.benchmarks startup: time to the first answer of python -m demo and of a one-line Gradio app.

The two take turns. Prints the median seconds from the command until a question is answered, the resident memory at that
time, and their ratios.
"""

import argparse
import json
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from demo.networks.images import data_url

RUNS = 7
ONE_LINE = "import gradio as gr; gr.Interface(str.upper, 'text', 'text').launch(server_port={port}, quiet=True)"
ONE = np.zeros((280, 280))
ONE[60:220, 130:150] = 1


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def asked(url: str, body: Any = None) -> Any:
    headers = {"Content-Type": "application/json"}
    data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:
        return json.load(answer)


def read_a_drawing(address: str) -> None:
    """Ask as the page does."""
    assert asked(f"{address}/read", {"canvas": data_url(ONE)})["number"] == "1"


def shout(address: str) -> None:
    assert asked(f"{address}/gradio_api/run/upper", {"data": ["a"]})["data"] == ["A"]


def first_answer(command: list[str], port: int, ask: Callable[[str], None]) -> tuple[float, float]:
    """Seconds until `ask` is answered, and the process's resident megabytes at that time."""
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while True:
                try:
                    ask(f"http://127.0.0.1:{port}")
                    break
                except urllib.error.HTTPError:
                    raise
                except (urllib.error.URLError, ConnectionError):
                    time.sleep(0.01)
            seconds = time.perf_counter() - started
            status = Path(f"/proc/{process.pid}/status").read_text()
            return seconds, int(status.split("VmRSS:")[1].split()[0]) / 1024
        finally:
            process.terminate()


def main() -> None:
    argparse.ArgumentParser().parse_args()
    demo, peer = [], []
    for run in range(RUNS + 1):
        port = free_port()
        ours = first_answer([sys.executable, "-m", "demo", "--port", str(port)], port, read_a_drawing)
        port = free_port()
        theirs = first_answer([sys.executable, "-c", ONE_LINE.format(port=port)], port, shout)
        if run:
            demo.append(ours)
            peer.append(theirs)
    for what, unit, index in (("first answer", "s", 0), ("resident memory", "MB", 1)):
        here, there = (statistics.median(row[index] for row in rows) for rows in (demo, peer))
        print(f"{what}: {here:.2f} {unit} against {there:.2f} {unit}, ratio {here / there:.2f}")


if __name__ == "__main__":
    main()
