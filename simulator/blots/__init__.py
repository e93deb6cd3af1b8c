"""Blots: tables of band intensities, and the PEtab problems that can be made of them."""

from .problem import BlotProblem, Choices, blots_to_petab

__all__ = ["blots_to_petab", "BlotProblem", "Choices"]
