"""The contract of the ONNX files: what each graph takes and gives, its opset, its tolerance and its file's name."""

from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import onnx

VERSION = version("handwritten-digits")

FLOAT, INT64, UINT8 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64, onnx.TensorProto.UINT8
Signature = dict[str, tuple[int, list[int | str]]]
"""Element type and dimensions of each input and output, by name."""


@dataclass(frozen=True)
class Kind:
    """One of the two graphs that are exported of each network."""

    input: str
    """Name of the only input. It tells the kind of a graph."""
    suffix: str
    """What follows the network's name in the file's name."""
    opset: int
    signature: Signature
    tolerance: float
    """Largest difference from Keras that any output may have."""
    nodes_bytes: int
    """By how many bytes a file may exceed its weights."""
    summary: str
    """The contract in one line, for the file's metadata."""

    @property
    def normalizes(self) -> bool:
        """Whether the graph takes sketches, which it normalizes, and not images."""
        return self.input == "sketch"

    def file(self, network: str) -> str:
        """Name of the file that holds this graph of `network`."""
        return f"{network}{self.suffix}.onnx"

    def inputs(self, images: np.ndarray) -> np.ndarray:
        """Convert `images`, uint8 [batch, height, width], to the element type and scale of the input."""
        return images if self.normalizes else images.astype(np.float32) / 255


# The opsets are the lowest that serve. The image graph would be the same in 7, but TensorRT promises to read none below
# 9. CumSum, with which the sketch graph counts and averages pixels, came with 11.
IMAGE = Kind(
    input="image",
    suffix="",
    opset=9,
    signature={"image": (FLOAT, ["batch", 28, 28]), "probabilities": (FLOAT, ["batch", 10])},
    tolerance=1e-5,
    nodes_bytes=12_000,
    summary="image float32 [batch, 28, 28], ink 1 on paper 0 -> probabilities float32 [batch, 10]",
)
SKETCH = Kind(
    input="sketch",
    suffix="-sketch",
    opset=11,
    signature={
        "sketch": (UINT8, ["batch", "height", "width"]),
        "image": (FLOAT, ["batch", 28, 28]),
        "probabilities": (FLOAT, ["batch", 10]),
    },
    tolerance=5e-5,  # sums taken in another order move the image by a few millionths, and LeNet5 amplifies them
    nodes_bytes=35_000,
    summary=(
        "sketch uint8 [batch, height, width], 8 to 2048 a side, dark on light or light on dark -> "
        "image float32 [batch, 28, 28] and probabilities float32 [batch, 10]"
    ),
)
KINDS = (IMAGE, SKETCH)

READER_FILE = "reader.onnx"
READER_OPSET = 18  # ScatterND, with which cells find their part, has taken maxima since
READER_TOLERANCES = {"sure": 1e-3, "boxes": 0.05, "probabilities": 1e-3, "images": 1e-3}  # from model/reader
READER_NODES_BYTES = 320_000  # by which the file may exceed both networks' weights
MAPS = {"conv1": (6, 24, 24), "conv2": (16, 19, 19), "conv3": (120, 5, 5), "fc6": (84,)}
"""LeNet5's layers that the reader gives."""
READER: Signature = {
    "sketch": (UINT8, ["batch", "height", "width"]),
    "digits": (INT64, ["batch", "count"]),
    "line": (INT64, ["batch", "count"]),
    "sure": (FLOAT, ["batch", "count"]),
    "boxes": (FLOAT, ["batch", "count", 4]),
    "probabilities": (FLOAT, ["batch", "count", 3, 10]),
    "images": (FLOAT, ["batch", "count", 28, 28]),
    **{layer: (FLOAT, ["batch", "count", *shape]) for layer, shape in MAPS.items()},
}
READER_SUMMARY = (
    "sketch uint8 [batch, height, width], 8 to 2048 a side, dark on light or light on dark -> what stands on it, in "
    "reading order, at most 64 pieces of ink: digits int64 [batch, count], -1 where ink is no digit, -2 after the "
    "last; line int64; sure float32; boxes float32 [batch, count, 4], left, top, right, bottom in pixels; "
    "probabilities float32 [batch, count, 3, 10], LeNet5's, FFNN's, and both together; images float32 "
    "[batch, count, 28, 28]; and LeNet5's conv1, conv2, conv3 and fc6 for each piece; after the last, line is -1, and "
    "all else 0"
)


def kind_of(graph: onnx.GraphProto) -> Kind:
    """Tell the kind of a graph by its input. The reader's is that of SKETCH. Raises KeyError for any other input."""
    return {kind.input: kind for kind in KINDS}[graph.input[0].name]
