"""Models composed of other models (SBML's package comp), made one by libsbml."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from .sbml_document import parse, refuse

TIME_LIMIT = 60.0
"""Seconds; models with hundreds of parts take a fraction of one."""

# What libsbml's messages on composition begin with, before they say what is wrong.
_GENERAL = "Errors arose during the attempt to flatten"
_RULE = re.compile(r"^.*Reference: L3V1 Comp V1 Section [\d.]+ ")


def flattened(document: Any, text: str, source: str) -> tuple[Any, str]:
    """The document and its text with the models it is composed of made one.

    Definitions in other files are looked for beside `source`.

    Raises
    ------
    ModelError
        A model that it refers to cannot be found, or the parts do not fit together.
    """
    plugin = document.getPlugin("comp")
    if plugin is None:
        return document, text
    if plugin.getPrefix() != "comp":  # libsbml's converter assumes it
        refuse(source, [f'gives the package "comp" the prefix "{plugin.getPrefix()}", not "comp"'])
    flat, messages = _flatten(text, Path(source).resolve().as_uri() if _is_file(source) else "")
    place = "the models that it is composed of cannot be made one"
    if not flat:
        sentences = (" ".join(message.split()) for message in messages)
        reasons = [_RULE.sub("", s) for s in sentences if not s.startswith(_GENERAL)]
        refuse(source, [f"{place}: {reason}" for reason in reasons] or [place])
    return parse(flat, source), flat


def _is_file(source: str) -> bool:
    try:
        return Path(source).is_file()
    except OSError:
        return False


def _flatten(text: str, address: str) -> tuple[str, list[str]]:
    """As `flattener.flatten`, in a process of its own; nothing if that ends without an answer."""
    program = [sys.executable, "-P", str(Path(__file__).with_name("flattener.py"))]
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter on a file of this package
            program,
            input=json.dumps({"text": text, "address": address}),
            capture_output=True,
            encoding="utf-8",
            timeout=TIME_LIMIT,
            check=True,
        )
        flat, messages = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return "", []
    return flat, messages
