"""CUDA computes every node, agrees with the CPU and leaks no memory. pytest -m gpu runs these tests alone."""

import ctypes
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import onnxruntime
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from demo.networks.classifier import CUDA_BATCH, SKETCH_OF_ONE, Classifier, load
from demo.networks.files import ONNX
from demo.networks.images import data_url
from demo.networks.provider import DRIVER, missing_requirements, session_on_cpu, session_on_cuda
from tests.demo.serving import running

pytestmark = pytest.mark.gpu
GRAPHS = ["lenet5.onnx", "ffnn.onnx", "lenet5-sketch.onnx", "ffnn-sketch.onnx"]
MEGABYTE = 2**20


@pytest.fixture(scope="module", autouse=True)
def gpu() -> None:
    if lacking := "; ".join(missing_requirements()):
        pytest.skip(lacking)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load("cuda")


@pytest.fixture(scope="module")
def many(digits: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """10,000 digits: 5,000 of MNIST, and the same one pixel further right and down. uint8 [10000, 28, 28]."""
    return np.concatenate([digits[0], np.roll(digits[0], (1, 1), axis=(1, 2))])


def fed(graph: str, images: np.ndarray) -> dict[str, np.ndarray]:
    return {"sketch": 255 - images} if "sketch" in graph else {"image": images.astype(np.float32) / 255}


@pytest.mark.parametrize("graph", GRAPHS)
def test_every_node_runs_on_cuda(graph: str, many: np.ndarray) -> None:
    _, stay = session_on_cuda((ONNX / graph).read_bytes(), fed(graph, many[:1]))
    assert stay == []


@pytest.mark.parametrize("graph", GRAPHS)
def test_cuda_and_the_cpu_agree_on_10_000_digits_in_batches_of_any_size(graph: str, many: np.ndarray) -> None:
    model = (ONNX / graph).read_bytes()
    sessions = session_on_cpu(model), session_on_cuda(model, fed(graph, many[:1]))[0]
    expected = probabilities(sessions[0], graph, many, batch=1_000)
    for batch in (4_096, 1_000, 64, 7, 1):
        on_cuda = probabilities(sessions[1], graph, many, batch)
        np.testing.assert_allclose(on_cuda, expected, rtol=0, atol=1e-4)
        np.testing.assert_array_equal(on_cuda.argmax(axis=1), expected.argmax(axis=1))


def probabilities(session: onnxruntime.InferenceSession, graph: str, images: np.ndarray, batch: int) -> np.ndarray:
    """float32 [count, 10] for images uint8 [count, 28, 28]."""
    feeds = (fed(graph, images[start : start + batch]) for start in range(0, len(images), batch))
    return np.concatenate([session.run(["probabilities"], feed)[0] for feed in feeds])


def test_concurrent_questions_get_the_same_answers_as_single_ones(
    classifier: Classifier, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    on_cpu = load("cpu")
    images = digits[0][:600].repeat(8, axis=1).repeat(8, axis=2)
    sketches = [255 - np.hstack(list(images[i : i + 1 + i % 4])) for i in range(300)]
    with ThreadPoolExecutor(CUDA_BATCH) as people:
        answers = list(people.map(classifier.classify, sketches))
    for sketch, answer in zip(sketches, answers, strict=True):
        expected = on_cpu.classify(sketch)
        assert answer.number == expected.number
        for piece, other in zip(answer.digits, expected.digits, strict=True):
            np.testing.assert_allclose(piece.together, other.together, atol=1e-4)


def free_memory() -> int:
    """Free bytes on the GPU that this thread used last. Other processes on that GPU reduce them, too."""
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    assert ctypes.CDLL(DRIVER).cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)) == 0
    return free.value


def test_a_thousand_requests_leak_no_gpu_memory(classifier: Classifier) -> None:
    sketches = [SKETCH_OF_ONE, SKETCH_OF_ONE[::2], SKETCH_OF_ONE[:, ::3], SKETCH_OF_ONE.repeat(2, 0).repeat(2, 1)]

    def ask(count: int) -> None:
        for i in range(count // 2):
            classifier.classify(sketches[i % 4], look_inside=i % 3 == 0)
        with ThreadPoolExecutor(CUDA_BATCH) as people:
            list(people.map(classifier.classify, (sketches * count)[: count // 2]))

    ask(400)
    before = free_memory()
    ask(1_000)
    assert before - free_memory() < 16 * MEGABYTE


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running("--device", "cuda") as address:
        yield address


def test_read_predict_and_health_report_cuda(address: str, tmp_path: Path) -> None:
    answer = httpx.post(f"{address}read", json={"canvas": data_url(SKETCH_OF_ONE < 128)}).json()
    assert (answer["number"], answer["provider"]) == ("1", "CUDA")
    Image.fromarray(SKETCH_OF_ONE).save(tmp_path / "digit.png")
    client = Client(address, verbose=False)
    assert client.predict(handle_file(tmp_path / "digit.png"), api_name="/predict")["provider"] == "CUDA"
    assert httpx.get(f"{address}health").json()["provider"] == "CUDA"


def test_auto_uses_cuda_or_reports_that_it_is_slower_than_the_cpu() -> None:
    chosen = load("auto")
    assert chosen.provider == "CUDA" or "ms for one drawing" in chosen.remark
