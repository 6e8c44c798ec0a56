"""Seeded generator of the simulated market that the volatility model learns from.

The process and every parameter's unit are written down in README.md ("The market process"); the parameters
themselves live in process.json, which other simulators of the same market read too.

    python3 models/volatility/generate.py --goldens     rewrites the inputs of goldens.json
"""
import json
import math
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
WINDOW = 360  # bars of 10 s that the model sees: one hour
HORIZON = 360  # bars of 10 s that it forecasts: the next hour


def load_process():
    return json.loads((HERE / "process.json").read_text())


class Market:
    """`paths` independent markets advanced together; every step is the step equation of README.md."""

    def __init__(self, process, paths, rng):
        self.rng = rng
        regimes = process["regimes"]
        ids = [r["id"] for r in regimes]
        self.log_level = np.log([r["volPerSqrtHour"] for r in regimes])
        self.leave_rate = 1.0 / np.array([r["meanDurationHours"] for r in regimes])
        self.price_jump_rate = np.array([r["priceJumpsPerHour"] for r in regimes])
        self.vol_jump_rate = np.array([r["volJumpsPerHour"] for r in regimes])
        rows = np.array([[r["next"].get(k, 0.0) for k in ids] for r in regimes])
        if not np.allclose(rows.sum(1), 1.0):
            raise ValueError("process.json: each regime's `next` must sum to 1")
        self.next_cdf = np.cumsum(rows, axis=1)
        self.slow, self.fast = process["slowVol"], process["fastVol"]
        self.rho = process["leverage"]
        self.jump = process["priceJump"]
        self.vol_jump = process["volJump"]
        # Start in the stationary law of the regimes, the slow factor at its level, the fast one at zero;
        # the caller burns in.
        generator = rows * self.leave_rate[:, None] - np.diag(self.leave_rate)
        system = np.vstack([generator.T, np.ones(len(ids))])
        stationary = np.linalg.lstsq(system, np.r_[np.zeros(len(ids)), 1.0], rcond=None)[0]
        self.regime = rng.choice(len(ids), size=paths, p=stationary / stationary.sum())
        self.y = self.log_level[self.regime].copy()
        self.z = np.zeros(paths)

    def step(self, dt):
        """One step of dt hours; returns the log-return of the efficient price over it, shape [paths]."""
        rng, n = self.rng, self.y.shape[0]
        uniform = rng.random((3, n))
        normal = rng.standard_normal((3, n))
        # 1. regime
        leaves = np.nonzero(uniform[0] < -np.expm1(-dt * self.leave_rate[self.regime]))[0]
        if leaves.size:
            pick = rng.random(leaves.size)[:, None]
            self.regime[leaves] = (pick >= self.next_cdf[self.regime[leaves]]).sum(1)
        regime = self.regime
        # 2. diffusion of the price with the volatility at the start of the step
        sigma = np.exp(self.y + self.z)
        r = -0.5 * sigma * sigma * dt + sigma * math.sqrt(dt) * normal[0]
        # 3. the two volatility factors: exact Ornstein-Uhlenbeck transitions
        k, xi = self.slow["reversionPerHour"], self.slow["volOfVolPerSqrtHour"]
        level = self.log_level[regime]
        self.y = level + (self.y - level) * math.exp(-k * dt) + ou_sd(k, xi, dt) * normal[1]
        k, xi = self.fast["reversionPerHour"], self.fast["volOfVolPerSqrtHour"]
        shock = self.rho * normal[0] + math.sqrt(1 - self.rho**2) * normal[2]
        self.z = self.z * math.exp(-k * dt) + ou_sd(k, xi, dt) * shock
        # 4. price jumps (which lift the volatility too) and jumps of the volatility alone
        hit = np.nonzero(uniform[1] < -np.expm1(-dt * self.price_jump_rate[regime]))[0]
        if hit.size:
            r[hit] += self.jump["sdInHourlyVols"] * sigma[hit] * rng.standard_normal(hit.size)
            self.z[hit] += rng.exponential(self.jump["volJumpLogMean"], hit.size)
        hit = np.nonzero(uniform[2] < -np.expm1(-dt * self.vol_jump_rate[regime]))[0]
        if hit.size:
            self.z[hit] += rng.exponential(self.vol_jump["logMean"], hit.size)
        return r


def ou_sd(k, xi, dt):
    return xi * math.sqrt(-math.expm1(-2 * k * dt) / (2 * k))


