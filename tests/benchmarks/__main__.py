"""python -m tests.benchmarks NAME: run a benchmark. Errors that the user can mend take one line."""

import argparse
import runpy
import sys
from pathlib import Path

from demo.networks.files import SetupError
from model import INTERRUPTED, InputError
from model.quiet import quiet_import

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.iterdir() if not path.name.startswith("_"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", usage="%(prog)s NAME [options of NAME]")
    parser.add_argument("name", metavar="NAME", choices=NAMES, help=f"one of {', '.join(NAMES)}")
    name = parser.parse_args(sys.argv[1:2]).name
    sys.argv[:2] = [name]
    try:
        with quiet_import():
            runpy.run_module(f"tests.benchmarks.{name}", run_name="__main__", alter_sys=True)
    except (InputError, SetupError) as error:
        sys.exit(f"python -m tests.benchmarks {name}: {error}")
    except ModuleNotFoundError as error:
        sys.exit(f'python -m tests.benchmarks {name}: {error.name} is not installed. Run: pip install -e ".[test]"')
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
