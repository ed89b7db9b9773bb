"""A network and its training outside of Python: a site that trains in a browser tab, or one ONNX file."""
