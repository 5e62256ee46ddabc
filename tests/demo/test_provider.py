"""CUDA counts where it computes, and nowhere else; without it there is one calm line, or one clear error."""

import ctypes
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from demo.networks import classifier, provider
from demo.networks.classifier import SetupError, load
from demo.networks.provider import CUDA, NoCudaError, obstacles, session_on_cpu

CUDA_LACKS = list(obstacles())
without_cuda = pytest.mark.skipif(not CUDA_LACKS, reason="this machine has CUDA")
built_with_cuda = pytest.mark.skipif(
    CUDA not in onnxruntime.get_available_providers(), reason="this ONNX Runtime is built without CUDA"
)


@without_cuda
def test_auto_without_cuda_is_the_cpu_and_says_why_on_no_line_but_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    loaded = load("auto")
    assert loaded.provider == "CPU"
    assert str(loaded) == f"ONNX Runtime on CPU: {CUDA_LACKS[0]}"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_the_demo_prints_one_line(device: str) -> None:
    command = [sys.executable, "-m", "demo", "--device", device]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        assert demo.stdout is not None
        first = demo.stdout.readline()
        time.sleep(0.5)
        demo.terminate()
        assert demo.stdout.read() == ""
    assert first.startswith("Draw at http://127.0.0.1:")
    assert "(ONNX Runtime on CPU)" in first if device == "cpu" else "(ONNX Runtime on C" in first


@without_cuda
def test_cuda_without_cuda_is_one_line_that_says_what_is_missing() -> None:
    failed = subprocess.run([sys.executable, "-m", "demo", "--device", "cuda"], capture_output=True, text=True)
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr == f"python -m demo: CUDA does not run here: {'; '.join(CUDA_LACKS)}.\n"


def test_an_onnx_runtime_without_cuda_names_the_one_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    assert load("auto").remark.startswith("this ONNX Runtime is built without CUDA; onnxruntime-gpu")
    with pytest.raises(SetupError, match=r"^CUDA does not run here: .*onnxruntime-gpu.* has it\.$"):
        load("cuda")


@built_with_cuda
@without_cuda
def test_that_a_session_could_have_cuda_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "obstacles", lambda: iter(()))
    assert load("auto").provider == "CPU"
    with pytest.raises(SetupError, match=r"ONNX Runtime cannot load it, lib\w+\.so"):
        load("cuda")


@built_with_cuda
@without_cuda
def test_that_a_session_says_it_has_cuda_is_not_enough_if_nothing_ran_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "obstacles", lambda: iter(()))
    monkeypatch.setattr(onnxruntime.InferenceSession, "get_providers", lambda _: [CUDA, "CPUExecutionProvider"])
    assert load("auto").provider == "CPU"
    with pytest.raises(SetupError, match="ONNX Runtime leaves the computing to the CPU"):
        load("cuda")


Feed = dict[str, np.ndarray]
Loaded = tuple[onnxruntime.InferenceSession, list[str]]


@pytest.fixture
def on_cuda(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[bytes, Feed], Loaded]], None]:
    """Makes this a machine that lacks nothing, on which sessions on CUDA are what one says."""

    def use(session: Callable[[bytes, Feed], Loaded]) -> None:
        monkeypatch.setattr(classifier, "obstacles", lambda: iter(()))
        monkeypatch.setattr(classifier, "session_on_cuda", session)

    return use


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_with_cuda_both_take_it_and_name_what_stays_on_the_cpu(device: classifier.Device, on_cuda: Any) -> None:
    on_cuda(lambda model, _: (session_on_cpu(model), []))
    assert str(load(device)) == "ONNX Runtime on CUDA"
    assert load(device).at_once == classifier.BATCH
    on_cuda(lambda model, _: (session_on_cpu(model), ["Sign", "Sign2"]))
    assert str(load(device)) == "ONNX Runtime on CUDA: the CPU runs Sign, Sign2"


def test_with_cuda_cpu_is_the_cpu(on_cuda: Any) -> None:
    on_cuda(lambda model, _: pytest.fail("asked for CUDA"))
    assert str(load("cpu")) == "ONNX Runtime on CPU"


def test_cuda_that_computes_something_else_than_the_cpu_does_not_count(on_cuda: Any) -> None:
    class Wrong:
        def __init__(self, model: bytes) -> None:
            self.session = session_on_cpu(model)

        def run(self, outputs: list[str], feed: Feed) -> list[np.ndarray]:
            return [np.roll(values, 1, axis=-1) for values in self.session.run(outputs, feed)]

    on_cuda(lambda model, _: (Wrong(model), []))
    assert load("auto").remark == "with it lenet5 says something else than on the CPU"
    with pytest.raises(SetupError, match="with it lenet5 says something else"):
        load("cuda")


def test_cuda_that_fails_is_an_error_of_one_line(on_cuda: Any) -> None:
    def fail(model: bytes, feed: Feed) -> Loaded:
        raise NoCudaError("it fails, no kernel image is available for execution on the device")

    on_cuda(fail)
    assert load("auto").provider == "CPU"
    with pytest.raises(SetupError, match="no kernel image is available"):
        load("cuda")


