"""SBML text as a libsbml document that is safe to read on, or a refusal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import ModelError

_START_TAG = re.compile(r"<(?:\w+:)?sbml\b[^>]*>")
_ATTRIBUTE = re.compile(r"""(?<=\s)([\w:]+)\s*=\s*["']([^"']*)["']""")
# What libsbml's messages on composition begin with, before they say what is wrong.
_GENERAL = "Errors arose during the attempt to flatten"
_RULE = re.compile(r"^.*Reference: L3V1 Comp V1 Section [\d.]+ ")
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


def flattened(document: Any, source: str) -> tuple[Any, str] | None:
    """The document, and its text, with the models it is composed of (package comp) made one.

    None if it is not composed. Definitions in other files are looked for beside `source`.

    Raises
    ------
    ModelError
        A model that it refers to cannot be found, or the parts do not fit together.
    """
    import libsbml

    plugin = document.getPlugin("comp")
    if plugin is None:
        return None
    if plugin.getPrefix() != "comp":  # libsbml's converter assumes it
        refuse(source, [f'gives the package "comp" the prefix "{plugin.getPrefix()}", not "comp"'])
    if Path(source).is_file():
        document.setLocationURI(Path(source).resolve().as_uri())
    options = libsbml.ConversionProperties()
    options.addOption("flatten comp", True)
    options.addOption("performValidation", False)
    options.addOption("abortIfUnflattenable", "none")
    before = document.getNumErrors()
    if document.convert(options) != libsbml.LIBSBML_OPERATION_SUCCESS:
        found = [document.getError(i) for i in range(before, document.getNumErrors())]
        messages = (" ".join(e.getMessage().split()) for e in found if e.getSeverity() > 1)
        reasons = [_RULE.sub("", m) for m in messages if not m.startswith(_GENERAL)]
        place = "the models that it is composed of cannot be made one"
        refuse(source, [f"{place}: {reason}" for reason in reasons] or [place])
    return document, str(libsbml.writeSBMLToString(document))


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
