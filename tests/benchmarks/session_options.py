"""python -m tests.benchmarks session_options: effect of each session option on speed, on the CPU and, if it runs, CUDA.

Prints milliseconds per run with the options of demo/networks/provider.py, and how many times as fast a run is with one
of them changed. All options take turns. Sketches have 280 x 280 pixels, but 28 x 28 in batches of 4,096.
"""

import argparse
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import onnxruntime

from demo.networks import provider
from demo.networks.classifier import SKETCH_OF_ONE
from demo.networks.files import ONNX

GRAPHS = ("lenet5.onnx", "ffnn.onnx", "lenet5-sketch.onnx")
BATCHES = (1, 64, 4_096)
THREADS = 2
ROUNDS = 15
SECONDS = 0.05  # the least duration of consecutive runs

Run = Callable[[], Any]
Prepared = Callable[[str, dict[str, np.ndarray]], Run]


def session(graph: str, cuda: dict[str, str] | None, **options: Any) -> onnxruntime.InferenceSession:
    """A session with the demo's options, changed by these options of CUDA and attributes of SessionOptions."""
    chosen = provider._options()
    for name, value in options.items():
        setattr(chosen, name, value)
    on_cuda = [(provider.CUDA, {**provider.CUDA_OPTIONS, **cuda})] if cuda is not None else []
    return provider._session((ONNX / graph).read_bytes(), chosen, [*on_cuda, provider.CPU])


def plain(graph: str, feed: dict[str, np.ndarray], cuda: dict[str, str] | None = None, **options: Any) -> Run:
    return partial(session(graph, cuda, **options).run, ["probabilities"], feed)


def bound(graph: str, feed: dict[str, np.ndarray], cuda: dict[str, str] | None = None) -> Run:
    """Input and output have fixed places in the device's memory. Each run copies them there and back."""
    made = session(graph, cuda)
    device = "cpu" if cuda is None else "cuda"
    ((name, values),) = feed.items()
    input_ = onnxruntime.OrtValue.ortvalue_from_numpy(values, device, 0)
    shape = (len(values), 10)
    output = onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, np.float32, device, 0)
    binding = made.io_binding()
    binding.bind_ortvalue_input(name, input_)
    binding.bind_ortvalue_output("probabilities", output)

    def run() -> np.ndarray:
        input_.update_inplace(values)
        made.run_with_iobinding(binding)
        return output.numpy()

    return run


ON_CPU: dict[str, Prepared] = {
    f"{THREADS} threads": partial(plain, intra_op_num_threads=THREADS),
    "no arena": partial(plain, enable_cpu_mem_arena=False),
    "no memory pattern": partial(plain, enable_mem_pattern=False),
    "I/O binding": bound,
}
ON_CUDA: dict[str, Prepared] = {
    "search EXHAUSTIVE": partial(plain, cuda={"cudnn_conv_algo_search": "EXHAUSTIVE"}),
    "search DEFAULT": partial(plain, cuda={"cudnn_conv_algo_search": "DEFAULT"}),
    "TF32": partial(plain, cuda={"use_tf32": "1"}),
    "one stream per thread": partial(plain, cuda={"use_ep_level_unified_stream": "0"}),
    "arena as requested": partial(plain, cuda={"arena_extend_strategy": "kSameAsRequested"}),
    "NHWC": partial(plain, cuda={"prefer_nhwc": "1"}),
    "I/O binding": partial(bound, cuda={}),
    "I/O binding and CUDA graph": partial(bound, cuda={"enable_cuda_graph": "1"}),
}


def feed(graph: str, batch: int) -> dict[str, np.ndarray]:
    if "sketch" not in graph:
        return {"image": np.random.default_rng(0).random((batch, 28, 28), dtype=np.float32)}
    sketch = SKETCH_OF_ONE if batch < BATCHES[-1] else SKETCH_OF_ONE[5::10, 5::10]
    return {"sketch": np.tile(sketch, (batch, 1, 1))}


def measured(runs: dict[str, Run]) -> dict[str, float]:
    """Median seconds per run over ROUNDS, in which the runs take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            count, started = 0, time.perf_counter()
            while time.perf_counter() < started + SECONDS:
                run()
                count += 1
            seconds[name].append((time.perf_counter() - started) / count)
    return {name: statistics.median(times) for name, times in seconds.items()}


def rows(graph: str, batch: int, served: Prepared, changed: dict[str, Prepared]) -> Iterator[tuple[str, float]]:
    """Seconds per run as served, and with each changed option that works."""
    given = feed(graph, batch)
    runs: dict[str, Run] = {}
    for name, prepare in {"as served": served, **changed}.items():
        try:
            started = time.perf_counter()
            run = prepare(graph, given)
            loaded = time.perf_counter()
            run()
            if name == "as served":
                yield "load", loaded - started
                yield "first run", time.perf_counter() - loaded
            runs[name] = run
        except Exception as error:
            print(f"{graph}, {batch}, {name}: {provider.error_reason(error)}")
    yield from measured(runs).items()


def table(title: str, served: Prepared, changed: dict[str, Prepared]) -> dict[tuple[str, int], dict[str, float]]:
    columns = {(graph, batch): dict(rows(graph, batch, served, changed)) for graph in GRAPHS for batch in BATCHES}
    print(f"\n{title}\n")
    print("| | " + " | ".join(f"`{graph}`, {batch:,}" for graph, batch in columns) + " |")
    print("| --- |" + " --- |" * len(columns))
    for name in ("load", "first run", "as served", *changed):
        cells = []
        for times in columns.values():
            if not {name, "as served"} <= set(times):
                cells.append("")
            elif name in changed:
                cells.append(f"{times['as served'] / times[name]:.2f} x")
            else:
                cells.append(f"{1_000 * times[name]:.3g} ms")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    return columns


def card() -> str:
    """The name and driver of the GPU that CUDA uses, if nvidia-smi is installed."""
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader", "--id"]
    try:
        first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
        return subprocess.run([*command, first], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "GPU"


def main() -> None:
    argparse.ArgumentParser(prog="python -m tests.benchmarks session_options", description=__doc__).parse_args()
    on_cpu = table("CPU, one thread", plain, ON_CPU)
    if lacking := "; ".join(provider.missing_requirements()):
        print(f"\nNo CUDA: {lacking}.")
        return
    provider.session_on_cuda((ONNX / GRAPHS[0]).read_bytes(), feed(GRAPHS[0], 1))
    on_cuda = table(f"CUDA, {card()}", partial(plain, cuda={}), ON_CUDA)
    for (graph, batch), times in on_cuda.items():
        if "as served" not in times:
            continue
        cpu = on_cpu[graph, batch]["as served" if batch == 1 else f"{THREADS} threads"]
        threads = 1 if batch == 1 else THREADS
        print(
            f"{graph}, batch {batch:,}: CUDA is {cpu / times['as served']:.2f} times as fast as {threads} CPU threads"
        )


if __name__ == "__main__":
    main()
