"""Small notebooks for the tests of the tools."""

import nbformat

from tools import bootstrap


def code(id, source="1", outputs=(), count=None, tags=()):
    return nbformat.from_dict({
        "cell_type": "code", "id": id, "source": source, "execution_count": count,
        "outputs": list(outputs), "metadata": {"tags": list(tags)} if tags else {}})


def prose(id, source="text"):
    return nbformat.from_dict({
        "cell_type": "markdown", "id": id, "source": source, "metadata": {}})


def notebook(*cells):
    return nbformat.from_dict({
        "cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def shown(data, metadata=None):
    return {"output_type": "display_data", "data": data, "metadata": metadata or {}}


def error(text="boom"):
    return {"output_type": "error", "ename": "ValueError", "evalue": text, "traceback": [text]}


def start(count=1):
    """The bootstrap cell as it should be."""
    return code("bootstrap", bootstrap.SOURCE, count=count, tags=["bootstrap"])


def verdict_output(id, verdict, measured="1 of 1", when=""):
    record = {"id": id, "verdict": verdict, "measured": measured, "when": when, "seed": 42069}
    html = f'{id} <span class="measured">{measured}</span>'
    return shown({"text/plain": f"{id}: {verdict}", "text/html": html}, {"claim": record})
