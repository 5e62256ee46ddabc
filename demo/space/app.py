"""The app of a Hugging Face Space. python -m demo.space copies this file."""

from demo.networks.classifier import load
from demo.server import listen, serve

serve(listen(), load())
