"""ONNX Runtime's execution providers: check what CUDA needs, open sessions, and prove that CUDA computes."""

import ctypes
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
CUDA_OPTIONS = {
    "cudnn_conv_algo_search": "HEURISTIC",  # the default tries every algorithm for each new batch size
    "use_ep_level_unified_stream": "1",  # by default each thread creates its own stream, cuBLAS and cuDNN handle
    "use_tf32": "0",  # the default rounds to 10 bits, which changes probabilities by up to 5e-3
}
MATRIX_OPERATORS = ("Conv", "Gemm", "MatMul")  # suffixes, because ONNX Runtime fuses them: FusedConv, FusedMatMul ...
WINDOWS = sys.platform == "win32"
DRIVER, CUDNN = ("nvcuda.dll", "cudnn64_9.dll") if WINDOWS else ("libcuda.so.1", "libcudnn.so.9")
CUDA_ERROR_NO_DEVICE = 100
WARNING, FATAL = 2, 4  # ONNX Runtime's log severities


class NoCudaError(Exception):
    """CUDA does not run here. The message gives the reason and what to do."""


def missing_requirements() -> Iterator[str]:
    """What CUDA lacks on this machine, as far as it can be found without a session.

    Loads CUDA's libraries, first from where pip installs them, then from the system.
    """
    if CUDA not in onnxruntime.get_available_providers():
        yield "this ONNX Runtime is built without CUDA; onnxruntime-gpu, for Linux and Windows on x86-64, has it"
        return
    needed = onnxruntime.cuda_version
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        yield f"there is no NVIDIA driver, {DRIVER}"
    else:
        version = ctypes.c_int()
        driver.cuDriverGetVersion(ctypes.byref(version))
        if version.value // 1000 < int(needed.partition(".")[0]):
            supported = f"{version.value // 1000}.{version.value % 1000 // 10}"
            yield (
                f"the NVIDIA driver is for CUDA {supported}, ONNX Runtime {onnxruntime.__version__} for CUDA {needed}; "
                "install a newer driver, or the ONNX Runtime that demo/README.md names for this one"
            )
            return
        yield from _gpu_problems(driver)
    with redirect_stdout(StringIO()) as output:
        onnxruntime.preload_dlls()
    missing = dict.fromkeys(re.findall(r"Failed to load ([^/\\]+?): ", output.getvalue()))
    try:
        ctypes.CDLL(CUDNN)  # preload_dlls() does not report this one
    except OSError:
        missing[CUDNN] = None
    if missing:
        pinned = f'"onnxruntime-gpu[cuda,cudnn]=={onnxruntime.__version__}"'
        requirement = pinned if needed.startswith("12") else '-e ".[cuda]"'
        yield f"{', '.join(missing)} not found; pip install {requirement} installs them"


def _gpu_problems(driver: ctypes.CDLL) -> Iterator[str]:
    count, name = ctypes.c_int(), ctypes.c_char_p(b"unknown error")
    error = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if error not in (0, CUDA_ERROR_NO_DEVICE):
        driver.cuGetErrorName(error, ctypes.byref(name))
        yield f"the NVIDIA driver fails with {(name.value or b'').decode()}; nvidia-smi may say more"
    elif not count.value:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        reason = "" if visible is None else f', because CUDA_VISIBLE_DEVICES is "{visible}"'
        yield f"the NVIDIA driver sees no GPU{reason}"


def session_on_cpu(model: bytes) -> onnxruntime.InferenceSession:
    """Open a session on the CPU for a serialized ModelProto. Raises ONNX Runtime's errors if it is damaged."""
    return _session(model, _options(), [CPU])


def session_on_cuda(model: bytes, feed: dict[str, np.ndarray]) -> tuple[onnxruntime.InferenceSession, list[str]]:
    """Open a session on CUDA for a serialized ModelProto. Returns it and the nodes that run on the CPU all the same.

    One run on `feed` warms the session up; ONNX Runtime's profile of that run tells where each node ran. Only one
    thread may use the session at a time. Raises NoCudaError unless all MATRIX_OPERATORS run on CUDA.
    """
    options = _options()
    onnxruntime.set_default_logger_severity(FATAL)  # errors are raised anyway
    try:
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(folder, "profile"))
            session = _session(model, options, [(CUDA, CUDA_OPTIONS), CPU])
            session.run(None, feed)
            profile = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    except Exception as error:  # ONNX Runtime has its own error classes
        raise NoCudaError(f"it fails, {error_reason(error)}") from error
    finally:
        onnxruntime.set_default_logger_severity(WARNING)
    if session.get_providers()[0] != CUDA:
        raise NoCudaError(f"ONNX Runtime cannot load it, {_load_error()}")
    nodes = _executed_nodes(profile)
    matrix_providers = {provider for _, operator, provider in nodes if operator.endswith(MATRIX_OPERATORS)}
    if matrix_providers != {CUDA}:
        raise NoCudaError("ONNX Runtime runs the matrix operations on the CPU")
    return session, [name for name, _, provider in nodes if provider != CUDA]


def _executed_nodes(profile: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Name, operator and provider of each node that ran."""
    suffix = "_kernel_time"
    return [
        (event["name"].removesuffix(suffix), event["args"]["op_name"], event["args"]["provider"])
        for event in profile
        if event["cat"] == "Node" and event["name"].endswith(suffix)
    ]


def _load_error() -> str:
    """The system's error for ONNX Runtime's CUDA library, which ONNX Runtime does not report."""
    try:
        for name in ("shared", "cuda"):
            library = f"onnxruntime_providers_{name}.dll" if WINDOWS else f"libonnxruntime_providers_{name}.so"
            path = next(Path(onnxruntime.__file__).parent.rglob(library), library)
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        return str(error)
    return "without a reason"


def error_reason(error: Exception) -> str:
    """The part of an ONNX Runtime error that CUDA or cuDNN reported, without source locations and templates."""
    text = " ".join(str(error).split())
    for pattern in (
        r"\w+ failure \d+: [^;]+",
        r"Failed to allocate[^;{]+",
        r"CUDNN_STATUS_\w+",
        r"(?<=Status Message: )[^/{]+",
    ):
        if match := re.search(pattern, text):
            return match[0].rstrip(" :.")
    return text[:200]


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # networks this small gain nothing from more threads
    options.enable_mem_reuse = False  # planning it takes 1.4 s for reader.onnx, and the graph gets no faster or smaller
    options.log_severity_level = FATAL
    return options


def _session(model: bytes, options: onnxruntime.SessionOptions, providers: list[Any]) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model, options, providers=providers, enable_fallback=0)
