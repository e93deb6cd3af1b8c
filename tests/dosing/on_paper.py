"""What the searches must find in the model folder `pathway`, in closed form.

viability(t) = exp(-k_kill drive / (1 + drive) t - k_trigger integral of trigger P dt),
drive = (killer / K_killer)^hill (1 + sensitiser / K_sensitiser) + partner / K_partner
        + hook / (1 + (hook / H_hook)^2),
P' = k_prime primer - k_fade P
"""

import numpy as np

K_KILL, K_KILLER, K_SENSITISER, K_PARTNER, H_HOOK = 0.1, 1.0, 0.5, 2.0, 10.0
K_PRIME, K_FADE, K_TRIGGER = 0.3, 0.1, 0.05
HOURS = 48.0


def drive(effect, time=HOURS):
    """The drive that has an effect after some hours."""
    rate = -np.log1p(-effect) / time
    return rate / (K_KILL - rate)


def killer(effect, time=HOURS, hill=1.0, half=K_KILLER, sensitiser=0.0):
    """The dose of the killer that has an effect."""
    return half * (drive(effect, time) / (1 + sensitiser / K_SENSITISER)) ** (1 / hill)


def hook(effect, time=HOURS):
    """The lower one of the two doses with which the hook has an effect."""
    wanted = drive(effect, time)
    return H_HOOK**2 / (2 * wanted) * (1 - np.sqrt(1 - (2 * wanted / H_HOOK) ** 2))


def primed_viability(delay, primer, trigger, exposure, time):
    """With the trigger from 0 on for `exposure[0]`, the primer from `delay` on for `exposure[1]`.

    The integral of P over the trigger's time by the trapezoid rule on a fine grid.
    """
    t = np.linspace(0, min(exposure[0], time), 10_001)
    since = t - delay
    given = np.clip(since, 0, exposure[1])
    fade = np.clip(since - exposure[1], 0, None)
    p = K_PRIME * primer / K_FADE * -np.expm1(-K_FADE * given) * np.exp(-K_FADE * fade)
    return np.exp(-K_TRIGGER * trigger * np.trapezoid(p, t))
