"""The addresses that the page and programs ask, with the types that /openapi.json describes."""

from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from demo.collection import Collection
from demo.limits import Limits
from demo.networks.classifier import KNOWN
from demo.networks.images import read_canvas
from demo.reader import Reader
from demo.schemas import Correction, Health, Kept, Prediction, Question, Reading, Refusal

REASONS = {
    400: "The request is malformed.",
    403: "Another site asks, or this server stores no drawings.",
    408: "The request arrived too slowly.",
    413: "The request is too large.",
    415: "The request is not of the type that this address takes.",
    422: "The request lacks something, or its image cannot be read.",
    429: "The server is busy.",
    507: "The drawing could not be stored.",
}
FILE = {"type": "string", "format": "binary"}
FORM = {"type": "object", "properties": {"image": FILE}, "required": ["image"]}
PICTURE = {"required": True, "content": {"multipart/form-data": {"schema": FORM}, "image/*": {"schema": FILE}}}


def add_addresses(app: FastAPI, reader: Reader, collection: Collection | None, limits: Limits) -> None:
    """Serve what `reader` reads, and keep corrected drawings in `collection` if there is one."""

    @app.get("/health", responses=refusals(400))
    def health() -> Health:
        """Read a drawing, and say what read it."""
        answer = reader.classifier.classify(KNOWN)
        return Health(provider=answer.provider, milliseconds=answer.milliseconds)

    @app.post("/read", response_model=Reading, responses=refusals(400, 408, 413, 415, 422, 429))
    async def read(question: Question) -> Response:
        """Read a drawing, with all that the page shows of it."""
        reading = await reader.read(question)
        return Response(reading.model_dump_json(), media_type="application/json")  # not validated once more

    @app.post("/keep", responses=refusals(400, 403, 408, 413, 415, 422, 507), dependencies=[Depends(from_here)])
    async def keep(correction: Correction) -> Kept:
        """Store a drawing under the digit that it shows, to train on."""
        if collection is None:
            raise HTTPException(403, "This demo does not store drawings; --collect DIR makes it.")
        try:
            sketch = read_canvas(correction.canvas, limits.drawing_bytes, limits.drawing_pixels)
            return Kept(kept=await run_in_threadpool(collection.keep, sketch, correction.digit))
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        except OSError as error:
            raise HTTPException(507, f"The drawing could not be stored: {error.strerror}.") from error

    @app.post("/predict", responses=refusals(400, 408, 413, 415, 422, 429), openapi_extra={"requestBody": PICTURE})
    async def predict(picture: Annotated[bytes, Depends(picture_of)]) -> Prediction:
        """Read an image file of one digit, dark on light or light on dark.

        Send it as form field `image`, or as the body.
        """
        return await reader.predict(picture)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For FastAPI's `responses`: what else an address may answer."""
    return {status: {"model": Refusal, "description": REASONS[status]} for status in statuses}


def from_here(request: Request) -> None:
    """Raises HTTPException with 403 if a page of another site asks. Over plain HTTP browsers name only its origin."""
    site, origin = (request.headers.get(name) for name in ("sec-fetch-site", "origin"))
    hosts = [request.headers.get(name, "").split(",")[0].strip() for name in ("host", "x-forwarded-host")]
    is_here = not origin or origin.partition("://")[2] in filter(None, hosts)
    if not (site in ("same-origin", "none") if site else is_here):
        raise HTTPException(403, "Another site cannot store drawings here.")


async def picture_of(request: Request) -> bytes:
    """The image file that a request carries: as form field `image`, or as its body."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await request.body()
    try:
        async with request.form(max_files=1) as form:
            image = form.get("image")
            if isinstance(image, UploadFile):
                return await image.read()
    except ValueError as error:  # of the parser
        raise HTTPException(400, f"The form is malformed: {error}.") from error
    raise HTTPException(422, "Send the image file as form field `image`, or as the body.")
