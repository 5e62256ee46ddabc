"""What was measured of the ONNX files, as verification.json, refusals.json and variants.json store it beside them."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from model import InputError
from model.files import write_json

CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class RuntimeRow:
    """One graph in one runtime, compared with Keras and timed against ONNX Runtime."""

    runtime: str
    file: str
    """Name of the graph's file."""
    version: str = ""
    """The runtime's."""
    difference: float | None = None
    """Largest difference of a probability from Keras."""
    same: int | None = None
    """Digits that the runtime reads as Keras does."""
    count: int | None = None
    """Digits that it was given."""
    milliseconds: float | None = None
    """Time of one digit at batch 1, on one thread."""
    latency: float | None = None
    """That time as a multiple of ONNX Runtime's."""
    per_second: float | None = None
    """Digits a second at batch 256, on all cores."""
    throughput: float | None = None
    """That rate as a multiple of ONNX Runtime's."""
    refused: str | None = None
    """Why the runtime cannot run the graph."""
    missing: str | None = None
    """What is not installed."""

    @property
    def differs(self) -> bool:
        """Whether it reads a digit that Keras reads otherwise."""
        return self.same != self.count


@dataclass(frozen=True)
class Verification:
    """What the runtimes made of the files with these hashes."""

    cores: int = CORES
    """Of the machine that measured."""
    sha256: dict[str, str] = field(default_factory=dict)
    """Of each file, by name."""
    rows: list[RuntimeRow] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write the measurement to `path`. Raises InputError if that fails."""
        rows = [{key: value for key, value in asdict(row).items() if value is not None} for row in self.rows]
        write_json(path, {"cores": self.cores, "sha256": self.sha256, "rows": rows})

    @classmethod
    def load(cls, path: Path) -> "Verification":
        """Read the measurement in `path`, or an empty one if there is none. Raises InputError if it is damaged."""
        found = _load(path)
        try:
            return cls(**{**found, "rows": [RuntimeRow(**row) for row in found.get("rows", [])]})
        except (TypeError, AttributeError) as error:
            raise _damaged(path, error) from error


@dataclass(frozen=True)
class RefusalRow:
    """How the page's rule takes one set of drawings."""

    set: str
    """What was drawn."""
    count: int
    refused: float
    """Share taken for no digit, 0 to 1."""
    sure: float
    """Share for which the page is sure of a digit, 0 to 1."""


@dataclass(frozen=True)
class Refusals:
    """What the page's rule refuses, measured with the files of these hashes."""

    sha256: dict[str, str] = field(default_factory=dict)
    """Of each file, by name."""
    rows: list[RefusalRow] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write the measurement to `path`. Raises InputError if that fails."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> "Refusals":
        """Read the measurement in `path`, or an empty one if there is none. Raises InputError if it is damaged."""
        found = _load(path)
        try:
            return cls(**{**found, "rows": [RefusalRow(**row) for row in found.get("rows", [])]})
        except (TypeError, AttributeError) as error:
            raise _damaged(path, error) from error


@dataclass(frozen=True)
class VariantRow:
    """A smaller file made of an image graph, compared with it."""

    file: str
    """Name of the graph's file."""
    variant: str
    """How it was made smaller."""
    megabytes: float
    points: float
    """Change of the accuracy on 5,000 validation digits, in percentage points."""
    latency: float
    """How many times as fast it answers one digit on one thread."""
    throughput: float
    """How many times as fast it answers a batch of 256 on all cores."""


@dataclass(frozen=True)
class Variants:
    """What smaller files would give, measured with the files of these hashes."""

    sha256: dict[str, str] = field(default_factory=dict)
    """Of each file, by name."""
    rows: list[VariantRow] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write the measurement to `path`. Raises InputError if that fails."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> "Variants":
        """Read the measurement in `path`, or an empty one if there is none. Raises InputError if it is damaged."""
        found = _load(path)
        try:
            return cls(**{**found, "rows": [VariantRow(**row) for row in found.get("rows", [])]})
        except (TypeError, AttributeError) as error:
            raise _damaged(path, error) from error


def sha256(file: Path) -> str:
    """Hash a file, as a hexadecimal string."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} is damaged ({error}): delete it and measure again.")
