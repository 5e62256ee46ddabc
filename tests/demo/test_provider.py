"""CUDA is used only if it really computes. Otherwise the CPU is used, or an error of one line gives the reason."""

import ctypes
import json
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from demo.networks import classifier, provider
from demo.networks.classifier import load
from demo.networks.files import ONNX, SetupError
from demo.networks.provider import CUDA, NoCudaError, missing_requirements, session_on_cpu
from tests.demo.serving import Collecting, lines
from tests.demo.tiny import TINY, bar, bars

CUDA_LACKS = list(missing_requirements())
without_cuda = pytest.mark.skipif(not CUDA_LACKS, reason="this machine has CUDA")
built_with_cuda = pytest.mark.skipif(
    CUDA not in onnxruntime.get_available_providers(), reason="this ONNX Runtime is built without CUDA"
)


@without_cuda
def test_auto_without_cuda_uses_the_cpu_with_a_reason_and_prints_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    loaded = load("auto", TINY)
    assert loaded.provider == "CPU"
    assert str(loaded) == f"ONNX Runtime on CPU: {CUDA_LACKS[0]}"
    assert capfd.readouterr() == ("", "")


def test_the_demo_prints_its_address_and_its_provider(address: str, collecting: Collecting) -> None:
    """running() checks that no server prints more after this line."""
    assert lines[address] == f"Draw at {address} (ONNX Runtime on CPU). Ctrl+C stops it.\n"
    automatic = collecting.address
    assert lines[automatic].endswith(f"\nDraw at {automatic} ({load('auto')}). Ctrl+C stops it.\n")


@without_cuda
def test_cuda_without_cuda_prints_one_line_that_names_what_is_missing() -> None:
    failed = subprocess.run([sys.executable, "-m", "demo", "--device", "cuda"], capture_output=True, text=True)
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr == f"python -m demo: CUDA does not run here: {'; '.join(CUDA_LACKS)}.\n"


def test_the_error_for_an_onnx_runtime_without_cuda_names_the_one_with_cuda(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    assert load("auto", TINY).remark.startswith("this ONNX Runtime is built without CUDA; onnxruntime-gpu")
    with pytest.raises(SetupError, match=r"^CUDA does not run here: .*onnxruntime-gpu.* has it\.$"):
        load("cuda", TINY)


@built_with_cuda
@without_cuda
def test_cuda_is_not_used_if_onnx_runtime_cannot_load_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "missing_requirements", lambda: iter(()))
    assert load("auto", TINY).provider == "CPU"
    with pytest.raises(SetupError, match=r"ONNX Runtime cannot load it, lib\w+\.so"):
        load("cuda", TINY)


@built_with_cuda
@without_cuda
def test_cuda_is_not_used_if_a_session_reports_it_but_no_node_ran_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(classifier, "missing_requirements", lambda: iter(()))
    monkeypatch.setattr(onnxruntime.InferenceSession, "get_providers", lambda _: [CUDA, "CPUExecutionProvider"])
    assert load("auto", TINY).provider == "CPU"
    with pytest.raises(SetupError, match="ONNX Runtime runs the matrix operations on the CPU"):
        load("cuda", TINY)


Feed = dict[str, np.ndarray]
Loaded = tuple[onnxruntime.InferenceSession, list[str]]


@pytest.fixture
def on_cuda(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[bytes, Feed], Loaded]], None]:
    """Simulate a machine whose CUDA is as fast as its CPU, with the sessions that a test gives."""

    def use(session: Callable[[bytes, Feed], Loaded]) -> None:
        monkeypatch.setattr(classifier, "missing_requirements", lambda: iter(()))
        monkeypatch.setattr(classifier, "session_on_cuda", session)
        monkeypatch.setattr(classifier, "_milliseconds", lambda _: 1.0)

    return use


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_auto_and_cuda_use_cuda_and_name_the_nodes_on_the_cpu(device: classifier.Device, on_cuda: Any) -> None:
    on_cuda(lambda model, _: (session_on_cpu(model), []))
    assert str(load(device, TINY)) == "ONNX Runtime on CUDA"
    assert load(device, TINY).batch_size == classifier.CUDA_BATCH
    on_cuda(lambda model, _: (session_on_cpu(model), ["Sign", "Sign2"]))
    assert str(load(device, TINY)) == "ONNX Runtime on CUDA: the CPU runs Sign, Sign2"
    on_cuda(lambda model, _: (session_on_cpu(model), [f"Shape{i}" for i in range(9)]))
    assert str(load(device, TINY)) == "ONNX Runtime on CUDA: the CPU runs Shape0, Shape1, Shape2 and 6 more nodes"


