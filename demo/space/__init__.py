"""Publish the demo, as a Hugging Face Space or as a page that needs no server."""
