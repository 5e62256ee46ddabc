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
    "use_tf32": "0",  # the default rounds to 10 bits: rounded so, a probability differs by up to 5e-3
}
COMPUTE = ("Conv", "Gemm", "MatMul")  # and what ONNX Runtime fuses with them: FusedConv, FusedMatMul ...
DRIVER, CUDNN = ("nvcuda.dll", "cudnn64_9.dll") if sys.platform == "win32" else ("libcuda.so.1", "libcudnn.so.9")
NO_DEVICE = 100  # of the driver's error codes
WARNING, FATAL = 2, 4  # ONNX Runtime's log severities


class NoCudaError(Exception):
    """CUDA does not run here; the message says why, and how to mend it."""


def obstacles() -> Iterator[str]:
    """What CUDA lacks here, as far as can be told without a session; loads its libraries on the way.

    They are looked for where pip installs them, then where the system does.
    """
    if CUDA not in onnxruntime.get_available_providers():
        yield "this ONNX Runtime is built without it; onnxruntime-gpu, for Linux and Windows on x86-64, has it"
        return
    yield from _of_driver()
    with redirect_stdout(StringIO()) as complaints:
        onnxruntime.preload_dlls()
    missing = {Path(path).name: None for path in re.findall(r"Failed to load (.+?): ", complaints.getvalue())}
    try:
        ctypes.CDLL(CUDNN)  # of which preload_dlls() says nothing
    except OSError:
        missing[CUDNN] = None
    if missing:
        yield f'{", ".join(missing)} not found; pip install -e ".[cuda]" brings them'


def _of_driver() -> Iterator[str]:
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        yield f"there is no NVIDIA driver, {DRIVER}"
        return
    version = ctypes.c_int()
    driver.cuDriverGetVersion(ctypes.byref(version))
    needed = onnxruntime.cuda_version
    if version.value // 1000 < int(needed.partition(".")[0]):
        has = f"{version.value // 1000}.{version.value % 1000 // 10}"
        yield (
            f"the NVIDIA driver is for CUDA {has}, ONNX Runtime {onnxruntime.__version__} for CUDA {needed}; "
            "install a newer driver, or the ONNX Runtime that README.md names for this one"
        )
        return
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
    Raises NoCudaError unless those that multiply run on CUDA.
    """
    options = _options()
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder, "profile"))
        onnxruntime.set_default_logger_severity(FATAL)  # what goes wrong is raised, too
        try:
            session = _session(model, options, [(CUDA, CUDA_OPTIONS), CPU])
            session.run(None, feed)
        except Exception as error:  # ONNX Runtime raises classes of its own
            raise NoCudaError(f"ONNX Runtime fails on it, {_cause(error)}") from error
        finally:
            onnxruntime.set_default_logger_severity(WARNING)
        profile = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    nodes = _placed(profile)
    stay = [name for name, (_, provider) in nodes.items() if provider != CUDA]
    computing = [name for name, (operator, _) in nodes.items() if operator.endswith(COMPUTE)]
    if session.get_providers()[0] != CUDA or not computing or set(stay) & set(computing):
        raise NoCudaError(
            "ONNX Runtime leaves the computing to the CPU; nvidia-smi shows whether there is a GPU for it"
        )
    return session, stay


def _placed(profile: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """The operator and the provider of each node that ran."""
    suffix = "_kernel_time"
    return {
        event["name"].removesuffix(suffix): (event["args"]["op_name"], event["args"]["provider"])
        for event in profile
        if event["cat"] == "Node" and event["name"].endswith(suffix)
    }


def _cause(error: Exception) -> str:
    """What CUDA or cuDNN said, out of what ONNX Runtime makes of it, with places in its source and templates."""
    text = " ".join(str(error).split())
    found = re.search(r"\w+ failure \d+: [^;]+|(?<=Status Message: )[^/{]+", text)
    return (found[0] if found else text[:200]).rstrip(" :")


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # networks this small only wait for more threads
    options.log_severity_level = FATAL
    return options


def _session(model: bytes, options: onnxruntime.SessionOptions, providers: list[Any]) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model, options, providers=providers, enable_fallback=0)
