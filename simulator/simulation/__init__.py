"""Simulation: names in, integers in between, names out."""
