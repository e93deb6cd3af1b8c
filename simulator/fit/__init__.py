"""Fitting a model to measurements: likelihoods, priors, and what is searched."""
