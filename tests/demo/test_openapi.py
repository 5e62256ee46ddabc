"""The schema at /openapi.json is true, whatever is sent."""

from typing import Any

import httpx
import schemathesis
from fastapi import FastAPI
from hypothesis import settings
from schemathesis.checks import CHECKS

from demo.api import add_addresses
from demo.limits import Limits
from demo.networks.classifier import load
from demo.reader import Reader

app = FastAPI()
add_addresses(app, Reader(load("cpu"), Limits()), None, Limits())
schema = schemathesis.openapi.from_dict(app.openapi())
# Whether a text is a drawing, or bytes are an image, only the server can tell.
UNTOLD: Any = [CHECKS.get_one(name) for name in ("positive_data_acceptance", "negative_data_rejection")]


@schema.parametrize()
@settings(database=None, deadline=None)
def test_the_schema_is_true_whatever_is_sent(case: schemathesis.Case[Any], address: str) -> None:
    case.call_and_validate(base_url=address, excluded_checks=UNTOLD)


def test_the_server_describes_every_address_of_its_own(address: str) -> None:
    for path in ("openapi.json", "gradio_api/openapi.json"):
        described = httpx.get(address + path).json()
        assert set(described["paths"]) == {"/health", "/read", "/keep", "/predict"}
        assert {name: described[name] for name in ("paths", "components")} == {
            name: schema.raw_schema[name] for name in ("paths", "components")
        }
