"""What acting on forecasts would have gained in the simulated markets, after costs."""
import math

import numpy as np

FEES = (0.0, 0.0005, 0.003)  # of each trade: none, a cheap pool's, a common pool's


def backtest(about, data, answers, forecasts, cost):
    """Each sample is a trade of its own, of one unit: in a minute after the signal, out at the horizon, across half the
    market's spread and the fee both times. `always` acts on every forecast, `abstaining` where the model's edge is
    not 0; baselines have no edge of their own and act where they are as sure as those of the model's that act, on average.
    """
    edge = answers[:, 1]
    acting = {"network": edge != 0}
    share = acting["network"].mean()
    for name in ("logistic", "trees", "lastReturn"):
        sure = np.abs(forecasts[name] - 0.5)
        acting[name] = sure >= np.quantile(sure, 1 - share) if name != "lastReturn" else np.ones(len(sure), bool)
    report = {"roundTripInEdge": cost, "sharePerRegime": {
        regime: float(acting["network"][data["regime"] == i].mean()) for i, regime in enumerate(about["regimes"])}}
    every = np.ones(len(edge), bool)
    rows = {"networkAbstaining": ("network", acting["network"]), "networkAlways": ("network", every),
            "logisticAsOften": ("logistic", acting["logistic"]), "treesAsOften": ("trees", acting["trees"]),
            "lastReturnAlways": ("lastReturn", acting["lastReturn"])}
    for title, (name, acts) in rows.items():
        side = np.where(forecasts[name] > 0.5, 1.0, -1.0)
        gross = side * data["delayed"]
        report[title] = {"trades": int(acts.sum()), "share": float(acts.mean()),
                         "right": float((side * data["return"] > 0)[acts].mean()),
                         "gross": mean_by_market(gross[acts], data["market"][acts]),
                         "afterSpread": {str(fee): mean_by_market((gross - 2 * (fee + data["halfSpread"]))[acts],
                                                                  data["market"][acts]) for fee in FEES}}
    acts = acting["network"]
    order = np.argsort(np.abs(edge[acts]), kind="stable")
    gained = (np.sign(edge) * data["return"] - cost)[acts][order] * 1e4
    report["edgeAgainstGain"] = [{"trades": len(i), "edge": float(np.abs(edge[acts][order][i]).mean() * 1e4),
                                  "gained": float(gained[i].mean())} for i in np.array_split(np.arange(len(order)), 5)]
    return report


def mean_by_market(gain, market):
    """Mean in basis points, and its standard error with the market as the unit: its trades overlap."""
    mean = gain.mean()
    _, index = np.unique(market, return_inverse=True)
    sums = np.bincount(index, gain - mean)
    return {"mean": float(mean * 1e4), "standardError": float(math.sqrt((sums**2).sum()) / len(gain) * 1e4)}
