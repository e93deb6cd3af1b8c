"""Fitting a model to measurements: likelihoods, priors, sensitivities, and what is searched.

problem = simulator.fit.Problem("problem.yaml")  # PEtab, version 1 or 2
problem.log_likelihood(), problem.gradient()
"""

from .problem import Problem

__all__ = ["Problem"]