def simulate(seed, paths, hours, pools, process=None, burn_in_hours=8):
    """Simulate `paths` markets of `pools` pools each for `hours` hours.

    Returns pool_returns float64 [paths, pools, bars], efficient float64 [paths, bars] (returns of the efficient
    price), qv float64 [paths, bars] (sum of squared fine-step efficient returns within each bar) and regime int
    [paths, bars] (at the end of each bar).
    """
    process = process or load_process()
    rng = np.random.Generator(np.random.PCG64(seed))
    dt = process["stepSeconds"] / 3600.0
    fine = process["substepsPerStep"]
    market = Market(process, paths, rng)
    for _ in range(round(burn_in_hours / dt)):
        market.step(dt)
    bars = round(hours / dt)
    efficient = np.zeros((paths, bars))
    qv = np.zeros((paths, bars))
    regime = np.zeros((paths, bars), dtype=np.int8)
    for t in range(bars):
        for _ in range(fine):
            r = market.step(dt / fine)
            efficient[:, t] += r
            qv[:, t] += r * r
        regime[:, t] = market.regime

    law = process["pools"]
    noise_sd = log_uniform(rng, law["noiseSd"], (paths, pools))
    reversion = log_uniform(rng, law["reversionPerHour"], (paths, pools))
    trades = log_uniform(rng, law["tradesPerHour"], (paths, pools))
    decay = np.exp(-reversion * dt)
    spread = noise_sd * np.sqrt(-np.expm1(-2 * reversion * dt))
    p_trade = -np.expm1(-trades * dt)
    u = noise_sd * rng.standard_normal((paths, pools))
    last = u.copy()  # log price of the last trade, the efficient log price starting at 0
    level = np.cumsum(efficient, axis=1)
    out = np.zeros((paths, pools, bars))
    for t in range(bars):
        u = u * decay + spread * rng.standard_normal((paths, pools))
        now = np.where(rng.random((paths, pools)) < p_trade, level[:, t, None] + u, last)
        out[:, :, t] = now - last
        last = now
    return out, efficient, qv, regime


def log_uniform(rng, bounds, shape):
    return np.exp(rng.uniform(math.log(bounds[0]), math.log(bounds[1]), shape))


def windows(bars, stride):
    """Forecast origins: the first bar after each window."""
    return range(WINDOW, bars - HORIZON + 1, stride)


def goldens():
    """Inputs of goldens.json: simulated hours and hand-made corner cases, in units of 1e-7."""
    process = load_process()
    cases = []

    def add(name, returns):
        returns = np.atleast_2d(returns)
        units = np.rint(returns * 1e7).astype(int)
        cases.append({
            "name": name,
            "inputs": {"log_returns": {"shape": [1, *units.shape], "values": units.reshape(-1).tolist()}},
            "outputs": {"volatility": []},
        })

    def pick(seed, pools, regime):
        sim, _, _, states = simulate(seed, 64, 1, pools, process)
        wanted = np.nonzero((states == regime).all(1))[0]
        return sim[wanted[0]]

    add("all-zeros-one-pool", np.zeros((1, WINDOW)))
    add("all-zeros-three-pools", np.zeros((3, WINDOW)))
    add("calm-one-pool", pick(900001, 1, 0))
    add("normal-two-pools", pick(900002, 2, 1))
    add("normal-three-pools", pick(900003, 3, 1))
    add("turbulent-two-pools", pick(900004, 2, 2))
    add("normal-six-pools", pick(900005, 6, 1))
    jump = pick(900006, 2, 1).copy()
    jump[:, 330] += 0.03
    add("jump-of-three-percent", jump)
    add("very-high-volatility", pick(900007, 1, 2) * 10)
    lone = np.zeros((1, WINDOW))
    lone[0, 359] = -0.001
    add("single-trade-in-last-bar", lone)
    lopsided = pick(900008, 2, 1).copy()
    lopsided[1] = 0
    add("one-of-two-pools-silent", lopsided)
    alternating = np.where(np.arange(WINDOW) % 2 == 0, 0.001, -0.001)
    add("bid-ask-bounce", alternating)
    document = {"model": "volatility", "inputDecimals": 7, "outputDecimals": 8, "cases": cases}
    (HERE / "goldens.json").write_text(dump_goldens(document))


def dump_goldens(document):
    """One case a line: readable in a diff, and small. models/tools/goldens.ts writes the very same form."""
    head = {k: v for k, v in document.items() if k != "cases"}
    lines = [json.dumps(c, separators=(",", ":")) for c in document["cases"]]
    return json.dumps(head, separators=(",", ":"))[:-1] + ',"cases":[\n' + ",\n".join(lines) + "\n]}\n"


if __name__ == "__main__":
    if sys.argv[1:] != ["--goldens"]:
        sys.exit("usage: generate.py --goldens   (training data is generated by train.py)")
    goldens()
