"""Types of the requests and responses. /openapi.json describes them."""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field

from demo.networks import classifier

Key = Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
Probability = Annotated[float, Field(ge=0, le=1.0001)]
DIGITS: tuple[Key, ...] = get_args(Key)
ByDigit = dict[Key, Probability]
Probabilities = Annotated[list[Probability], Field(min_length=10, max_length=10)]
Canvas = Annotated[str, Field(description="The drawing: a PNG or JPEG, dark on light or light on dark, as data URL.")]
Digit = Annotated[int, Field(ge=0, le=9)]
Provider = Annotated[classifier.Provider, Field(description="What ran the networks.")]


class Question(BaseModel):
    """A drawing to read."""

    canvas: Canvas
    drawn: bool = Field(
        default=False, description="Whether it was drawn on the page. If so, a dot or a smear is not read."
    )
    inside: bool = Field(default=False, description="Whether to return LeNet5's feature maps.")


class Reading(BaseModel):
    """The networks' answer to a drawing, as the page shows it. Images are PNG data URLs."""

    digit: Digit | None = Field(description="The digit, or null if the drawing is not a digit.")
    sure: bool = Field(description="Whether the mean probability of the most probable digit is 90 % or more.")
    small: bool = Field(description="Whether the drawing is only a dot or a smear.")
    together: Probabilities = Field(description="The mean of both networks' probabilities.")
    probabilities: dict[Literal["lenet5", "ffnn"], Probabilities]
    image: str = Field(description="The 28 x 28 pixels that the networks see.")
    maps: dict[Literal["conv1", "conv2", "conv3"], str]
    provider: Provider
    milliseconds: float = Field(description="Time that the networks took.")
    waited: float = Field(description="Milliseconds that the question waited in the queue.")


class Correction(BaseModel):
    """A drawing and the digit that it shows."""

    canvas: Canvas
    digit: Annotated[Digit, Field(strict=True)]


class Kept(BaseModel):
    """The drawing is stored."""

    kept: int = Field(description="The number of stored drawings.")
    name: str = Field(description="The name of this drawing, with which it can be taken back.")


class TakingBack(BaseModel):
    """A drawing that shall no longer be stored."""

    name: str = Field(description="The name that /keep returned.")


class TakenBack(BaseModel):
    """The drawing is not stored, or no longer."""

    kept: int = Field(description="The number of stored drawings.")


class Prediction(BaseModel):
    """The networks' answer to a picture."""

    lenet5: ByDigit
    ffnn: ByDigit
    provider: Provider
    digit: Digit | None = Field(
        description="The digit that both networks read together, or null if the image is not a digit."
    )
    sure: bool = Field(description="Whether the mean probability of the most probable digit is 90 % or more.")


class Health(BaseModel):
    """The server works: it has just read a drawing."""

    status: Literal["ok"] = "ok"
    provider: Provider
    milliseconds: float


class Refusal(BaseModel):
    """The reason why a request was refused, and what to do instead."""

    detail: str
