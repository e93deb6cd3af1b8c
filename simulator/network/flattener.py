"""Makes one model of a composed one; run as a program of its own by `composition`.

libsbml's converter can bring down its process on models that are not well composed, which must not
be the user's. It reads the text and the address of its file from standard input, as JSON, and
writes the flat text, or what is wrong, likewise.
"""

import json
import sys

import libsbml


def flatten(text: str, address: str) -> tuple[str, list[str]]:
    """The flat text and no messages, or an empty text and libsbml's messages."""
    document = libsbml.readSBMLFromString(text)
    if address:
        document.setLocationURI(address)  # where models in other files are looked for
    options = libsbml.ConversionProperties()
    options.addOption("flatten comp", True)
    options.addOption("performValidation", False)
    options.addOption("abortIfUnflattenable", "none")
    before = document.getNumErrors()
    if document.convert(options) == libsbml.LIBSBML_OPERATION_SUCCESS:
        return libsbml.writeSBMLToString(document), []
    found = [document.getError(i) for i in range(before, document.getNumErrors())]
    return "", [e.getMessage() for e in found if e.getSeverity() >= libsbml.LIBSBML_SEV_ERROR]


if __name__ == "__main__":
    json.dump(flatten(**json.load(sys.stdin)), sys.stdout)
