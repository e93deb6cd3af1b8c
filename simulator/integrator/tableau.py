"""Coefficients of one-step methods: Rosenbrock ones, and an explicit Runge-Kutta one.

For y' = f(t, y) with Jacobian J, a step of length h from (t, y) in the form of Hairer & Wanner
(Solving Ordinary Differential Equations II, section IV.7, eq. 7.25) is

    (1/(h gamma) I - J) u_i = f(t + alpha_i h, y + sum_j a_ij u_j) + sum_j c_ij/h u_j + h d_i f_t
    y_new = y + sum_i m_i u_i,      error = sum_i e_i u_i,

which needs no product with J and one factorisation a step. An explicit method is written alike,
with gamma = 0, c = 0 and d = 0, and

    u_i = h f(t + alpha_i h, y + sum_j a_ij u_j).

For both, within the step and with 0 <= s <= 1,

    y(t + s h) = (1 - s) y + s (y_new + (1 - s) (q_1 + s (q_2 + s q_3))),    q = dense @ u.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Tableau(NamedTuple):
    """Coefficients of one method with `s` stages; a tuple so that compiled code can take it.

    a, c : (s, s), strictly lower triangular.  m, e, alpha, d : (s,).  dense : (3, s).
    `order` is that of the solution; the error estimate is of order h**order.
    gamma = 0 marks an explicit method. Its last row of `a` is `m`: the last stage is evaluated at
    y_new, so its rates are the next step's first ones.
    """

    gamma: float
    a: Array
    c: Array
    m: Array
    e: Array
    alpha: Array
    d: Array
    dense: Array
    order: int


def _lower(rows: list[list[float]], stages: int) -> Array:
    matrix = np.zeros((stages, stages))
    for i, row in enumerate(rows, start=1):
        matrix[i, : len(row)] = row
    return matrix


def rodas5p() -> Tableau:
    """Rodas5P: order 5(4), 8 stages, stiffly accurate, L-stable, dense output of order 4.

    G. Steinebach, Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks within
    the Julia Differential Equations package, BIT Numer. Math. 63:27 (2023),
    doi:10.1007/s10543-023-00967-x. The order conditions are checked in the tests.
    """
    row6 = [
        -7.502846399306121,
        2.561846144803919,
        -11.627539656261098,
        -0.18268767659942256,
        0.030198172008377946,
    ]
    a = [
        [3.0],
        [2.849394379747939, 0.45842242204463923],
        [-6.954028509809101, 2.489845061869568, -10.358996098473584],
        [2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641],
        row6,
        [*row6, 1.0],
        [*row6, 1.0, 1.0],
    ]
    c = [
        [-14.155112264123755],
        [-17.97296035885952, -2.859693295451294],
        [147.12150275711716, -1.41221402718213, 71.68940251302358],
        [165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306],
        [
            24.854864614690072,
            -3.0009227002832186,
            47.4931110020768,
            5.5814197821558125,
            -0.6610691825249471,
        ],
        [
            30.91273214028599,
            -3.1208243349937974,
            77.79954646070892,
            34.28646028294783,
            -19.097331116725623,
            -28.087943162872662,
        ],
        [
            37.80277123390563,
            -3.2571969029072276,
            112.26918849496327,
            66.9347231244047,
            -40.06618937091002,
            -54.66780262877968,
            -9.48861652309627,
        ],
    ]
    alpha = [
        0.0,
        0.6358126895828704,
        0.4095798393397535,
        0.9769306725060716,
        0.4288403609558664,
        1.0,
        1.0,
        1.0,
    ]
    d = [
        0.21193756319429014,
        -0.42387512638858027,
        -0.3384627126235924,
        1.8046452872882734,
        2.325825639765069,
        0.0,
        0.0,
        0.0,
    ]
    dense = [
        [
            25.948786856663858,
            -2.5579724845846235,
            10.433815404888879,
            -2.3679251022685204,
            0.524948541321073,
            1.1241088310450404,
            0.4272876194431874,
            -0.17202221070155493,
        ],
        [
            -9.91568850695171,
            -0.9689944594115154,
            3.0438037242978453,
            -24.495224566215796,
            20.176138334709044,
            15.98066361424651,
            -6.789040303419874,
            -6.710236069923372,
        ],
        [
            11.419903575922262,
            2.8879645146136994,
            72.92137995996029,
            80.12511834622643,
            -52.072871366152654,
            -59.78993625266729,
            -0.15582684282751913,
            4.883087185713722,
        ],
    ]
    # Stiffly accurate: y_new is the last stage's argument plus the last stage itself, which is
    # also the error estimate.
    return Tableau(
        gamma=0.21193756319429014,
        a=_lower(a, 8),
        c=_lower(c, 8),
        m=np.array([*row6, 1.0, 1.0, 1.0]),
        e=np.array([0.0] * 7 + [1.0]),
        alpha=np.array(alpha),
        d=np.array(d),
        dense=np.array(dense),
        order=5,
    )


def tsit5() -> Tableau:
    """Tsitouras 5(4): explicit, order 5(4), 7 stages of which 6 are new, dense output of order 4.

    C. Tsitouras, Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying
    assumption, Comput. Math. Appl. 62:770-775 (2011), doi:10.1016/j.camwa.2011.06.002. The dense
    output is the paper's, rewritten in the form above. The order conditions are checked in the
    tests.
    """
    a = [
        [0.161],
        [-0.008480655492356989, 0.335480655492357],
        [2.8971530571054935, -6.359448489975075, 4.3622954328695815],
        [5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525],
        [
            5.86145544294642,
            -12.92096931784711,
            8.159367898576159,
            -0.071584973281401,
            -0.028269050394068383,
        ],
        [
            0.09646076681806523,
            0.01,
            0.4798896504144996,
            1.379008574103742,
            -3.290069515436081,
            2.324710524099774,
        ],
    ]
    e = [
        -0.00178001105222577714,
        -0.0008164344596567469,
        0.007880878010261995,
        -0.1447110071732629,
        0.5823571654525552,
        -0.45808210592918697,
        1 / 66,
    ]
    # Row k holds the coefficients of s, s^2, s^3, s^4 in the weight of stage k.
    weights = np.array(
        [
            [1.0, -2.763706197274826, 2.9132554618219126, -1.0530884977290216],
            [0.0, 0.1317, -0.2234, 0.1017],
            [0.0, 3.9302962368947516, -5.941033872131505, 2.490627285651253],
            [0.0, -12.411077166933676, 30.33818863028232, -16.548102889244902],
            [0.0, 37.50931341651104, -88.1789048947664, 47.37952196281928],
            [0.0, -27.896526289197286, 65.09189467479366, -34.87065786149661],
            [0.0, 1.5, -4.0, 2.5],
        ]
    )
    m = np.array([*a[-1], 0.0])
    q1 = weights[:, 0] - m
    q2 = q1 + weights[:, 1]
    return Tableau(
        gamma=0.0,
        a=_lower(a, 7),
        c=np.zeros((7, 7)),
        m=m,
        e=np.array(e),
        alpha=np.array([0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0, 1.0]),
        d=np.zeros(7),
        dense=np.array([q1, q2, q2 + weights[:, 2]]),
        order=5,
    )
