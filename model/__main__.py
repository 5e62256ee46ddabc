"""python -m model train|evaluate|explore: train the networks, evaluate them, draw the data."""

import argparse
import sys
from io import TextIOWrapper
from pathlib import Path

from model import CHECKPOINTS, FIGURES, InputError, check_backend
from model.recipes import RECIPES


def main() -> None:
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show ± shows ?
    arguments = _parser().parse_args()
    names = list(RECIPES) if arguments.network == "all" else [arguments.network]
    try:
        check_backend()
        if arguments.command == "train":
            from model.train import check_settings, train

            for name in names:  # before the first network trains for hours
                check_settings(
                    name, arguments.recipe, arguments.epochs, arguments.seed, arguments.output, arguments.data
                )
            for name in names:
                train(name, arguments.recipe, arguments.epochs, arguments.seed, arguments.data, arguments.output)
        elif arguments.command == "evaluate":
            from model.evaluate import evaluate

            for name in names:
                evaluate(name, arguments.data, arguments.checkpoints, arguments.output)
        else:
            from model.explore import explore

            explore(arguments.data, arguments.output, arguments.seed)
    except InputError as error:
        sys.exit(f"python -m model: {error}")
    except ModuleNotFoundError as error:
        sys.exit(f'python -m model: {error.name} is not installed. pip install -e ".[train]" installs what it needs.')
    except KeyboardInterrupt:
        resumable = " The same command resumes after the last finished epoch." if arguments.command == "train" else ""
        sys.exit(f"\nStopped.{resumable}")


def _parser() -> argparse.ArgumentParser:
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with mnist.npz, pendigits-orig.tra and .tes, or with corrections from the demo; default: download",
    )
    network = argparse.ArgumentParser(add_help=False)
    network.add_argument("network", choices=[*RECIPES, "all"])

    parser = argparse.ArgumentParser(prog="python -m model", description="Train LeNet5 and a feed-forward network.")
    commands = parser.add_subparsers(dest="command", required=True)

    train = commands.add_parser("train", parents=[network, data], help="train a network and keep its best epoch")
    recipes = sorted({recipe for recipes in RECIPES.values() for recipe in recipes})
    train.add_argument("--recipe", choices=recipes, default="best", help="default: best; fast is for lenet5")
    train.add_argument("--epochs", type=positive, help="maximum number of epochs; default: the recipe's")
    train.add_argument(
        "--seed", type=seed, default=0, help="decides weights, order, drawings and distortions; default: 0"
    )
    train.add_argument("--output", type=Path, default=CHECKPOINTS, metavar="DIR", help="default: model/checkpoints")

    evaluate = commands.add_parser(
        "evaluate", parents=[network, data], help="read the test digits and record the accuracy"
    )
    evaluate.add_argument("--checkpoints", type=Path, default=CHECKPOINTS, metavar="DIR")
    evaluate.add_argument("--output", type=Path, default=FIGURES, metavar="DIR", help="default: model/figures")

    explore = commands.add_parser("explore", parents=[data], help="draw what the training data look like")
    explore.add_argument(
        "--seed", type=seed, default=0, help="chooses the digit whose pixel values are shown; default: 0"
    )
    explore.add_argument("--output", type=Path, default=FIGURES, metavar="DIR", help="default: model/figures")
    explore.set_defaults(network="all")
    return parser


def positive(text: str) -> int:  # argparse shows this name
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def seed(text: str) -> int:
    if not 0 <= (number := int(text)) < 2**32:
        raise argparse.ArgumentTypeError("must be at least 0 and less than 2**32")
    return number


if __name__ == "__main__":
    main()
