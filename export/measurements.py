"""What was measured of the ONNX files, as verification.json, refusals.json and variants.json store it beside them."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

from model import InputError
from model.files import write_json

CORES = os.cpu_count() or 1
Row = TypeVar("Row")


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
class _Measured(Generic[Row]):
    sha256: dict[str, str] = field(default_factory=dict)
    """Of each file that was measured, by name."""
    rows: list[Row] = field(default_factory=list)
    row: ClassVar[type[Any]]

    def save(self, path: Path) -> None:
        """Write the measurement to `path`. Raises InputError if that fails."""
        rows = [{key: value for key, value in row.items() if value is not None} for row in asdict(self)["rows"]]
        write_json(path, {**asdict(self), "rows": rows})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the measurement in `path`, or an empty one if there is none. Raises InputError if it is damaged."""
        if not path.is_file():
            return cls()
        try:
            found = dict(json.loads(path.read_text(encoding="utf-8")))
            return cls(**{**found, "rows": [cls.row(**row) for row in found.get("rows", [])]})
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is damaged ({error}): delete it and measure again.") from error


@dataclass(frozen=True)
class Verification(_Measured[RuntimeRow]):
    """What the runtimes made of the files."""

    cores: int = CORES
    """Of the machine that measured."""
    row = RuntimeRow


class Refusals(_Measured[RefusalRow]):
    """What the page's rule refuses."""

    row = RefusalRow


class Variants(_Measured[VariantRow]):
    """What smaller files would give."""

    row = VariantRow


def sha256(file: Path) -> str:
    """Hash a file, as a hexadecimal string."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
