"""Settings of the documentation's site: `make docs`.

The source directory of Sphinx is the checkout itself (`sphinx-build -c docs . build/docs`), so that
a relative link in a page - to a notebook, to a model's README - leads to the same place in the
repository and in the site.
"""

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))

from docs.hooks import (  # noqa: E402
    add_figures,
    add_math,
    leave_start_page,
    show_executed,
    unlink_folders,
)
from simulator import __version__  # noqa: E402

project = "steroidsim"
author = "The steroidsim authors"
project_copyright = author
version = release = __version__
language = "en-GB"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]

# What is a page. Everything else that a page links to is offered as a download.
root_doc = "docs/index"
include_patterns = [
    "docs/**",
    "notebooks/*.ipynb",
    "models/*/README.md",
    "models/*/blots/README.md",
    "benchmarks/README.md",
    "CHANGELOG.md",
]
exclude_patterns = [".*", "build", "results", "dist", "tests", "simulator", "**/.ipynb_checkpoints"]

# Headings get anchors by the rule of GitHub, so that `page.md#a-heading` works in both places.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "dollarmath"]
nb_execution_mode = "off"  # `make notebooks` executes them; `show_executed` shows what came out
nb_merge_streams = True

# Docstrings write code in single backticks; types outside the project have no page here.
default_role = "code"
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]
napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 72
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"
add_module_names = False

html_theme = "furo"
html_title = f"steroidsim {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"  # browsers draw it themselves, also without a network
html_show_sourcelink = False
html_show_copyright = False
copybutton_prompt_text = r">>> |\$ "
copybutton_prompt_is_regexp = True


def setup(app):
    """Connect what `docs/hooks.py` does."""
    add_math(app)
    app.connect("source-read", show_executed)
    app.connect("source-read", add_figures)
    app.connect("source-read", unlink_folders)
    app.connect("build-finished", leave_start_page)
