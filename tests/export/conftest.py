import json
from pathlib import Path

import pytest

from model.networks import NETWORKS


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both networks, untrained, with the story that an export needs."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, build in NETWORKS.items():
        network = build()
        network.save(folder / f"{name}.keras")
        test = {"set": "MNIST test", "count": 10_000, "accuracy": 0.1, "error": 0.003}
        story = {
            "network": name,
            "parameters": network.count_params(),
            "recipe": {"name": "notebook"},
            "seed": 0,
            "epochs": 1,
            "best_epoch": 1,
            "accuracy": {"validation": 0.1},
            "test": test,
        }
        (folder / f"{name}.json").write_text(json.dumps(story))
    return folder
