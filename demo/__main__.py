"""python -m demo: opens the sketchpad."""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from demo.collection import Collection
from demo.networks.classifier import SetupError, load
from demo.server import listen, serve


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
    if arguments.mcp and find_spec("mcp") is None:
        sys.exit('python -m demo: mcp is not installed. pip install -e ".[mcp]" brings it.')
    try:
        serve(
            listen(arguments.host, arguments.port),
            load(arguments.device),
            Collection(arguments.collect) if arguments.collect else None,
            mcp=arguments.mcp,
            share=arguments.share,
        )
    except (SetupError, OSError) as error:
        sys.exit(f"python -m demo: {error}")


if __name__ == "__main__":
    main()
