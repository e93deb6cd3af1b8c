"""The response surface of MuSyC: four states of a cell, by which of two drugs it is affected."""

import numpy as np

# Parameters in the order of the arrays here. Efficacies are viabilities, all others logarithms.
PARAMETERS = ("E0", "E1", "E2", "E3", "h1", "h2", "C1", "C2", "alpha12", "alpha21")
EFFICACIES = 4

# Logarithms of (dose / C)^h are kept within this, so that their products stay finite.
FARTHEST = 120.0


def surface(
    log_a: np.ndarray, log_b: np.ndarray, parameters: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Viabilities (surfaces, points) and their derivatives (surfaces, points, parameters).

    log_a, log_b : logarithms of the doses of both drugs at each point, (points,), -inf for dose 0;
    parameters : (surfaces, 10), in the order of `PARAMETERS`.

    A cell is unaffected, affected by one drug, by the other, or by both, with viabilities E0, E1,
    E2 and E3. It passes into a state of drug 1 at the rate (d1 / C1)^h1 and out of it at 1; if
    it is in a state of drug 2 already, the dose counts alpha21-fold; the other drug likewise. The
    weights are those of the states at rest, by the matrix tree theorem: each is the sum over the
    four ways to leave out one of the four passages of the cycle.
    """
    effects = parameters[:, :EFFICACIES]
    h1, h2, c1, c2, a12, a21 = parameters[:, EFFICACIES:, None].swapaxes(0, 1)
    steep1, steep2 = np.exp(h1), np.exp(h2)
    # Rates into the states of a drug: without the other drug, and with it.
    log_rates = [
        np.clip(steep * (log_dose - c + shift), -FARTHEST, FARTHEST)
        for steep, log_dose, c, shift in (
            (steep1, log_a, c1, 0.0),
            (steep2, log_b, c2, 0.0),
            (steep1, log_a, c1, a21),
            (steep2, log_b, c2, a12),
        )
    ]
    a, b, a_on_b, b_on_a = (np.exp(rate) for rate in log_rates)
    both = a_on_b * b_on_a
    weights = np.stack(
        [
            2.0 + a_on_b + b_on_a,
            2.0 * a + a_on_b * (a + b),
            2.0 * b + b_on_a * (a + b),
            a_on_b * b + a * b_on_a + both * (a + b),
        ],
        axis=-1,
    )
    total = weights.sum(axis=-1, keepdims=True)
    shares = weights / total
    viability = (shares @ effects[:, :, None])[..., 0]
    # By a rate q: the sum over the states of (E - viability) dw/dq, over the sum of weights.
    gap0, gap1, gap2, gap3 = np.moveaxis(
        (effects[:, None, :] - viability[..., None]) / total, -1, 0
    )
    by_a = a * (gap1 * (2.0 + a_on_b) + gap2 * b_on_a + gap3 * (b_on_a + both))
    by_b = b * (gap2 * (2.0 + b_on_a) + gap1 * a_on_b + gap3 * (a_on_b + both))
    by_a_on_b = a_on_b * (gap0 + gap1 * (a + b) + gap3 * (b + b_on_a * (a + b)))
    by_b_on_a = b_on_a * (gap0 + gap2 * (a + b) + gap3 * (a + a_on_b * (a + b)))
    rates = [
        by_a * log_rates[0] + by_a_on_b * log_rates[2],
        by_b * log_rates[1] + by_b_on_a * log_rates[3],
        -steep1 * (by_a + by_a_on_b),
        -steep2 * (by_b + by_b_on_a),
        steep2 * by_b_on_a,
        steep1 * by_a_on_b,
    ]
    return viability, np.concatenate([shares, np.stack(rates, axis=-1)], axis=-1)
