"""The server's responses agree with the schema at /openapi.json, also for invalid requests."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import settings
from schemathesis.checks import CHECKS

from demo.api import add_addresses
from demo.limits import Limits
from demo.networks.classifier import load
from demo.reader import Reader
from tests.demo import tiny

pytestmark = [pytest.mark.server]

app = FastAPI()
add_addresses(app, Reader(load("cpu", Path(tiny.__file__).parent), Limits()), None, Limits())
schema = schemathesis.openapi.from_dict(app.openapi())
# A schema cannot express whether a text is a drawing or bytes are an image.
EXCLUDED_CHECKS: Any = [CHECKS.get_one(name) for name in ("positive_data_acceptance", "negative_data_rejection")]


def responses_agree(path: str) -> Any:
    """A test that sends generated requests to `path`, valid and invalid ones, and holds the responses to the schema."""

    @schema.include(path=path).parametrize()
    @settings(database=None, deadline=None)
    def test(case: schemathesis.Case[Any], address: str) -> None:
        case.call_and_validate(base_url=address, excluded_checks=EXCLUDED_CHECKS)

    return test


# One test for each address: the tests of one parametrize() would share a name, and only one of them would run.
test_health_agrees_with_the_schema = responses_agree("/health")
test_read_agrees_with_the_schema = responses_agree("/read")
test_probabilities_agrees_with_the_schema = responses_agree("/probabilities")
test_keep_agrees_with_the_schema = responses_agree("/keep")
test_take_back_agrees_with_the_schema = responses_agree("/take-back")
test_predict_agrees_with_the_schema = responses_agree("/predict")


def test_the_schema_describes_every_address_of_the_server_itself(address: str) -> None:
    for path in ("openapi.json", "gradio_api/openapi.json"):
        described = httpx.get(address + path).json()
        assert set(described["paths"]) == {"/health", "/read", "/probabilities", "/keep", "/take-back", "/predict"}
        assert {name: described[name] for name in ("paths", "components")} == {
            name: schema.raw_schema[name] for name in ("paths", "components")
        }
