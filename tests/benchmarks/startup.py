"""python tests/benchmarks/startup.py: from the command to the first page, python -m demo and a one-line Gradio app.

The two take turns; printed are median seconds until HTTP answers, resident memory then, and their ratios.
"""

import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

RUNS = 7
ONE_LINE = "import gradio as gr; gr.Interface(str.upper, 'text', 'text').launch(server_port={port}, quiet=True)"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def first_answer(command: list[str], port: int) -> tuple[float, float]:
    """Seconds until the page is served, and the process's resident megabytes then."""
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/").read()
                    break
                except (urllib.error.URLError, ConnectionError):
                    time.sleep(0.01)
            seconds = time.perf_counter() - started
            status = Path(f"/proc/{process.pid}/status").read_text()
            return seconds, int(status.split("VmRSS:")[1].split()[0]) / 1024
        finally:
            process.terminate()


def main() -> None:
    demo, peer = [], []
    for run in range(RUNS + 1):
        port = free_port()
        ours = first_answer([sys.executable, "-m", "demo", "--port", str(port)], port)
        port = free_port()
        theirs = first_answer([sys.executable, "-c", ONE_LINE.format(port=port)], port)
        if run:
            demo.append(ours)
            peer.append(theirs)
    for what, unit, index in (("first page", "s", 0), ("resident memory", "MB", 1)):
        here, there = (statistics.median(row[index] for row in rows) for rows in (demo, peer))
        print(f"{what}: {here:.2f} {unit} against {there:.2f} {unit}, ratio {here / there:.2f}")


if __name__ == "__main__":
    main()