def test_device_cpu_uses_the_cpu_even_with_cuda(on_cuda: Any) -> None:
    on_cuda(lambda model, _: pytest.fail("asked for CUDA"))
    assert str(load("cpu", TINY)) == "ONNX Runtime on CPU"


class Wrong:
    """A session that changes an output."""

    def __init__(self, model: bytes, output: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
        self.session = session_on_cpu(model)
        self.output, self.change = output, change

    def run(self, outputs: list[str], feed: Feed) -> list[np.ndarray]:
        values = dict(zip(outputs, self.session.run(outputs, feed), strict=True))
        return list((values | {self.output: self.change(values[self.output])}).values())


@pytest.mark.parametrize(
    ("output", "change", "reason"),
    [
        ("probabilities", lambda values: np.roll(values, 1, axis=-1), "it gives other probabilities than on the CPU"),
        ("digits", lambda values: values + 1, "it reads 3, on the CPU 2"),
        ("digits", lambda values: np.full_like(values, -2), "it reads nothing, on the CPU 2"),
    ],
)
def test_cuda_is_not_used_if_its_answer_differs_from_the_cpus(
    output: str, change: Callable[[np.ndarray], np.ndarray], reason: str, on_cuda: Any
) -> None:
    on_cuda(lambda model, _: (Wrong(model, output, change), []))
    assert load("auto", TINY).remark == f"on CUDA {reason}"
    with pytest.raises(SetupError, match=f"on CUDA {reason}"):
        load("cuda", TINY)


def test_cuda_is_not_used_if_its_session_fails(on_cuda: Any) -> None:
    def fail(model: bytes, feed: Feed) -> Loaded:
        raise NoCudaError("it fails, no kernel image is available for execution on the device")

    on_cuda(fail)
    assert load("auto", TINY).provider == "CPU"
    with pytest.raises(SetupError, match="no kernel image is available"):
        load("cuda", TINY)


class Failing:
    """A session that fails after the runs of the start, as on a GPU that is lost."""

    def __init__(self, model: bytes) -> None:
        self.session = session_on_cpu(model)
        self.runs = 0

    def run(self, outputs: list[str], feed: Feed) -> list[np.ndarray]:
        self.runs += 1
        if self.runs > 1:
            raise RuntimeError("CUDA failure 700: an illegal memory access ; GPU=0 ; hostname=x")
        return self.session.run(outputs, feed)


def test_the_cpu_takes_over_and_prints_why_if_cuda_fails_later(on_cuda: Any, capfd: pytest.CaptureFixture[str]) -> None:
    on_cuda(lambda model, _: (Failing(model), []))
    loaded = load("cuda", TINY)
    assert [loaded.classify(bar(7)) for _ in range(3)][2].number == "7"
    assert loaded.classify(bar(7)).provider == "CPU"
    assert capfd.readouterr().err == (
        "ONNX Runtime on CUDA: it fails, CUDA failure 700: an illegal memory access, so the CPU reads\n"
    )


def test_concurrent_sketches_get_the_same_answers_as_single_ones(on_cuda: Any) -> None:
    on_cuda(lambda model, _: (session_on_cpu(model), []))
    together, alone = load("cuda", TINY), load("cpu", TINY)
    sketches = [bars(*[((i + j) % 10, 8) for j in range(i % 5)])[:, i % 2 :] for i in range(61)]
    with ThreadPoolExecutor(16) as people:
        answers = list(people.map(together.classify, sketches, [i % 3 == 0 for i in range(len(sketches))]))
    for i, (sketch, answer) in enumerate(zip(sketches, answers, strict=True)):
        expected = alone.classify(sketch, look_inside=True)
        assert answer.number == "".join(str((i + j) % 10) for j in range(i % 5))
        assert answer.provider == "CUDA"
        for piece, other in zip(answer.digits, expected.digits, strict=True):
            np.testing.assert_allclose(piece.box, other.box)
            np.testing.assert_allclose(piece.image, other.image, atol=1e-6)
            np.testing.assert_allclose(piece.together, other.together, atol=1e-5)
        assert len(answer.maps) == (len(expected.maps) if i % 3 == 0 else 0)
        for maps, others in zip(answer.maps, expected.maps, strict=False):
            for layer, values in maps.items():
                np.testing.assert_allclose(values, others[layer], atol=1e-4)


def test_auto_uses_the_cpu_if_cuda_takes_too_long_for_one_sketch(on_cuda: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1.6, 0.5])
    on_cuda(lambda model, _: (session_on_cpu(model), []))
    monkeypatch.setattr(classifier, "_milliseconds", lambda _: next(times))
    assert str(load("auto", TINY)) == (
        "ONNX Runtime on CPU: CUDA takes 1.6 ms for one drawing, the CPU 0.5 ms; --device cuda forces CUDA"
    )
    assert load("cuda", TINY).provider == "CUDA"


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
def test_cuda_is_used_only_if_all_matrix_operations_ran_there(
    placed: dict[str, str], stay: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session really runs, but its profile is replaced."""
    executed = [(name, name, where) for name, where in placed.items()]
    monkeypatch.setattr(provider, "_executed_nodes", lambda _: executed)
    monkeypatch.setattr(onnxruntime.InferenceSession, "get_providers", lambda _: [CUDA])
    monkeypatch.setattr(provider, "CUDA_OPTIONS", {})
    model = (TINY / "reader.onnx").read_bytes()
    feed = {"sketch": bar(1)[None]}
    if stay is None:
        with pytest.raises(NoCudaError, match="runs the matrix operations on the CPU"):
            provider.session_on_cuda(model, feed)
    else:
        assert provider.session_on_cuda(model, feed)[1] == stay


def test_the_profile_names_every_node_that_ran(tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(tmp_path / "profile")
    session = onnxruntime.InferenceSession(ONNX / "ffnn.onnx", options, ["CPUExecutionProvider"])
    session.run(None, {"image": np.zeros((1, 28, 28), np.float32)})
    placed = provider._executed_nodes(json.loads(Path(session.end_profiling()).read_text()))
    operators = [operator for _, operator, _ in placed]
    assert sum(operator in ("Gemm", "FusedGemm") for operator in operators) == 3
    assert "Softmax" in operators
    assert {where for _, _, where in placed} == {"CPUExecutionProvider"}


@pytest.mark.parametrize(
    ("text", "reason"),
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
def test_error_reason_gives_the_cause_of_an_onnx_runtime_error_in_one_line(text: str, reason: str) -> None:
    assert provider.error_reason(RuntimeError(text)) == reason


class Driver:
    """NVIDIA's driver, as far as missing_requirements() uses it."""

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
        return list(missing_requirements())

    return lacks


def test_nothing_is_reported_if_nothing_is_missing(machine: Callable[..., list[str]]) -> None:
    assert machine(Driver()) == []
    assert machine(Driver(version=13_020)) == []


def test_missing_libraries_are_named_once_with_the_command_to_install_them(
    machine: Callable[..., list[str]],
) -> None:
    hint = 'not found; pip install -e ".[cuda]" installs them'
    assert machine(Driver(), "libcublas.so.13") == [f"libcublas.so.13 {hint}"]
    both = f"libcublas.so.13, {provider.CUDNN} {hint}"
    assert machine(Driver(), provider.CUDNN, "libcublas.so.13") == [both]
    assert machine(None, provider.CUDNN, "libcublas.so.13") == [f"there is no NVIDIA driver, {provider.DRIVER}", both]


def test_libraries_for_cuda_12_are_installed_with_the_onnx_runtime_for_cuda_12(
    machine: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "__version__", "1.26.0")
    assert machine(Driver(version=12_080), "libcublas.so.12", cuda="12.8") == [
        'libcublas.so.12 not found; pip install "onnxruntime-gpu[cuda,cudnn]==1.26.0" installs them'
    ]


def test_a_driver_that_is_too_old_is_the_only_problem_reported(machine: Callable[..., list[str]]) -> None:
    assert len(machine(Driver(version=12_080), "libcublas.so.13")) == 1


@pytest.mark.parametrize(
    ("driver", "message"),
    [
        (Driver(version=12_080), "the NVIDIA driver is for CUDA 12.8, ONNX Runtime .* for CUDA 13.0; install a newer"),
        (Driver(error=803), "the NVIDIA driver fails with CUDA_ERROR_SYSTEM_DRIVER_MISMATCH; nvidia-smi"),
        (Driver(error=100), "the NVIDIA driver sees no GPU$"),
        (Driver(count=0), "the NVIDIA driver sees no GPU$"),
    ],
)
def test_a_problem_of_the_driver_is_reported(driver: Driver, message: str, machine: Callable[..., list[str]]) -> None:
    (problem,) = machine(driver)
    assert re.match(message, problem)


def test_hidden_gpus_are_reported_as_hidden(machine: Callable[..., list[str]]) -> None:
    assert machine(Driver(error=100), visible="") == [
        'the NVIDIA driver sees no GPU, because CUDA_VISIBLE_DEVICES is ""'
    ]
