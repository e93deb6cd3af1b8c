"""SBML text as a libsbml document that is safe to read on, or a refusal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import ModelError

_START_TAG = re.compile(r"<(?:\w+:)?sbml\b[^>]*>")
_ATTRIBUTE = re.compile(r"""(?<=\s)([\w:]+)\s*=\s*["']([^"']*)["']""")
_VERSIONS = {
    ("2", "1"): "http://www.sbml.org/sbml/level2",
    **{("2", v): f"http://www.sbml.org/sbml/level2/version{v}" for v in "2345"},
    **{("3", v): f"http://www.sbml.org/sbml/level3/version{v}/core" for v in "12"},
}


def parse(text: str, source: str) -> Any:
    """The libsbml `SBMLDocument` of a text; it has a model.

    Raises
    ------
    ModelError
        libsbml cannot read the text, or it holds no model of SBML Level 2 or 3.
    """
    import libsbml

    refuse(source, _unknown_version(text))
    document = libsbml.readSBMLFromString(text)
    refuse(source, _unreadable(document))
    if document.getModel() is None:
        refuse(source, ["holds no SBML model"])
    return document


def refuse(source: str, sentences: Iterable[str]) -> None:
    """Raise a `ModelError` of one line for each sentence, if there is any."""
    lines = [f"{source}:{s}" if s[:1].isdigit() else f"{source}: {s}" for s in sentences]
    if lines:
        raise ModelError("\n".join(lines))


def _unknown_version(text: str) -> Iterator[str]:
    """A level, version and namespace that do not agree: libsbml may abort the process on those."""
    tag = _START_TAG.search(text)
    if tag is None:
        return
    attributes = dict(_ATTRIBUTE.findall(tag[0]))
    level, version = attributes.get("level", ""), attributes.get("version", "")
    namespaces = {uri for name, uri in attributes.items() if name.split(":")[0] == "xmlns"}
    if level == "1":
        yield "is SBML Level 1; Levels 2 and 3 are supported"
    elif (level, version) not in _VERSIONS:
        yield (
            f'is SBML Level "{level}" Version "{version}"; '
            "Level 2 Versions 1 to 5 and Level 3 Versions 1 and 2 are supported"
        )
    elif _VERSIONS[level, version] not in namespaces:
        yield (
            f"is SBML Level {level} Version {version} but does not declare its namespace, "
            f'"{_VERSIONS[level, version]}"'
        )


def _unreadable(document: Any) -> Iterator[str]:
    """What libsbml could not read: `line: its sentence`."""
    import libsbml

    for i in range(document.getNumErrors()):
        error = document.getError(i)
        if error.getErrorId() in (libsbml.MissingXMLEncoding, libsbml.RequiredPackagePresent):
            continue  # without an encoding it is UTF-8; packages are refused with all else
        if error.getSeverity() >= libsbml.LIBSBML_SEV_ERROR:
            sentence = " ".join(error.getMessage().split())
            yield f"{error.getLine()}: {sentence}"


def required_packages(document: Any) -> Iterator[str]:
    """A sentence for each package without which the mathematics is not complete."""
    if document.getLevel() < 3:
        return  # packages are Level 3; older files keep layouts in annotations
    sentence = 'requires the SBML package "{}", which is not supported'
    for i in range(document.getNumPlugins()):
        plugin = document.getPlugin(i)
        if plugin.getPackageName() == "l3v2extendedmath":
            continue  # the mathematics of Level 3 Version 2, which is read
        if document.getPackageRequired(plugin.getURI()):
            yield sentence.format(plugin.getPackageName())
    for i in range(document.getNumUnknownPackages()):
        if document.getPackageRequired(document.getUnknownPackageURI(i)):
            yield sentence.format(document.getUnknownPackagePrefix(i))
