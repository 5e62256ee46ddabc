"""What the page asks, and how many people at once are answered."""

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from demo.classifier import Classifier
from demo.collection import Collection
from demo.images import data_url, read_canvas, tiled
from demo.sketchpad import SMALLEST

COLUMNS = {"conv1": 6, "conv2": 8, "conv3": 24}  # in which LeNet5's maps are shown
WAITING = 200  # questions, a third of a second's work for two cores; more are told that the server is busy
BUSY = {"busy": True}

Asked = Callable[[dict[str, Any]], dict[str, Any]]


def questions(classifier: Classifier, collection: Collection | None = None) -> dict[str, Asked]:
    """read() and keep(), which sketchpad.js asks; `collection` keeps drawings that people correct, if there is one."""

    def read(question: dict[str, Any]) -> dict[str, Any]:
        """What both networks say of the canvas; of one that cannot be read, only an "error"."""
        try:
            sketch = read_canvas(question["canvas"])
        except (TypeError, KeyError):
            return {"error": "There is no canvas."}
        except ValueError as error:
            return {"error": str(error)}
        answer = classifier.classify(sketch, bool(question.get("inside")))
        small = bool(question.get("drawn")) and too_small(sketch)
        return {
            "digit": None if small else answer.digit,
            "sure": answer.sure,
            "small": small,
            "together": answer.together.tolist(),
            "probabilities": {name: p.tolist() for name, p in answer.probabilities.items()},
            "image": data_url(answer.image),
            "maps": {layer: data_url(tiled(maps, COLUMNS[layer])) for layer, maps in answer.maps.items()},
            "provider": answer.provider,
            "milliseconds": answer.milliseconds,
        }

    def keep(correction: dict[str, Any]) -> dict[str, Any]:
        """Store the canvas under the digit that it shows. Gives how many are stored, or an "error"."""
        try:
            if collection is None:
                raise ValueError("This demo does not store drawings.")
            return {"kept": collection.keep(read_canvas(correction["canvas"]), correction["digit"])}
        except (TypeError, KeyError):
            return {"error": "There is no canvas, or no digit."}
        except ValueError as error:
            return {"error": str(error)}
        except OSError as error:
            return {"error": f"The drawing could not be stored: {error.strerror}."}

    return {"read": read, "keep": keep}


def too_small(sketch: np.ndarray) -> bool:
    """Whether a drawing, black on white uint8 [height, width], is a dot or a smear: less than SMALLEST either way."""
    ink = sketch < 128
    sides = [np.flatnonzero(ink.any(axis)) for axis in (0, 1)]
    return all(side[-1] - side[0] < SMALLEST * len(ink) for side in sides if len(side))


def answering(functions: dict[str, Asked], threads: int) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that a page's gr.HTML calls its server functions at, which run in `threads`.

    It answers as Gradio's own does, but keeps no session of those who ask, and tells them how many milliseconds their
    question `waited`, or that WAITING others do: BUSY.
    """
    limiter = CapacityLimiter(threads)
    waiting = 0

    async def answer(request: Request) -> Response:
        nonlocal waiting
        try:
            question = json.loads(await request.body())
            function, data = functions[question["fn_name"]], question["data"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return JSONResponse({"detail": f'Ask as {{"fn_name": {" or ".join(functions)}, "data": ...}}.'}, 422)
        if function is functions["keep"] and not _is_from_here(request):
            return JSONResponse({"detail": "Another site cannot store drawings here."}, 403)
        if waiting >= WAITING:
            return JSONResponse(BUSY)
        came = time.perf_counter()

        def call() -> dict[str, Any]:
            waited = 1000 * (time.perf_counter() - came)
            return {**function(data), "waited": waited}

        waiting += 1
        try:
            return JSONResponse(await to_thread.run_sync(call, limiter=limiter))
        finally:
            waiting -= 1

    return answer


def _is_from_here(request: Request) -> bool:
    """Whether the page that asks is this server's, or no page; over plain HTTP browsers name only its origin."""
    site, origin = (request.headers.get(name) for name in ("sec-fetch-site", "origin"))
    if site or not origin:
        return site in ("same-origin", "none", None)
    hosts = [request.headers.get(name, "").split(",")[0].strip() for name in ("host", "x-forwarded-host")]
    return origin.partition("://")[2] in filter(None, hosts)
