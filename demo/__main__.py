"""python -m demo: opens the sketchpad."""

import argparse
import signal
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

from demo.classifier import SetupError, load
from demo.collection import Collection


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo", description="Draw a digit; two networks read it.")
    parser.add_argument("--device", choices=["auto", "cuda", "cpu"], default="auto", help="default: CUDA if it works")
    parser.add_argument("--host", help="address to listen on; default: 127.0.0.1, and 0.0.0.0 for every network")
    parser.add_argument("--port", type=int, help="1 to 65535; default: the first free one from 7860")
    parser.add_argument("--share", action="store_true", help="open a public link through Gradio's servers")
    parser.add_argument("--mcp", action="store_true", help="serve /predict as a tool for language models, too")
    parser.add_argument(
        "--collect",
        type=Path,
        metavar="DIR",
        help="let people correct answers, and store those drawings in DIR, for python -m model train --data DIR",
    )
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _stop)
    _check_address(arguments.host or "127.0.0.1", arguments.port or 0)
    if arguments.mcp and find_spec("mcp") is None:
        sys.exit('python -m demo: mcp is not installed. pip install -e ".[mcp]" brings it.')
    try:
        classifier = load(arguments.device)
        from demo.app import serve  # Gradio takes two seconds to import: first comes what may be missing

        app, address = serve(
            classifier,
            Collection(arguments.collect) if arguments.collect else None,
            arguments.mcp,
            server_name=arguments.host,
            server_port=arguments.port or None,
            share=arguments.share,
        )
    except (SetupError, OSError) as error:
        sys.exit(f"python -m demo: {error}")
    print(f"Draw at {address} ({classifier}). Ctrl+C stops it.", flush=True)
    app.block_thread()


def _stop(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would interrupt the cleaning up
    sys.exit()


def _check_address(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port)):
            pass
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        sys.exit(f"python -m demo: cannot listen on {host}, port {port}: {reason}. Choose another --host or --port.")


if __name__ == "__main__":
    main()
