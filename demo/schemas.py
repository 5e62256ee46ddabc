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
Network = Literal["lenet5", "ffnn"]
Number = Annotated[
    str,
    Field(description="The digits as text: ? for ink that is not a digit, lines joined by newlines, blank for none."),
]
Box = Annotated[
    list[float],
    Field(
        min_length=4, max_length=4, description="Left, top, right and bottom in pixels of the picture that was sent."
    ),
]
Provider = Annotated[classifier.Provider, Field(description="What ran the networks.")]


class Question(BaseModel):
    """A drawing to read."""

    canvas: Canvas
    inside: Annotated[int, Field(ge=0, strict=True)] | None = Field(
        default=None, description="The digit whose feature maps of LeNet5 shall be returned, counted from 0."
    )
    forms: bool = Field(default=False, description="Whether the form of each digit shall be returned.")
    moving: bool = Field(
        default=False, description="Whether the pen still moves. The question then waits for those of lifted pens."
    )


class Form(BaseModel):
    """What learned forms of digits are compared by. Both are bytes as base64."""

    ink: str = Field(description="The 28 x 28 pixels that the networks see, row by row: 255 is ink, 0 is paper.")
    fc6: str = Field(description="The 84 values of LeNet5's layer FC6, -1 to 1, as signed bytes of -127 to 127.")


class ReadDigit(BaseModel):
    """One piece of ink of a drawing, as the page shows it. Images are PNG data URLs."""

    digit: Digit | None = Field(description="The digit, or null if the ink is not a digit.")
    sure: bool = Field(description="Whether it is a digit, with a mean probability of 90 % or more.")
    line: int = Field(ge=0, description="The line that it stands in, counted from 0 at the top.")
    box: Box
    together: Probabilities = Field(description="The mean of both networks' probabilities.")
    probabilities: dict[Network, Probabilities]
    image: str = Field(description="The 28 x 28 pixels that the networks see.")
    maps: dict[Literal["conv1", "conv2", "conv3"], str] | None = Field(description="LeNet5's feature maps, if wanted.")
    fc6: list[float] | None = Field(description="LeNet5's last layer but one: 84 numbers from -1 to 1, if wanted.")
    pixels: list[Annotated[int, Field(ge=0, le=255)]] | None = Field(
        description="The ink of the 784 pixels that the networks see, row by row, 255 for full ink, if wanted."
    )
    form: Form | None = Field(description="What tells this ink from that of other forms of digits, if wanted.")


class Reading(BaseModel):
    """What the networks read in a drawing, as the page shows it."""

    number: Number
    digits: list[ReadDigit] = Field(description="All pieces of ink in reading order.")
    model: str = Field(description="The SHA-256 of reader.onnx.")
    provider: Provider
    milliseconds: float = Field(description="Time that the networks took.")
    waited: float = Field(description="Milliseconds that the question waited in the queue.")


class Images(BaseModel):
    """Images to read without looking for digits first."""

    images: Annotated[
        str,
        Field(description="Images of 28 x 28 pixels, black on white, side by side: a PNG or JPEG as data URL."),
    ]


class ImageProbabilities(BaseModel):
    """Both networks' answers to each image, row by row."""

    lenet5: list[Probabilities]
    ffnn: list[Probabilities]


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


class PredictedDigit(BaseModel):
    """One piece of ink of a picture, and the networks' answer to it."""

    digit: Digit | None = Field(description="The digit that both networks read together, or null if it is not one.")
    sure: bool = Field(description="Whether it is a digit, with a mean probability of 90 % or more.")
    line: int = Field(ge=0, description="The line that it stands in, counted from 0 at the top.")
    box: Box
    lenet5: ByDigit
    ffnn: ByDigit


class Prediction(BaseModel):
    """What the networks read in a picture.

    `lenet5`, `ffnn`, `digit` and `sure` are about the only digit. Of a picture with several, `digits` tells them.
    """

    lenet5: ByDigit | None = Field(description="Probability of each digit; null if there are several.")
    ffnn: ByDigit | None = Field(description="Probability of each digit; null if there are several.")
    provider: Provider
    digit: Digit | None = Field(
        description="The only digit, as both networks read it together; null if there is none or several."
    )
    sure: bool = Field(description="Whether there is one digit, with a mean probability of 90 % or more.")
    number: Number
    digits: list[PredictedDigit] = Field(description="All pieces of ink in reading order.")


class Health(BaseModel):
    """The server works: it has just read a drawing."""

    status: Literal["ok"] = "ok"
    provider: Provider
    milliseconds: float


class Refusal(BaseModel):
    """The reason why a request was refused, and what to do instead."""

    detail: str
