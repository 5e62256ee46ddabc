"""python -m demo: serve the sketchpad."""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from demo.stop import stop_at_once


def main() -> None:
    stop_at_once()
    from demo.corrections import Corrections  # imported here, because ONNX Runtime takes a second: Ctrl+C works before
    from demo.networks.classifier import load
    from demo.networks.files import ONNX, SetupError
    from demo.server import listen, serve

    parser = argparse.ArgumentParser(
        prog="python -m demo", usage="%(prog)s [options]", description="Write a number; two networks read it."
    )
    parser.add_argument(
        "--device", choices=["auto", "cuda", "cpu"], default="auto", help="default: auto, which takes CUDA if it works"
    )
    parser.add_argument(
        "--host",
        help="address to listen on; default: 127.0.0.1; 0.0.0.0 or :: for the other devices in your networks, too",
    )
    parser.add_argument(
        "--port", type=int, help="default: the first free port from 7860 on; 0 lets the system choose one"
    )
    parser.add_argument(
        "--root-path", metavar="PATH", help="path or URL at which a reverse proxy shows the page, such as /digits"
    )
    parser.add_argument("--share", action="store_true", help="open a public link through Gradio's servers")
    parser.add_argument("--mcp", action="store_true", help="also serve /predict as a tool for language models")
    parser.add_argument(
        "--onnx", type=Path, default=ONNX, metavar="DIR", help="folder of reader.onnx; default: export/onnx"
    )
    parser.add_argument(
        "--collect",
        type=Path,
        metavar="DIR",
        help="let users correct answers and store these drawings in DIR, for python -m model tune all --data DIR",
    )
    arguments = parser.parse_args()
    if arguments.mcp and find_spec("mcp") is None:
        sys.exit('python -m demo: the package mcp is not installed. Run: pip install -e ".[mcp]"')
    try:
        corrections = Corrections(arguments.collect) if arguments.collect else None
        if corrections:
            corrections.prepare()
        serve(
            listen(arguments.host, arguments.port),
            load(arguments.device, arguments.onnx),
            corrections,
            mcp=arguments.mcp,
            share=arguments.share,
            root_path=arguments.root_path,
            invite=arguments.host is not None,
        )
    except (SetupError, OSError) as error:
        sys.exit(f"python -m demo: {error}")


if __name__ == "__main__":
    main()
