"""The Space's app: laid out by python -m demo.space."""

from demo.networks.classifier import load
from demo.server import listen, serve

serve(listen(), load())
