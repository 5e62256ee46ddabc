"""ONNX Runtime's execution providers: what CUDA needs, a session on it, and the proof that it computes there."""

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
    "use_ep_level_unified_stream": "1",  # by default each thread gets a stream, a cuBLAS and a cuDNN of its own
    "use_tf32": "0",  # the default rounds to 10 bits: rounded so, a probability differs by up to 5e-3
}
COMPUTE = ("Conv", "Gemm", "MatMul")  # and what ONNX Runtime fuses with them: FusedConv, FusedMatMul ...
WINDOWS = sys.platform == "win32"
DRIVER, CUDNN = ("nvcuda.dll", "cudnn64_9.dll") if WINDOWS else ("libcuda.so.1", "libcudnn.so.9")
NO_DEVICE = 100  # of the driver's error codes
WARNING, FATAL = 2, 4  # ONNX Runtime's log severities


class NoCudaError(Exception):
    """CUDA does not run here; the message says why, and how to mend it."""


def obstacles() -> Iterator[str]:
    """What CUDA lacks here, as far as can be told without a session; loads its libraries on the way.

    They are looked for where pip installs them, then where the system does.
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
            has = f"{version.value // 1000}.{version.value % 1000 // 10}"
            yield (
                f"the NVIDIA driver is for CUDA {has}, ONNX Runtime {onnxruntime.__version__} for CUDA {needed}; "
                "install a newer driver, or the ONNX Runtime that README.md names for this one"
            )
            return
        yield from _of_gpus(driver)
    with redirect_stdout(StringIO()) as complaints:
        onnxruntime.preload_dlls()
    missing = dict.fromkeys(re.findall(r"Failed to load ([^/\\]+?): ", complaints.getvalue()))
    try:
        ctypes.CDLL(CUDNN)  # of which preload_dlls() says nothing
    except OSError:
        missing[CUDNN] = None
    if missing:
        exactly = f'"onnxruntime-gpu[cuda,cudnn]=={onnxruntime.__version__}"'
        brings = exactly if needed.startswith("12") else '-e ".[cuda]"'
        yield f"{', '.join(missing)} not found; pip install {brings} brings them"


def _of_gpus(driver: ctypes.CDLL) -> Iterator[str]:
    count, name = ctypes.c_int(), ctypes.c_char_p(b"unknown error")
    error = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if error not in (0, NO_DEVICE):
        driver.cuGetErrorName(error, ctypes.byref(name))
        yield f"the NVIDIA driver fails with {(name.value or b'').decode()}; nvidia-smi may say more"
    elif not count.value:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        reason = "" if visible is None else f', for CUDA_VISIBLE_DEVICES is "{visible}"'
        yield f"the NVIDIA driver sees no GPU{reason}"


def session_on_cpu(model: bytes) -> onnxruntime.InferenceSession:
    """A session for a serialized ModelProto, on the CPU. ONNX Runtime raises its own errors for one it cannot read."""
    return _session(model, _options(), [CPU])


def session_on_cuda(model: bytes, feed: dict[str, np.ndarray]) -> tuple[onnxruntime.InferenceSession, list[str]]:
    """A session for a serialized ModelProto, on CUDA, and the nodes that stay on the CPU all the same.

    Where the nodes run is read from ONNX Runtime's own profile of one run on `feed`, which warms the session up, too.
    Only one thread may run it at a time. Raises NoCudaError unless the nodes that multiply run on CUDA.
    """
    options = _options()
    onnxruntime.set_default_logger_severity(FATAL)  # what goes wrong is raised, too
    try:
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(folder, "profile"))
            session = _session(model, options, [(CUDA, CUDA_OPTIONS), CPU])
            session.run(None, feed)
            profile = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    except Exception as error:  # ONNX Runtime raises classes of its own
        raise NoCudaError(f"it fails, {cause(error)}") from error
    finally:
        onnxruntime.set_default_logger_severity(WARNING)
    if session.get_providers()[0] != CUDA:
        raise NoCudaError(f"ONNX Runtime cannot load it, {_why_not_loaded()}")
    nodes = _placed(profile)
    computing = [provider for _, operator, provider in nodes if operator.endswith(COMPUTE)]
    if set(computing) != {CUDA}:
        raise NoCudaError("ONNX Runtime leaves the computing to the CPU")
    return session, [name for name, _, provider in nodes if provider != CUDA]


def _placed(profile: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Name, operator and provider of each node that ran."""
    suffix = "_kernel_time"
    return [
        (event["name"].removesuffix(suffix), event["args"]["op_name"], event["args"]["provider"])
        for event in profile
        if event["cat"] == "Node" and event["name"].endswith(suffix)
    ]


def _why_not_loaded() -> str:
    """What the system says to ONNX Runtime's CUDA library, which it does not pass on."""
    try:
        for name in ("shared", "cuda"):
            library = f"onnxruntime_providers_{name}.dll" if WINDOWS else f"libonnxruntime_providers_{name}.so"
            path = next(Path(onnxruntime.__file__).parent.rglob(library), library)
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        return str(error)
    return "for no reason that it gives"


def cause(error: Exception) -> str:
    """What CUDA or cuDNN said, out of what ONNX Runtime makes of it, with places in its source and templates."""
    text = " ".join(str(error).split())
    for telling in (
        r"\w+ failure \d+: [^;]+",
        r"Failed to allocate[^;{]+",
        r"CUDNN_STATUS_\w+",
        r"(?<=Status Message: )[^/{]+",
    ):
        if found := re.search(telling, text):
            return found[0].rstrip(" :.")
    return text[:200]


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # networks this small only wait for more threads
    options.log_severity_level = FATAL
    return options


def _session(model: bytes, options: onnxruntime.SessionOptions, providers: list[Any]) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model, options, providers=providers, enable_fallback=0)
