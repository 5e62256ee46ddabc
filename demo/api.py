"""The HTTP endpoints for the page and for programs. /openapi.json describes them."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse

from demo.corrections import Corrections
from demo.limits import Limits
from demo.networks.classifier import SKETCH_OF_ONE
from demo.networks.files import SetupError
from demo.networks.images import read_canvas
from demo.reader import Reader
from demo.schemas import (
    Correction,
    Health,
    ImageProbabilities,
    Images,
    Kept,
    Prediction,
    Question,
    Reading,
    Refusal,
    TakenBack,
    TakingBack,
)
from demo.sketchpad import MODEL_CARD, PICTURE

EXAMPLE = Path(__file__).parent / "digit.png"
REASONS = {
    400: "The request is malformed.",
    403: "The request comes from another site, or this server stores no drawings.",
    408: "The request arrived too slowly.",
    413: "The request is too large.",
    415: "The request has the wrong content type.",
    422: "The request is incomplete, or its image cannot be read.",
    429: "The server is busy.",
    501: "The networks for single images are missing.",
    507: "The drawing could not be stored or deleted.",
}
FILE_SCHEMA = {"type": "string", "format": "binary"}
FORM_SCHEMA = {"type": "object", "properties": {"image": FILE_SCHEMA}, "required": ["image"]}
PICTURE_BODY = {
    "required": True,
    "content": {"multipart/form-data": {"schema": FORM_SCHEMA}, "image/*": {"schema": FILE_SCHEMA}},
}


def add_addresses(app: FastAPI, reader: Reader, corrections: Corrections | None, limits: Limits) -> None:
    """Add the endpoints. They read with `reader` and store corrected drawings in `corrections`, unless it is None."""

    @app.get("/health", responses=refusals(400))
    def health() -> Health:
        """Read a drawing as a test, and report what ran the networks."""
        answer = reader.classifier.classify(SKETCH_OF_ONE)
        return Health(provider=answer.provider, milliseconds=answer.milliseconds)

    @app.post("/read", response_model=Reading, responses=refusals(400, 408, 413, 415, 422, 429))
    async def read(question: Question) -> Response:
        """Read the number in a drawing, and return everything that the page shows."""
        reading = await reader.read(question)
        return Response(reading.model_dump_json(), media_type="application/json")  # skips a second validation

    @app.post(
        "/probabilities", response_model=ImageProbabilities, responses=refusals(400, 408, 413, 415, 422, 429, 501)
    )
    async def probabilities(images: Images) -> Response:
        """Read images of 28 x 28 pixels, by which the page explains an answer."""
        try:
            found = await reader.probabilities(images)
        except SetupError as error:
            raise HTTPException(501, str(error)) from error
        return Response(found.model_dump_json(), media_type="application/json")

    @app.post(
        "/keep", responses=refusals(400, 403, 408, 413, 415, 422, 507), dependencies=[Depends(require_same_origin)]
    )
    async def keep(correction: Correction) -> Kept:
        """Store a drawing of one digit, and the digit, as training data. Of a number, send the image of one digit."""
        if corrections is None:
            raise HTTPException(403, "This demo does not store drawings. Start it with --collect DIR to store them.")
        try:
            sketch = read_canvas(correction.canvas, limits.drawing_bytes, limits.drawing_pixels)
            name = await run_in_threadpool(corrections.keep, sketch.pixels, correction.digit)
            return Kept(kept=await run_in_threadpool(corrections.count), name=name)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        except OSError as error:
            raise HTTPException(507, f"The drawing could not be stored: {error.strerror}.") from error

    @app.post(
        "/take-back", responses=refusals(400, 403, 408, 413, 415, 422, 507), dependencies=[Depends(require_same_origin)]
    )
    async def take_back(taking_back: TakingBack) -> TakenBack:
        """Delete a drawing that was stored by mistake."""
        if corrections is None:
            raise HTTPException(403, "This demo does not store drawings.")
        try:
            await run_in_threadpool(corrections.take_back, taking_back.name)
            return TakenBack(kept=await run_in_threadpool(corrections.count))
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        except OSError as error:
            raise HTTPException(507, f"The drawing could not be deleted: {error.strerror}.") from error

    @app.get(f"/{PICTURE.name}", include_in_schema=False)
    def picture() -> FileResponse:
        """The picture of the page that is shown with links to it."""
        return FileResponse(PICTURE)

    if card := reader.classifier.card:

        @app.get(f"/{MODEL_CARD}", include_in_schema=False)
        def model_card() -> FileResponse:
            """The card of the networks, as text that browsers show."""
            return FileResponse(card, media_type="text/plain")

    @app.get("/digit.png", include_in_schema=False)
    def example() -> FileResponse:
        """A picture to try /predict with."""
        return FileResponse(EXAMPLE)

    @app.post("/predict", responses=refusals(400, 408, 413, 415, 422, 429), openapi_extra={"requestBody": PICTURE_BODY})
    async def predict(picture: Annotated[bytes, Depends(requested_picture)]) -> Prediction:
        """Read an image file of digits, dark on light or light on dark.

        Send the file as form field `image` or as the request body.
        """
        return await reader.predict(picture)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Error responses of an endpoint, for FastAPI's `responses`."""
    return {status: {"model": Refusal, "description": REASONS[status]} for status in statuses}


def require_same_origin(request: Request) -> None:
    """Raise HTTPException 403 if the request comes from a page of another site.

    Over plain HTTP browsers send only Origin, not Sec-Fetch-Site.
    """
    site, origin = (request.headers.get(name) for name in ("sec-fetch-site", "origin"))
    hosts = [request.headers.get(name, "").split(",")[0].strip() for name in ("host", "x-forwarded-host")]
    same_origin = not origin or origin.partition("://")[2] in filter(None, hosts)
    if not (site in ("same-origin", "none") if site else same_origin):
        raise HTTPException(403, "Another site cannot store drawings here.")


async def requested_picture(request: Request) -> bytes:
    """The image file in a request: its form field `image`, or else its body."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await request.body()
    try:
        async with request.form(max_files=1) as form:
            image = form.get("image")
            if isinstance(image, UploadFile):
                return await image.read()
    except ValueError as error:  # raised by the form parser
        raise HTTPException(400, f"The form is malformed: {error}.") from error
    raise HTTPException(422, "Send the image file as form field `image` or as the request body.")
