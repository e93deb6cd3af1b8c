"""Measuring steroidsim against libRoadRunner and AMICI; see README.md.

Everything here runs from the root of a checkout, as ``python -m benchmarks.<module>``.
"""
