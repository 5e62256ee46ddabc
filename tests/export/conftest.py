import json
from pathlib import Path

import numpy as np
import pytest

from model import mnist
from model.evaluate import score
from model.networks import NETWORKS
from tests.conftest import few


@pytest.fixture(scope="session")
def checkpoints(digits: tuple[np.ndarray, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both networks, of random weights and biases, with the story that an export needs."""
    folder = tmp_path_factory.mktemp("checkpoints")
    test_digits = few(digits)[1]
    random = np.random.default_rng(0)
    for name, build in NETWORKS.items():
        network = build()
        network.set_weights([random.normal(scale=0.1, size=weight.shape) for weight in network.get_weights()])
        network.save(folder / f"{name}.keras")
        images = mnist.network_input(test_digits.images, network)
        read = network.predict(images, batch_size=1_000, verbose=0).argmax(axis=1)
        story = {
            "network": name,
            "parameters": network.count_params(),
            "recipe": {"lenet5": {"name": "best", "drawn": 2}, "ffnn": {"name": "notebook", "drawn": 0}}[name],
            "seed": 0,
            "epochs": 1,
            "best_epoch": 1,
            "accuracy": {"validation": 0.1},
            "test": {**score(read, test_digits.labels), "calibration_error": 0.01},
            "pens": [{"set": "some writers", "count": 10, "accuracy": 0.9, "error": 0.1}],
            "refusal": {"non_digits": 0.8},
            "seconds": 60.0,
            "device": "a machine",
        }
        (folder / f"{name}.json").write_text(json.dumps(story))
    return folder
