"""What published findings say, and whether a model reproduces them.

`evaluate(model)` reads the model folder's findings.yaml, simulates everything its checks need in
two calls, and scores each check against its bound.
"""

from .scoring import CheckResult, FindingResult, LeafResult, Results, Survey, evaluate

__all__ = ["CheckResult", "FindingResult", "LeafResult", "Results", "Survey", "evaluate"]
