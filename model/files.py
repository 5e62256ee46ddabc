"""Write files so that a failure leaves the old ones unchanged."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from model import InputError, train_command


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` at the end.

    On an exception the temporary file is deleted and the old file stays. An OSError (disk full, read-only folder) is
    raised as InputError.
    """
    temporary = path.with_name(f".partial.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise InputError(
            f"Cannot write {path}: {error.strerror or error}. "
            "Free some space or choose a folder that you may write to. The old file is unchanged."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write `content` to `path` as indented JSON, with each innermost list on one line."""
    with replacing(path) as temporary:
        temporary.write_text(_dumps(content) + "\n", encoding="utf-8")


def _dumps(content: Any, indent: str = "") -> str:
    inner = indent + "  "
    if isinstance(content, dict) and content:
        rows = [f"{inner}{json.dumps(key)}: {_dumps(value, inner)}" for key, value in content.items()]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    if isinstance(content, list) and any(isinstance(row, (dict, list)) for row in content):
        return "[\n" + ",\n".join(inner + _dumps(row, inner) for row in content) + f"\n{indent}]"
    return json.dumps(content)


def read_json(path: Path) -> Any:
    """Read the JSON file of a checkpoint. Raises InputError if it is missing, damaged or cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: {train_command(path.stem, path.parent)} makes it.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise InputError(
            f"{path} is not JSON ({error}): delete it; {train_command(path.stem, path.parent)} makes it."
        ) from error
