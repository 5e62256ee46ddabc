"""python -m export: checkpoints to verified ONNX files and their model card."""

import argparse
import sys
from pathlib import Path

from export import ONNX
from model import CHECKPOINTS, InputError
from model.recipes import RECIPES


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m export", description="Convert checkpoints to ONNX.")
    parser.add_argument("network", nargs="?", choices=[*RECIPES, "all"], default="all")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with mnist.npz; default: Keras downloads it")
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINTS, metavar="DIR")
    parser.add_argument("--output", type=Path, default=ONNX, metavar="DIR", help="default: export/onnx")
    arguments = parser.parse_args()
    names = list(RECIPES) if arguments.network == "all" else [arguments.network]
    try:
        from export.pipeline import export

        export(names, arguments.data, arguments.checkpoints, arguments.output)
    except InputError as error:
        sys.exit(f"python -m export: {error}")
    except ModuleNotFoundError as error:
        sys.exit(f'python -m export: {error.name} is not installed. pip install -e ".[train]" brings all it needs.')


if __name__ == "__main__":
    main()
