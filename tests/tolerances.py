"""Every tolerance that a test compares with, by name and with its reason.

A bound stands here, not in the test, so that it is read beside the others and is never widened
without its reason being rewritten.
"""

# Agreement with libRoadRunner (CVODE) on every species over 96 h, both integrators at tight
# tolerance: |y - r| <= REFERENCE_RELATIVE |r| + REFERENCE_OF_MAXIMUM max_t |r|, r the reference.
# CVODE controls local error at 1e-10 to 1e-12 and its global error on stiff networks is some
# hundred times that; 1e-6 leaves room for it and is far below any difference a biologist reads.
REFERENCE_RELATIVE = 1e-6
REFERENCE_OF_MAXIMUM = 1e-9

# CVODE leaves traces of 1e-25 nM or so in a species that is absent and that nothing makes, where
# the exact value is 0; one molecule per cell is 2e-3 nM.
REFERENCE_DUST = 1e-18

# Order conditions of a Rosenbrock tableau are sums of a few products of its coefficients, which are
# given with 15 to 16 digits.
TABLEAU_ORDER_CONDITION = 1e-13

# A compiled function against the same mathematics in plain NumPy: the order of operations differs,
# so each of some hundred operations may cost one rounding.
COMPILED_TWIN_RELATIVE = 1e-12

# Conserved totals along SciPy's Radau: linear invariants are kept exactly by the method, so what
# remains is the round-off of some hundred steps.
CONSERVED_RELATIVE = 1e-11

# A state of rest is computed to round-off; condition numbers of the small test networks, and of the
# bundled model scaled by states and turnover, are below some thousand.
REST_RELATIVE = 1e-12

# libRoadRunner's NLEQ2 stops at its own tolerance.
REST_REFERENCE = 1e-8

# Eigenvalues of whole Jacobians beside those of their blocks: both have errors of some 1e-16 times
# the norm, which is a thousand times the eigenvalue compared.
REST_EIGENVALUE = 1e-10

# Central differences of states that are exact to round-off, step 1e-4: truncation 1e-8.
REST_DERIVATIVE = 1e-6

# Sums of eight weighted stages, relative to the sum of their magnitudes: one rounding for each term
# or so, whichever way products and sums are contracted.
STEP_TWIN_RELATIVE = 1e-15

# The step factor is computed by two steps of Newton's method, enough to choose a step by.
STEP_FACTOR = 1e-3

# Eliminations of small diagonally dominant matrices, of condition number below ten or so.
ELIMINATION_RELATIVE = 1e-13

# The C library's vector mathematics is within 4 ulp (https://sourceware.org/glibc/wiki/libmvec),
# the reference within 1.
VECTOR_FUNCTION_ULP = 5

# Two implementations of a function of the C library, each within some 2 ulp.
LIBRARY_FUNCTION_ULP = 4

# Events against libRoadRunner with steps of at most 0.01 and tight tolerances: it narrows the time
# of a trigger down to CVODE's root tolerance and restarts there.
EVENT_REFERENCE = 1e-6

# The time of an event is met to the resolution of time; each event, and the dozen steps to the
# next, may add one such error.
EVENT_TIME = 16

# SciPy's Radau at rtol = 1e-12, against an error of 1e-11 in each of some hundred steps.
RADAU_RELATIVE = 1e-8

# Sensitivities at rtol 1e-10 against analytic ones and against the complex step: errors of some
# hundred steps, each below the tolerance by the size of the state.
SENSITIVITY_RELATIVE = 1e-7

# Gradients of log-likelihoods against central differences of sixth order at rtol 1e-11, of the
# largest component (each by the relative change of its parameter): what the differences themselves
# leave, by their change with half the step, comes on top.
GRADIENT_RELATIVE = 1e-6

# Log-likelihoods against published ones, which were computed at tolerances of 1e-8 or so.
LOG_LIKELIHOOD_RELATIVE = 1e-5

# Probabilities of intervals beside SciPy's distribution functions: the width of an interval of 1e-6
# in values of 1 has lost six figures of sixteen.
INTERVAL_RELATIVE = 1e-10

# Searches by SciPy's simplex for six parameters or so stop a little short of the best, never beyond
# it but for rounding.
INNER_SEARCH = 1e-8

# Slopes by inner parameters where they are best, relative to the others: residuals of a closed form
# cancel to some hundred roundings, a Newton search stops at 1e-9 of its unknowns.
INNER_SLOPE = 1e-8

# Gradients against AMICI's (CVODES at rtol 1e-12), by the relative change of each parameter, of the
# largest one and of 1: terms of many measurements cancel near an optimum.
GRADIENT_OTHER_TOOL = 1e-5

# Log-likelihoods at which two searches of one optimum stop: where a step gains less than 1e-8.
SAME_OPTIMUM = 1e-4
