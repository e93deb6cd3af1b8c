"""SBML text from a few words, for tests of the reader."""

from __future__ import annotations

CORE = "http://www.sbml.org/sbml/level3/version2/core"
MATHML = "http://www.w3.org/1998/Math/MathML"
TIME_URL = "http://www.sbml.org/sbml/symbols/time"
RATE_URL = "http://www.sbml.org/sbml/symbols/rateOf"
DELAY_URL = "http://www.sbml.org/sbml/symbols/delay"


def sbml(body: str, model: str = "", root: str = "") -> str:
    """A Level 3 Version 2 file; `<f>...</f>` in the body is MathML."""
    body = body.replace("<f>", f'<math xmlns="{MATHML}">').replace("</f>", "</math>")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<sbml xmlns="{CORE}" level="3" version="2" {root}>'
        f'<model id="m" {model}>{body}</model></sbml>'
    )


def listed(kind: str, *elements: str) -> str:
    inside = "".join(elements)
    return f"<listOf{kind}>{inside}</listOf{kind}>" if inside else ""


def compartment(name: str, size: str = 'size="2"', constant: str = "true") -> str:
    return f'<compartment id="{name}" {size} spatialDimensions="3" constant="{constant}"/>'


def species(name: str, value: str = 'initialConcentration="1"', **flags: str) -> str:
    flags = {
        "compartment": "c",
        "hasOnlySubstanceUnits": "false",
        "boundaryCondition": "false",
        "constant": "false",
    } | flags
    attributes = " ".join(f'{k}="{v}"' for k, v in flags.items())
    return f'<species id="{name}" {value} {attributes}/>'


def parameter(name: str, value: str = 'value="3"', constant: str = "true") -> str:
    return f'<parameter id="{name}" {value} constant="{constant}"/>'


def reaction(name: str, reactants: str, products: str, law: str | None, local: str = "") -> str:
    def references(text: str) -> str:
        return "".join(
            f'<speciesReference species="{s}" stoichiometry="1" constant="true"/>'
            for s in text.split()
        )

    kinetic = "" if law is None else f"<kineticLaw><f>{law}</f>{local}</kineticLaw>"
    return (
        f'<reaction id="{name}" reversible="false">'
        + listed("Reactants", references(reactants))
        + listed("Products", references(products))
        + kinetic
        + "</reaction>"
    )


def ci(*names: str) -> str:
    return "".join(f"<ci>{name}</ci>" for name in names)


def times(*names: str) -> str:
    return f"<apply><times/>{ci(*names)}</apply>"


def assignment(name: str, maths: str) -> str:
    return f'<assignmentRule variable="{name}"><f>{maths}</f></assignmentRule>'


def initial(name: str, maths: str) -> str:
    return f'<initialAssignment symbol="{name}"><f>{maths}</f></initialAssignment>'


def csymbol(url: str, arguments: str) -> str:
    symbol = f'<csymbol encoding="text" definitionURL="{url}">f</csymbol>'
    return f"<apply>{symbol}{arguments}</apply>" if arguments else symbol


TIME = csymbol(TIME_URL, "")


def number(value: float) -> str:
    return f"<cn>{value}</cn>"


def call(operator: str, *arguments: str) -> str:
    """The MathML of an operator; an argument that is no MathML is a name."""
    inside = "".join(a if a.startswith("<") else ci(a) for a in arguments)
    return f"<apply><{operator}/>{inside}</apply>"


def rate(name: str, maths: str) -> str:
    return f'<rateRule variable="{name}"><f>{maths}</f></rateRule>'


def algebraic(maths: str) -> str:
    return f"<algebraicRule><f>{maths}</f></algebraicRule>"


def event(name: str, trigger: str, assignments: dict[str, str], inside: str = "") -> str:
    """A persistent event, false before t = 0 counts as true; `inside`: delay, priority."""
    body = "".join(
        f'<eventAssignment variable="{v}"><f>{maths}</f></eventAssignment>'
        for v, maths in assignments.items()
    )
    return (
        f'<event id="{name}" useValuesFromTriggerTime="true">'
        f'<trigger initialValue="true" persistent="true"><f>{trigger}</f></trigger>'
        f"{inside}<listOfEventAssignments>{body}</listOfEventAssignments></event>"
    )
