"""python -m export: convert checkpoints to verified ONNX files with a model card."""

import argparse
import sys
from io import TextIOWrapper
from pathlib import Path

from export import ONNX, output_of
from model import CHECKPOINTS, INTERRUPTED, InputError, check_backend, folders
from model.quiet import quiet_import
from model.recipes import RECIPES


def main() -> None:
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show ± shows ?
    parser = argparse.ArgumentParser(prog="python -m export", description="Convert checkpoints to ONNX.")
    parser.add_argument(
        "what",
        nargs="?",
        choices=[*RECIPES, "all", "verify"],
        default="all",
        help="the network to convert; or verify: run all files in every installed runtime; default: all",
    )
    folders.add_option(parser)
    parser.add_argument(
        "--checkpoints", type=Path, default=CHECKPOINTS, metavar="DIR", help="default: model/checkpoints"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for the ONNX files; default: export/onnx, or the folder onnx in --checkpoints",
    )
    parser.add_argument("--triton", type=Path, metavar="DIR", help="only lay out a Triton model repository in DIR")
    arguments = parser.parse_args()
    if arguments.triton and arguments.what != "all":
        parser.error("--triton takes the files in --output, and no network")
    output = arguments.output or output_of(arguments.checkpoints)
    try:
        if arguments.triton:
            from export.triton import lay_out

            lay_out(arguments.triton, output, arguments.checkpoints)
            return
        check_backend()
        data = folders.checked(arguments.data)
        with quiet_import():
            from export import pipeline
        if arguments.what == "verify":
            pipeline.survey_runtimes(data, arguments.checkpoints, output)
        else:
            names = list(RECIPES) if arguments.what == "all" else [arguments.what]
            pipeline.export(names, data, arguments.checkpoints, output)
            if output.resolve() != ONNX.resolve():
                print(f"python -m demo --onnx {output} opens the sketchpad on these files.")
    except InputError as error:
        sys.exit(f"python -m export: {error}")
    except ModuleNotFoundError as error:
        sys.exit(f'python -m export: {error.name} is not installed. pip install -e ".[train]" installs what it needs.')
    except KeyboardInterrupt:
        print("\nStopped. Only files that are verified were replaced.", file=sys.stderr)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
