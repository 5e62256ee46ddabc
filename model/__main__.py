"""python -m model train|tune|evaluate|explore: train and tune the networks, evaluate them, draw the data."""

import argparse
import sys
from io import TextIOWrapper
from pathlib import Path

from model import CHECKPOINTS, FIGURES, INTERRUPTED, InputError, check_backend, folders
from model.quiet import quiet_import
from model.recipes import RECIPES


def main() -> None:
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show ± shows ?
    arguments = _parser().parse_args()
    names = list(RECIPES) if arguments.network == "all" else [arguments.network]
    try:
        check_backend()
        data = folders.checked(arguments.data)
        with quiet_import():
            from model.evaluate import evaluate
            from model.explore import explore
            from model.train import train_all
            from model.tune import tune
        if arguments.command == "train":
            train_all(
                names,
                arguments.recipe,
                arguments.epochs,
                arguments.seed,
                data,
                arguments.output,
                arguments.replace,
            )
        elif arguments.command == "tune":
            tune(names, data, arguments.output, arguments.seed, arguments.replace, arguments.keep)
        elif arguments.command == "evaluate":
            evaluate(names, data, arguments.checkpoints, arguments.output)
        else:
            explore(data, arguments.output, arguments.seed)
    except InputError as error:
        sys.exit(f"python -m model: {error}")
    except ModuleNotFoundError as error:
        sys.exit(f'python -m model: {error.name} is not installed. pip install -e ".[train]" installs what it needs.')
    except KeyboardInterrupt:
        resumes = " The same command resumes after the last finished epoch."
        print(f"\nStopped.{resumes if arguments.command in ('train', 'tune') else ''}", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _parser() -> argparse.ArgumentParser:
    data = argparse.ArgumentParser(add_help=False)
    folders.add_option(data)
    network = argparse.ArgumentParser(add_help=False)
    network.add_argument("network", choices=[*RECIPES, "all"], help="all: both networks")

    parser = argparse.ArgumentParser(prog="python -m model", description="Train LeNet5 and a feed-forward network.")
    commands = parser.add_subparsers(dest="command", required=True)

    train = commands.add_parser("train", parents=[network, data], help="train a network and keep its best epoch")
    recipes = sorted({recipe for recipes in RECIPES.values() for recipe in recipes})
    train.add_argument("--recipe", choices=recipes, default="best", help="default: best; fast is for lenet5 only")
    train.add_argument("--epochs", type=positive, help="maximum number of epochs; default: the recipe's")
    train.add_argument(
        "--seed", type=seed, default=0, help="decides weights, order, drawings and distortions; default: 0"
    )
    train.add_argument(
        "--output",
        type=Path,
        default=CHECKPOINTS,
        metavar="DIR",
        help="folder for the checkpoint, its record and its learning curves; default: model/checkpoints",
    )
    train.add_argument(
        "--replace",
        action="store_true",
        help="replace a checkpoint of other settings in that folder when the new one is finished",
    )

    tune = commands.add_parser(
        "tune", parents=[network, data], help="go on from the committed network with corrections, for some minutes"
    )
    tune.add_argument("--seed", type=seed, default=0, help="decides order, drawings and distortions; default: 0")
    tune.add_argument(
        "--output",
        type=Path,
        default=Path("my-model"),
        metavar="DIR",
        help="folder for the checkpoint, its record and its figures; default: my-model",
    )
    tune.add_argument(
        "--replace",
        action="store_true",
        help="replace a checkpoint of other settings in that folder when the new one is finished",
    )
    tune.add_argument(
        "--keep", action="store_true", help="keep the result even if it reads something else worse than before"
    )

    evaluate = commands.add_parser(
        "evaluate", parents=[network, data], help="read the test digits and record the accuracy"
    )
    evaluate.add_argument(
        "--checkpoints", type=Path, default=CHECKPOINTS, metavar="DIR", help="default: model/checkpoints"
    )
    evaluate.add_argument(
        "--output", type=Path, default=FIGURES, metavar="DIR", help="folder for the figure; default: model/figures"
    )

    explore = commands.add_parser("explore", parents=[data], help="draw what the training data look like")
    explore.add_argument(
        "--seed", type=seed, default=0, help="chooses the digit whose pixel values are shown; default: 0"
    )
    explore.add_argument(
        "--output", type=Path, default=FIGURES, metavar="DIR", help="folder for the figures; default: model/figures"
    )
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
