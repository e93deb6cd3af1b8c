"""What a model is: a network of reactions, read from SBML or Antimony, and its tables."""
