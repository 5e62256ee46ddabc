"""python -m demo: opens the sketchpad."""

import argparse
import sys

from demo.app import CSS, build
from demo.classifier import SetupError, load


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo", description="Draw a digit; two networks read it.")
    parser.add_argument("--device", choices=["auto", "cuda", "cpu"], default="auto", help="default: CUDA if it works")
    parser.add_argument("--host", help="address to listen on; default: 127.0.0.1, and 0.0.0.0 for every network")
    parser.add_argument("--port", type=int, help="default: the first free one from 7860")
    parser.add_argument("--share", action="store_true", help="open a public link through Gradio's servers")
    arguments = parser.parse_args()
    try:
        classifier = load(arguments.device)
        app = build(classifier)
        _, address, link = app.launch(
            server_name=arguments.host,
            server_port=arguments.port,
            share=arguments.share,
            css=CSS,
            max_file_size="20mb",
            run_history=False,
            enable_monitoring=False,
            footer_links=["api"],
            quiet=True,
            prevent_thread_lock=True,
        )
    except SetupError as error:
        sys.exit(f"python -m demo: {error}")
    except OSError:
        sys.exit(f"python -m demo: port {arguments.port} is in use; choose another with --port.")
    print(f"Draw at {link or address} (ONNX Runtime on {classifier.provider}). Ctrl+C stops it.", flush=True)
    app.block_thread()


if __name__ == "__main__":
    main()
