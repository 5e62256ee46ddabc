"""Limits on sizes, counts and waiting times of the server."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Sizes are in bytes, times in seconds. The table in README.md says what happens beyond each limit."""

    connections: int = 800
    """Connections open at the same time."""
    head_seconds: float = 10
    """Time for the head of a request to arrive."""
    taking_seconds: float = 30
    """Time that a client may stop reading its response."""
    idle_seconds: int = 75
    """Time between two requests of a connection. Most load balancers reuse theirs for 60 s and must find it open."""
    question_bytes: int = 2_710_000
    """Body of a request without a picture file."""
    strokes_bytes: int = 16_000
    """Body of the page's question about strokes. A larger one holds a picture, and is refused above `held_bytes`."""
    question_seconds: float = 30
    """Time for that body to arrive."""
    picture_bytes: int = 20_000_000
    """Body of a request with a picture."""
    picture_seconds: float = 60
    """Time for that body to arrive."""
    mcp_bytes: int = 4_000_000
    """Message of the Model Context Protocol."""
    held_bytes: int = 200_000_000
    """All request bodies in memory. Above it, pictures are refused."""
    drawing_bytes: int = 2_700_000
    """Data URL of a drawing. The page sends at most 15 kB for strokes and 2.62 MB for a picture."""
    drawing_pixels: int = 1_960_000
    """Pixels of a drawing. The page sends at most 1,400 x 1,400."""
    picture_pixels: int = 25_000_000
    """Pixels of a picture; decoding more takes too much memory. JPEG files are scaled down while they are decoded."""
    drawings_waiting: int = 200
    """Drawings in the queue: about a third of a second of work for two cores."""
    images_waiting: int = 50
    """Sheets of 28 x 28 images in the queue, by which the page explains an answer. They are read one at a time."""
    pictures_waiting: int = 100
    """Pictures in the queue. They are read one at a time, because a large one takes up to 450 MB."""
    queue_bytes: int = 5_000
    """Question to Gradio's queue, which keeps one question of each of the last 10,000 sessions."""
    uploads_bytes: int = 1_000_000_000
    """All stored files that were uploaded to Gradio's API."""
    uploads_seconds: float = 600
    """Time until an uploaded file is deleted."""
