"""How much the server takes, of what, and how long it waits for it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Sizes are in bytes, times in seconds. The table in README.md says what a client gets beyond each."""

    connections: int = 800
    """Open at once."""
    head_seconds: float = 10
    """For the head of a request to arrive."""
    taking_seconds: float = 30
    """Until a client takes more of the answer that is sent to it."""
    idle_seconds: int = 75
    """Between two requests of a connection. Load balancers mostly keep theirs for 60 s, and must not find it closed."""
    question_bytes: int = 60_000
    """Of the body of a request, unless it carries a picture."""
    question_seconds: float = 10
    """For that body to arrive."""
    picture_bytes: int = 20_000_000
    """Of a body that carries a picture."""
    picture_seconds: float = 60
    """For that body to arrive."""
    mcp_bytes: int = 4_000_000
    """Of a message of the Model Context Protocol."""
    held_bytes: int = 200_000_000
    """Of all bodies that are arriving. Beyond it no more pictures are taken."""
    drawing_bytes: int = 50_000
    """Of a drawing's data URL. The page sends 16 kB at most."""
    drawing_pixels: int = 100_000
    """Of a drawing. The page sends 280 x 280 at most."""
    picture_pixels: int = 25_000_000
    """Of a picture: more would take too much memory to decode. A JPEG is scaled down while it is decoded."""
    drawings_waiting: int = 200
    """That wait to be read: a third of a second's work for two cores."""
    pictures_waiting: int = 100
    """That wait to be read, one after the other: a large one takes up to 450 MB."""
    uploads_bytes: int = 1_000_000_000
    """Of all files uploaded to Gradio's API that are kept."""
    uploads_seconds: float = 600
    """For which an uploaded file is kept."""