class Failing:
    """A session that fails from its second run on, as on a GPU that was lost."""

    def __init__(self, model: bytes) -> None:
        self.session = session_on_cpu(model)
        self.runs = 0

    def run(self, outputs: list[str], feed: Feed) -> list[np.ndarray]:
        self.runs += 1
        if self.runs > 1:
            raise RuntimeError("CUDA failure 700: an illegal memory access ; GPU=0 ; hostname=x")
        return self.session.run(outputs, feed)


def test_what_cuda_fails_to_read_the_cpu_reads_and_says_so(on_cuda: Any, capfd: pytest.CaptureFixture[str]) -> None:
    on_cuda(lambda model, _: (Failing(model), []))
    loaded = load("cuda")
    assert [loaded.classify(classifier.KNOWN) for _ in range(3)][2].digit == 1
    assert loaded.classify(classifier.KNOWN).provider == "CPU"
    assert capfd.readouterr().err == (
        "ONNX Runtime on CUDA: it fails, CUDA failure 700: an illegal memory access, and the CPU reads\n"
    )


def test_sketches_read_together_are_read_as_alone(on_cuda: Any, digits: tuple[np.ndarray, np.ndarray]) -> None:
    on_cuda(lambda model, _: (session_on_cpu(model), []))
    together, alone = load("cuda"), load("cpu")
    blank = np.full((56, 56), 255, np.uint8)
    sketches = [blank, *(255 - image.repeat(2 + i % 2, 0).repeat(2, 1) for i, image in enumerate(digits[0][:60]))]
    with ThreadPoolExecutor(16) as people:
        answers = list(people.map(together.classify, sketches, [i % 3 == 0 for i in range(len(sketches))]))
    for i, (sketch, answer) in enumerate(zip(sketches, answers, strict=True)):
        expected = alone.classify(sketch, look_inside=True)
        assert answer.provider == "CUDA"
        np.testing.assert_allclose(answer.image, expected.image, atol=1e-6)
        for network, probabilities in answer.probabilities.items():
            np.testing.assert_allclose(probabilities, expected.probabilities[network], atol=1e-5)
        assert set(answer.maps) == (set(expected.maps) if i % 3 == 0 else set())
        for layer, maps in answer.maps.items():
            np.testing.assert_allclose(maps, expected.maps[layer], atol=1e-4)


