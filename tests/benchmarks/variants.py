"""python -m tests.benchmarks variants [--data DIR]: size, accuracy and speed of smaller image graphs.

fp16 stores the weights in half precision and computes in float32. int8 computes in whole numbers (QDQ, per channel),
calibrated on 1,000 training digits. Prints the size, the accuracy on the 5,000 validation digits with its change in
points, and how many times as fast as the file in export/onnx, timed in turn, ONNX Runtime answers one digit on one
thread and a batch of 256 on all cores.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, version_converter
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from export import ONNX
from export.measurements import CORES, VariantRow, Variants, sha256
from export.pipeline import VARIANTS
from export.runtimes import BATCHES, onnx_runtime, time_beside_onnx_runtime
from model import folders, mnist

VALIDATION = 5_000
PER_CHANNEL_OPSET = 13


def fp16(model: onnx.ModelProto, path: Path) -> None:
    casts = []
    for tensor in [t for t in model.graph.initializer if t.data_type == TensorProto.FLOAT and len(t.dims) > 1]:
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{tensor.name}/half")
        casts.append(helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT))
        model.graph.initializer.remove(tensor)
        model.graph.initializer.append(half)
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)


class Calibration(CalibrationDataReader):
    """1,000 digits in batches of 100."""

    def __init__(self, images: np.ndarray) -> None:
        self.batches: Iterator[np.ndarray] = iter(images.reshape(10, 100, 28, 28))

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self.batches, None)
        return None if batch is None else {"image": batch}


def int8(model: onnx.ModelProto, path: Path, images: np.ndarray) -> None:
    onnx.save(version_converter.convert_version(model, PER_CHANNEL_OPSET), path)
    quantize_static(
        path,
        path,
        Calibration(images),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv", "Gemm"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    folders.add_option(parser)
    parser.add_argument("--write", action="store_true", help="store the results for the model card")
    arguments = parser.parse_args()
    digits, _ = mnist.load(folders.checked(arguments.data))
    images, labels = digits.images.astype(np.float32) / 255, digits.labels
    chosen = np.random.default_rng(0).choice(len(images) - VALIDATION, 1_000, replace=False)
    titles = {"fp16": "fp16 weights", "int8": "int8, static"}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("lenet5", "ffnn"):
            file = ONNX / f"{name}.onnx"
            small = {kind: Path(folder, f"{name}-{kind}.onnx") for kind in titles}
            fp16(onnx.load(file), small["fp16"])
            int8(onnx.load(file), small["int8"], images[chosen])
            whole = accuracy(file, images[-VALIDATION:], labels[-VALIDATION:])
            print(f"{file.name}: {file.stat().st_size / 1e6:.2f} MB, {whole:.2f} %")
            for kind, path in small.items():
                percent = accuracy(path, images[-VALIDATION:], labels[-VALIDATION:])
                faster = [speed(file, path, images[:size], threads) for size, threads in ((1, 1), (BATCHES[-1], CORES))]
                print(
                    f"  {kind}: {path.stat().st_size / 1e6:.2f} MB, {percent:.2f} % ({percent - whole:+.2f}), "
                    f"{faster[0]:.2f} x as fast at batch 1, {faster[1]:.2f} x at batch {BATCHES[-1]}"
                )
                megabytes, points = path.stat().st_size / 1e6, percent - whole
                figures = (round(figure, 3) for figure in (megabytes, points, *faster))
                rows.append(VariantRow(file.name, titles[kind], *figures))
    if arguments.write:
        Variants({row.file: sha256(ONNX / row.file) for row in rows}, rows).save(ONNX / VARIANTS)


def accuracy(path: Path, images: np.ndarray, labels: np.ndarray) -> float:
    with onnx_runtime(path, CORES) as read:
        return float(100 * (read(images)["probabilities"].argmax(axis=1) == labels).mean())


def speed(file: Path, variant: Path, batch: np.ndarray, threads: int) -> float:
    with onnx_runtime(variant, threads) as read:
        _, longer = time_beside_onnx_runtime(file, read, batch, threads)
    return 1 / longer


if __name__ == "__main__":
    main()
