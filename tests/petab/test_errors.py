"""Whatever is wrong is told at once, with its file, line and column and the nearest valid name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.errors import ModelError
from simulator.petab_problem import read_problem

from .cases import VERSION_1, VERSION_2, write

ONE, TWO = (VERSION_1, VERSION_2)


def told(folder, files, *edits, **options):
    """The lines of the error, without the folder."""
    with pytest.raises(ModelError) as error:
        read_problem(write(folder, files, *edits), **options)
    return [line.replace(f"{folder.as_posix()}/", "") for line in str(error.value).splitlines()]


# what is spoilt: (problem, file, text, new text, the one line that is told)
SPOILT = [
    # parameters
    (ONE, "parameters.tsv", "sigma lin 0 1 0.1 0", "sigma lin 0 1 0.1 0\ntotl lin 0 1 1 1",
     'parameters.tsv: parameterId "totl" is no parameter of model.ant, and no table uses it. '
     'Nearest: "total".'),
    (ONE, "parameters.tsv", "scale lin", "sigma lin",
     'parameters.tsv:4: parameterId "sigma" is there already, in line 3.'),
    (ONE, "parameters.tsv", "k2 log10", "k2 lgo10",
     'parameters.tsv:2: parameterScale is "lgo10"; it must be one of: lin, log, log10.'),
    (ONE, "parameters.tsv", "0.01 10", "0 10",
     "parameters.tsv:2: lowerBound is 0; on a log10 scale it must be > 0."),
    (ONE, "parameters.tsv", "0.01 10", "10 0.01",
     "parameters.tsv:2: lowerBound 10 is above upperBound 0.01."),
    (ONE, "parameters.tsv", "10 0.6", "10 0,6",
     'parameters.tsv:2: nominalValue is "0,6"; it must be a number. Write 0.6.'),
    (ONE, "parameters.tsv", "0.1 0", "nan 0",
     'parameters.tsv:4: nominalValue is "nan"; it must be a number.'),
    (ONE, "parameters.tsv", "10 2 1", "10 2 yes",
     'parameters.tsv:3: estimate is "yes"; it must be 1 or 0.'),
    (ONE, "parameters.tsv", "10 2 1", "10 2 true",
     'parameters.tsv:3: estimate is "true"; it must be 1 or 0.'),
    (ONE, "parameters.tsv", "sigma lin 0 1 0.1 0", "sigma lin 0 1 0.1 0\ntotal lin 0 1 1 1",
     'parameters.tsv:5: parameterId "total" is a parameter of model.ant whose value an assignment '
     "rule gives."),
    (ONE, "parameters.tsv", "sigma lin 0 1 0.1 0", "sigma lin 0 1 0.1 0\nB lin 0 1 1 1",
     'parameters.tsv:5: parameterId "B" is a species of model.ant.'),
    (ONE, "parameters.tsv", "nominalValue", "nominalValues",
     'parameters.tsv:1: has an unknown column "nominalValues". Nearest: "nominalValue".'),
    (TWO, "parameters.tsv", "normal 1;2", "norml 1;2",
     'parameters.tsv:2: priorDistribution is "norml"; it must be one of: cauchy, chisquare, '
     "exponential, gamma, laplace, log-laplace, log-normal, log-uniform, normal, rayleigh, "
     "uniform."),
    (TWO, "parameters.tsv", "1;2", "1",
     'parameters.tsv:2: priorParameters is "1"; normal has mean ; standard deviation.'),
    (TWO, "parameters.tsv", "1;2", "1;-2",
     'parameters.tsv:2: priorParameters is "1;-2"; the standard deviation must be > 0 and finite.'),
    (TWO, "parameters.tsv", "1;2", "1,5;2",
     'parameters.tsv:2: priorParameters is "1,5;2"; it must be numbers with ; between. Write 1.5.'),
    (TWO, "parameters.tsv", "normal 1;2", "log-uniform 0;2",
     'parameters.tsv:2: priorParameters is "0;2"; the lower end must be below the upper one, and '
     "> 0."),
    (TWO, "parameters.tsv", "_ _ 0.1 false", "_ _ 0.1 true",
     "parameters.tsv:4: lowerBound is empty; it must be a number or -inf or inf."),
    (TWO, "parameters.tsv", "sigma _", "9sigma _",
     'parameters.tsv:4: parameterId is "9sigma"; an id has letters, digits and _ only, and no '
     "digit first."),
    # conditions and experiments
    (ONE, "conditions.tsv", "k1 B", "totl B",
     'conditions.tsv: column "totl" is no parameter, species or compartment of model.ant.'),
    (ONE, "conditions.tsv", "k1 B", "total B",
     'conditions.tsv: column "total" follows an assignment rule of model.ant, so nothing can set '
     "it."),
    (ONE, "conditions.tsv", "k1 B", "k2 B",
     'conditions.tsv: column "k2" is in the parameter table also; one of them must say it.'),
    (ONE, "conditions.tsv", "0.9", "scael",
     'conditions.tsv:3: k1 has "scael", which is no parameter of the parameter table. '
     'Nearest: "scale".'),
    (ONE, "conditions.tsv", "0.9", "0,9",
     'conditions.tsv:3: k1 has "0,9", which is no number or id. Write 0.9.'),
    (TWO, "conditions.tsv", "dose A", "dose cel",
     'conditions.tsv:5: targetId "cel" is no parameter, species or compartment of model.ant. '
     'Nearest: "cell".'),
    (TWO, "conditions.tsv", "A+factor", "A+fcator",
     'conditions.tsv:5: targetValue uses "fcator", which is no id of model.ant and no parameter. '
     'Nearest: "factor".'),
    (TWO, "conditions.tsv", "2*factor", "2*A",
     'conditions.tsv:3: targetValue uses "A", which is no id of the parameter table, as a first '
     "period's values must be."),
    (TWO, "conditions.tsv", "rest B", "rest k1",
     'conditions.tsv:3: condition "rest" sets "k1" twice.'),
    (TWO, "conditions.tsv", "A+factor", "A+",
     'conditions.tsv:5: targetValue: the formula "A+" cannot be read: its end is unexpected.'),
    (TWO, "experiments.tsv", "20 dose", "20 does",
     'experiments.tsv:4: conditionId "does" is not in the condition table. Nearest: "dose".'),
    (TWO, "experiments.tsv", "20 dose", "20 dose\ne1 20 dose",
     'experiments.tsv:5: conditionId "dose" is there twice at this time.'),
    (TWO, "experiments.tsv", "20 dose", "5 rest",
     'experiments.tsv:4: conditions "run" and "rest" both set "k1".'),
    (TWO, "experiments.tsv", "20 dose", "inf dose",
     'experiments.tsv:4: time is "inf"; it must be a number or -inf.'),
    # observables
    (ONE, "observables.tsv", "logged B", "obs B",
     'observables.tsv:3: observableId "obs" is there already, in line 2.'),
    (ONE, "observables.tsv", "B log10", "Bb log10",
     'observables.tsv:3: observableFormula uses "Bb", which is no id of model.ant, no parameter '
     'and no placeholder. Nearest: "B".'),
    (ONE, "observables.tsv", "log10 0.1", "log2 0.1",
     'observables.tsv:3: observableTransformation is "log2"; it must be one of: lin, log, log10.'),
    (ONE, "observables.tsv", "0.1 laplace", "0.1 log-normal",
     'observables.tsv:3: noiseDistribution is "log-normal"; it must be one of: normal, laplace.'),
    (ONE, "observables.tsv", "B log10", "B*(1 log10",
     'observables.tsv:3: observableFormula: the formula "B*(1" cannot be read: its end is '
     'unexpected, ")" is expected.'),
    (ONE, "observables.tsv", "B log10", "exec(B) log10",
     'observables.tsv:3: observableFormula: the formula "exec(B)" calls "exec", which is no '
     "function of PEtab."),
    (ONE, "observables.tsv", "logged B log10 0.1", "logged B log10 _",
     "observables.tsv:3: noiseFormula is empty; it must be a formula."),
    (ONE, "observables.tsv", "noiseParameter1_obs", "noiseParameter1_obs*noiseParameter3_obs",
     "observables.tsv:2: uses noiseParameter3_obs, but not noiseParameter2_obs."),
    (TWO, "observables.tsv", "normal gain spread", "normal gain;gain spread",
     'observables.tsv:2: observablePlaceholders has "gain" twice.'),
    # measurements
    (ONE, "measurements.tsv", "obs rest run", "obz rest run",
     'measurements.tsv:3: observableId "obz" is not in the observable table. Nearest: "obs".'),
    (ONE, "measurements.tsv", "logged _ rest", "logged _ rset",
     'measurements.tsv:4: simulationConditionId "rset" is not in the condition table. '
     'Nearest: "rest".'),
    (ONE, "measurements.tsv", "rest run", "rum run",
     'measurements.tsv:3: preequilibrationConditionId "rum" is not in the condition table. '
     'Nearest: "run".'),
    (ONE, "measurements.tsv", "obs rest run 0.2", "obs rest _ 0.2",
     "measurements.tsv:3: simulationConditionId is empty; it must be in the condition table."),
    (ONE, "measurements.tsv", "run 0.2", "run NaN",
     'measurements.tsv:3: measurement is "NaN"; it must be a number.'),
    (ONE, "measurements.tsv", "run 0.2", "run 0,2",
     'measurements.tsv:3: measurement is "0,2"; it must be a number. Write 0.2.'),
    (ONE, "measurements.tsv", "rest 0.4", "rest -0.4",
     'measurements.tsv:4: measurement is -0.4; of "logged", compared as logarithms, it must be '
     "> 0."),
    (ONE, "measurements.tsv", "0.2 10", "0.2 ten",
     'measurements.tsv:3: time is "ten"; it must be a number or inf.'),
    (ONE, "measurements.tsv", "0.2 10", "0.2 -10",
     "measurements.tsv:3: time is -10; the experiment starts at 0."),
    (TWO, "measurements.tsv", "0.7 5", "0.7 4",
     "measurements.tsv:2: time is 4; the experiment starts at 5."),
    (ONE, "measurements.tsv", "2.5 0.3", "2.5;1 0.3",
     'measurements.tsv:3: observableParameters has 2 values; "obs" needs 1: '
     "observableParameter1_obs."),
    (ONE, "measurements.tsv", "inf _ _", "inf _ 0.1",
     'measurements.tsv:4: noiseParameters has 1 values; "logged" needs 0: none.'),
    (ONE, "measurements.tsv", "2.5 0.3", "2.5 sigmo",
     'measurements.tsv:3: noiseParameters has "sigmo", which is no parameter of the parameter '
     'table. Nearest: "sigma".'),
    (TWO, "measurements.tsv", "obs e1", "obs e12",
     'measurements.tsv:2: experimentId "e12" is not in the experiment table. Nearest: "e1".'),
    (ONE, "measurements.tsv", "measurement time", "measurment time",
     'measurements.tsv:1: has no column "measurement". Nearest: "measurment".'),
    (ONE, "measurements.tsv", "2.5 0.3", "2.5 0.3 9",
     "measurements.tsv:3: has 8 fields; the header has 7."),
    # mapping
    (TWO, "mapping.tsv", "rest _ at_rest", "speed k1 _",
     'mapping.tsv:2: modelEntityId "k1" is an id already; use it instead of "speed".'),
    (TWO, "mapping.tsv", "rest _ at_rest", "speed J1.k _",
     'mapping.tsv:2: modelEntityId "J1.k" is no id of model.ant. Nearest: "J1".'),
    # the yaml file and the model
    (ONE, "problem.yaml", "format_version: 1", "format_version: 3",
     "problem.yaml: format_version is 3; it must be 1 or 2.0.0."),
    (ONE, "problem.yaml", "parameter_file:", "parameter_fil:",
     'problem.yaml: has an unknown key "parameter_fil". Nearest: "parameter_file".'),
    (ONE, "problem.yaml", "[conditions.tsv]", "[conditionz.tsv]",
     "conditionz.tsv: is missing."),
    (ONE, "problem.yaml", "[model.ant]", "[model.ant, other.ant]",
     "problem.yaml: has 2 sbml_files; one model is supported."),
    (ONE, "problem.yaml", "problems:", "extensions: {sciml: {version: 0.1.0}}\nproblems:",
     'problem.yaml: uses the extension "sciml"; no extension is supported.'),
    (ONE, "problem.yaml", "problems:", "problems:\n- {}",
     "problem.yaml: has 2 entries under problems; one is supported: write a file for each of "
     "them."),
    (ONE, "problem.yaml", "[conditions.tsv]", "[../conditions.tsv]",
     'problem.yaml: condition_files names "../conditions.tsv", which leaves the problem\'s folder; '
     "that is read with allow_outside=True only."),
    (ONE, "problem.yaml", "[conditions.tsv]", "[/conditions.tsv]",
     'problem.yaml: condition_files names "/conditions.tsv", which leaves the problem\'s folder; '
     "that is read with allow_outside=True only."),
    (ONE, "problem.yaml", "[conditions.tsv]", "['https://x.org/c.tsv']",
     'problem.yaml: condition_files names "https://x.org/c.tsv"; files are read from the '
     "problem's folder only."),
    (TWO, "problem.yaml", "language: antimony", "language: bngl",
     'problem.yaml: the language of model "small" is "bngl"; it must be one of: sbml, antimony.'),
    (TWO, "problem.yaml", "format_version: 2.0.0", "format_version: 2.0.0\nextensions: {sciml: {}}",
     'problem.yaml: uses the extension "sciml"; no extension is supported.'),
    (ONE, "model.ant", "; k2 = 0.6", "; k2 = ",
     'model.ant: parameter "k2" has no value, and reaction "J2" needs one; give it a value, an '
     "initial assignment or an assignment rule"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "file", "old", "new", "line"), SPOILT, ids=[spoilt[4][:60] for spoilt in SPOILT]
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, files, file, old, new, line):
    assert line in told(tmp_path, files, (file, old, new))


def test_everything_is_told_at_once(tmp_path):
    lines = told(
        tmp_path,
        VERSION_1,
        ("parameters.tsv", "0.01 10", "10 0.01"),
        ("conditions.tsv", "0.9", "scael"),
        ("observables.tsv", "B log10", "Bb log10"),
        ("measurements.tsv", "run 0.2", "run 0,2"),
        ("measurements.tsv", "logged _ rest 0.4", "logged _ rset nan"),
    )
    assert [line.partition(": ")[0] for line in lines] == [
        "parameters.tsv:2", "conditions.tsv:3", "measurements.tsv:3", "measurements.tsv:4",
        "measurements.tsv:4", "observables.tsv:3",
    ]  # fmt: skip


def test_a_model_that_cannot_be_read_does_not_hide_what_the_tables_have(tmp_path):
    lines = told(
        tmp_path,
        VERSION_1,
        ("problem.yaml", "model.ant", "modle.ant"),
        ("measurements.tsv", "run 0.2", "run 0,2"),
    )
    assert lines == [
        "modle.ant: is missing.",
        'measurements.tsv:3: measurement is "0,2"; it must be a number. Write 0.2.',
    ]


@pytest.mark.parametrize(
    ("files", "file", "old", "new", "line"),
    [
        (ONE, "observables.tsv", "B log10", "B*( log10",
         'observables.tsv:3: observableFormula: the formula "B*(" cannot be read: its end is '
         "unexpected."),
        (ONE, "observables.tsv", "noiseFormula", "sigma",
         'observables.tsv:1: has no column "noiseFormula".'),
        (ONE, "parameters.tsv", "estimate", "fitted",
         'parameters.tsv:1: has no column "estimate".'),
        (TWO, "conditions.tsv", "targetValue", "value",
         'conditions.tsv:1: has no column "targetValue". Nearest: "value".'),
        (TWO, "experiments.tsv", "time", "start", 'experiments.tsv:1: has no column "time".'),
        (ONE, "conditions.tsv", "conditionId", "condition",
         'conditions.tsv:1: has no column "conditionId". Nearest: "condition".'),
        (ONE, "conditions.tsv", "rest", '"rest"s',
         "conditions.tsv:2: is no tab-separated row ('\t' expected after '\"')."),
    ],
)  # fmt: skip
def test_what_follows_from_a_problem_is_not_told(tmp_path, files, file, old, new, line):
    assert told(tmp_path, files, (file, old, new)) == [line]


def test_what_observables_need_must_be_set_in_each_experiment(tmp_path):
    """A symbol that only conditions know, and one of them leaves empty."""
    edits = [
        ("conditions.tsv", "k1 B", "offset B"),
        ("observables.tsv", "B log10", "B+offset log10"),
    ]
    read_problem(write(tmp_path, VERSION_1, *edits))
    assert told(tmp_path, VERSION_1, *edits, ("conditions.tsv", "0.3 2", "_ 2")) == [
        'measurements.tsv:4: observable "logged" uses "offset", to which experiment "rest" gives '
        "no value."
    ]


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    outside = tmp_path / "outside.tsv"
    inner = tmp_path / "inner"
    inner.mkdir()
    path = write(inner, VERSION_1)
    (inner / "conditions.tsv").rename(outside)
    (inner / "conditions.tsv").symlink_to(outside)
    with pytest.raises(ModelError, match="leaves the problem's folder"):
        read_problem(path)
    read_problem(path, allow_outside=True)


@pytest.mark.parametrize("name", ["../other.ant", "/other.ant", "file:///other.ant"])
def test_a_model_that_draws_in_files_from_outside_is_refused(tmp_path, name):
    (tmp_path / "inner.ant").write_text(f'import "{name}"\nmodel inner\n  x = 1\nend\n')
    edit = ("model.ant", "model small", 'import "inner.ant"\nmodel small')
    assert told(tmp_path, VERSION_1, edit) == [
        f'inner.ant: refers to "{name}", which leaves the model\'s folder; that is read with '
        "allow_outside=True only."
    ]
    (tmp_path / "inner.ant").write_text("model inner\n  x = 1\nend\n")
    read_problem(write(tmp_path, VERSION_1, edit))


def test_two_models_are_refused(tmp_path):
    second = "language: antimony}\n  other: {location: model.ant, language: antimony}"
    assert told(tmp_path, VERSION_2, ("problem.yaml", "language: antimony}", second)) == [
        "problem.yaml: has 2 model_files; one model is supported."
    ]


def test_a_missing_problem_file_is_told(tmp_path):
    with pytest.raises(ModelError, match=r"nothing\.yaml: is missing"):
        read_problem(tmp_path / "nothing.yaml")


CELLS = ["", "_", "nan", "-1", "0", "1e400", "inf", "-inf", "A", "B+k1", "total", "obs", ";", "1;2"]


@pytest.mark.parametrize("files", [ONE, TWO], ids=["version 1", "version 2"])
@given(data=st.data())
@settings(max_examples=40)
def test_any_cell_may_be_anything(tmp_path_factory, files, data):
    """A table with three cells replaced is read, or refused in words."""
    files = dict(files)
    for _ in range(3):
        name = data.draw(st.sampled_from([name for name in files if name.endswith(".tsv")]))
        rows = [row.split(" ") for row in files[name].strip().splitlines()]
        row = data.draw(st.integers(0, len(rows) - 1))
        column = data.draw(st.integers(0, len(rows[row]) - 1))
        printable = st.text(st.characters(exclude_characters=" \r\n", exclude_categories=["Cs"]))
        rows[row][column] = data.draw(st.sampled_from(CELLS) | printable)
        files[name] = "\n".join(" ".join(row) for row in rows)
    try:
        read_problem(write(tmp_path_factory.mktemp("any"), files))
    except ModelError as error:
        assert all(": " in line for line in str(error).splitlines())