def test_auto_prefers_the_cpu_where_cuda_takes_too_long_for_one_sketch(
    on_cuda: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([1.6, 0.5])
    on_cuda(lambda model, _: (session_on_cpu(model), []))
    monkeypatch.setattr(classifier, "_milliseconds", lambda _: next(times))
    assert str(load("auto")) == (
        "ONNX Runtime on CPU: CUDA takes 1.6 ms for one drawing, the CPU 0.5; --device cuda takes CUDA"
    )
    assert load("cuda").provider == "CUDA"


def profiled(**providers: str) -> list[dict[str, Any]]:
    return [
        {"cat": "Session", "name": "model_run", "args": {}},
        *(
            {"cat": "Node", "name": f"{name}_kernel_time", "args": {"op_name": name, "provider": provider}}
            for name, provider in providers.items()
        ),
    ]


@built_with_cuda
@pytest.mark.parametrize(
    ("placed", "stay"),
    [
        ({"Conv": CUDA, "FusedGemm": CUDA, "Softmax": CUDA}, []),
        ({"Conv": CUDA, "Sign": "CPUExecutionProvider"}, ["Sign"]),
        ({"Conv": "CPUExecutionProvider", "Softmax": CUDA}, None),
        ({"FusedMatMul": "CPUExecutionProvider", "Conv": CUDA}, None),
        ({"Softmax": CUDA}, None),
        ({}, None),
    ],
)
def test_cuda_counts_if_all_that_multiplies_ran_there(
    placed: dict[str, str], stay: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what ONNX Runtime's profile of a real run says, in which each node's provider is replaced."""
    monkeypatch.setattr(json, "loads", lambda _: profiled(**placed))
    monkeypatch.setattr(onnxruntime.InferenceSession, "get_providers", lambda _: [CUDA])
    monkeypatch.setattr(provider, "CUDA_OPTIONS", {})
    model = (classifier.ONNX / "ffnn.onnx").read_bytes()
    feed = {"image": np.zeros((1, 28, 28), np.float32)}
    if stay is None:
        with pytest.raises(NoCudaError, match="leaves the computing to the CPU"):
            provider.session_on_cuda(model, feed)
    else:
        assert provider.session_on_cuda(model, feed)[1] == stay


def test_the_profile_names_every_node_that_ran(tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(tmp_path / "profile")
    session = onnxruntime.InferenceSession(classifier.ONNX / "ffnn.onnx", options, ["CPUExecutionProvider"])
    session.run(None, {"image": np.zeros((1, 28, 28), np.float32)})
    placed = provider._placed(json.loads(Path(session.end_profiling()).read_text()))
    operators = [operator for _, operator, _ in placed]
    assert sum(operator in ("Gemm", "FusedGemm") for operator in operators) == 3
    assert "Softmax" in operators
    assert {where for _, _, where in placed} == {"CPUExecutionProvider"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "/onnxruntime_src/cuda_call.cc:154 CudaCall(ERRTYPE) CUDA failure 35: CUDA driver version is insufficient "
            "for CUDA runtime version ; GPU=-1 ; hostname=x ; file=/onnxruntime_src/cuda.cc",
            "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version",
        ),
        (
            "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running Mul node. "
            "Status Message: /onnxruntime_src/arena.cc:376 Failed to allocate memory for requested buffer of size 99",
            "Failed to allocate memory for requested buffer of size 99",
        ),
        (
            "[ONNXRuntimeError] : 11 : EP_FAIL : Non-zero status code returned while running Conv node. Name:'conv1' "
            "Status Message: OP not supported by CUDNN Frontend: /onnxruntime_src/cudnn_fe_call.cc:117",
            "OP not supported by CUDNN Frontend",
        ),
        ("something\nelse", "something else"),
    ],
)
def test_of_what_onnx_runtime_raises_the_cause_is_said_in_one_line(text: str, says: str) -> None:
    assert provider.cause(RuntimeError(text)) == says


class Driver:
    """NVIDIA's, as far as obstacles() asks it."""

    def __init__(self, version: int = 13_000, error: int = 0, count: int = 1) -> None:
        self.version, self.error, self.count = version, error, count

    def cuDriverGetVersion(self, version: Any) -> int:  # noqa: N802
        version._obj.value = self.version
        return 0

    def cuInit(self, flags: int) -> int:  # noqa: N802
        return self.error

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = self.count
        return 0

    def cuGetErrorName(self, error: int, name: Any) -> int:  # noqa: N802
        name._obj.value = b"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"
        return 0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What CUDA lacks on a machine with this driver, these libraries missing and these GPUs visible."""

    def lacks(driver: Driver | None, *missing: str, visible: str | None = None, cuda: str = "13.0") -> list[str]:
        def library(name: str) -> Driver | None:
            if name in missing or (name == provider.DRIVER and driver is None):
                raise OSError(f"{name}: cannot open shared object file")
            return driver

        def preload() -> None:
            for name in missing:
                if name != provider.CUDNN:
                    print(f"Failed to load /site-packages/nvidia/cu13/lib/{name}: no such file")
                    print(f"Failed to load {name}: {name}: cannot open shared object file")
            print("Failed to load /site-packages/nvidia/cu13/lib/libcurand.so.10: damaged, but the system has another")

        if visible is None:
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        else:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA])
        monkeypatch.setattr(onnxruntime, "cuda_version", cuda)
        monkeypatch.setattr(onnxruntime, "preload_dlls", preload)
        monkeypatch.setattr(ctypes, "CDLL", library)
        return list(obstacles())

    return lacks


def test_where_nothing_is_missing_nothing_is_said(machine: Callable[..., list[str]]) -> None:
    assert machine(Driver()) == []
    assert machine(Driver(version=13_020)) == []


def test_missing_libraries_are_named_once_with_what_brings_them(machine: Callable[..., list[str]]) -> None:
    brings = 'not found; pip install -e ".[cuda]" brings them'
    assert machine(Driver(), "libcublas.so.13") == [f"libcublas.so.13 {brings}"]
    both = f"libcublas.so.13, {provider.CUDNN} {brings}"
    assert machine(Driver(), provider.CUDNN, "libcublas.so.13") == [both]
    assert machine(None, provider.CUDNN, "libcublas.so.13") == [f"there is no NVIDIA driver, {provider.DRIVER}", both]


def test_libraries_for_cuda_12_come_with_the_onnx_runtime_for_it(
    machine: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "__version__", "1.26.0")
    assert machine(Driver(version=12_080), "libcublas.so.12", cuda="12.8") == [
        'libcublas.so.12 not found; pip install "onnxruntime-gpu[cuda,cudnn]==1.26.0" brings them'
    ]


def test_with_too_old_a_driver_no_library_helps(machine: Callable[..., list[str]]) -> None:
    assert len(machine(Driver(version=12_080), "libcublas.so.13")) == 1


@pytest.mark.parametrize(
    ("driver", "says"),
    [
        (Driver(version=12_080), "the NVIDIA driver is for CUDA 12.8, ONNX Runtime .* for CUDA 13.0; install a newer"),
        (Driver(error=803), "the NVIDIA driver fails with CUDA_ERROR_SYSTEM_DRIVER_MISMATCH; nvidia-smi"),
        (Driver(error=100), "the NVIDIA driver sees no GPU$"),
        (Driver(count=0), "the NVIDIA driver sees no GPU$"),
    ],
)
def test_what_is_wrong_with_the_driver_is_said(driver: Driver, says: str, machine: Callable[..., list[str]]) -> None:
    (said,) = machine(driver)
    assert re.match(says, said)


def test_gpus_that_are_hidden_are_said_to_be(machine: Callable[..., list[str]]) -> None:
    assert machine(Driver(error=100), visible="") == ['the NVIDIA driver sees no GPU, for CUDA_VISIBLE_DEVICES is ""']
