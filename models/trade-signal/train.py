"""Train, calibrate, evaluate and export the trade-signal model. Deterministic: same machine, same bytes.

    node models/trade-signal/export-features.ts          first: simulates, and writes the features as nodes compute them
    python3 models/trade-signal/train.py                 a few minutes on one CPU core
    python3 models/trade-signal/train.py --develop       scores the development seeds instead of the test seeds; writes nothing

Validation picks the epoch and the temperature; nothing is chosen on the test seeds.
"""
import json
import math
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import nn

from backtest import backtest

HERE = Path(__file__).resolve().parent
DATA = HERE / ".data"
DEVELOP = "--develop" in sys.argv
EPOCHS = 10
COST = 0.0016  # of a round trip; below it the model abstains
BINS = 15


class TradeSignal(nn.Module):
    """features [batch, n] -> signal [batch, 2]: probability that the mid is higher after the horizon, and what acting
    on that is expected to gain after COST (0: abstain), positive to buy, negative to sell.

    A market upside down gives the opposite answer, whatever was learned: the net sees each row and its mirror.
    """

    def __init__(self, inputs, directions):
        super().__init__()
        sign = torch.ones(inputs)
        sign[:directions] = -1.0
        self.register_buffer("mirror", sign)
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("scale", torch.ones(inputs))
        self.register_buffer("temperature", torch.ones(1))
        self.register_buffer("base", torch.zeros(1))  # ln of the mean absolute return, over the volatility of a bar
        self.net = nn.Sequential(nn.Linear(inputs, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 2))

    def heads(self, features):
        """-> logit of "up" before calibration, ln of the expected absolute return; both [batch, 1]."""
        x = torch.clamp((features - self.mean) / self.scale, min=-5.0, max=5.0)
        there, back = self.net(x), self.net(x * self.mirror)
        level = features[:, LEVEL:LEVEL + 1] + self.base
        logit = 0.5 * (there[:, 0:1] - back[:, 0:1])
        return logit, level + torch.clamp(0.5 * (there[:, 1:2] + back[:, 1:2]), min=-2.0, max=2.0)

    def forward(self, features):
        logit, move = self.heads(features)
        up = torch.sigmoid(logit / self.temperature)
        gain = torch.tanh(logit / self.temperature * 0.5) * torch.exp(move)  # tanh(z / 2) = 2 p - 1
        edge = torch.relu(gain - COST) - torch.relu(-gain - COST)
        return torch.cat([up, edge], 1)


def load(about, split):
    x = np.fromfile(DATA / f"{split}.features", "<f4").reshape(-1, len(about["features"]))
    t = np.fromfile(DATA / f"{split}.targets", "<f4").reshape(-1, len(about["targets"]))
    seeds = about["splits"][split]
    if len(x) != len(t) or len(np.unique(t[:, -1])) != seeds["last"] - seeds["first"] + 1:
        sys.exit(f"{split} in .data is not whole: run export-features.ts again")
    return {"x": x, **{name: t[:, i].astype(np.float64) for i, name in enumerate(about["targets"])},
            "up": t[:, 0] > 0}


def train_network(about, train, valid):
    torch.manual_seed(20261126)
    net = TradeSignal(train["x"].shape[1], about["directions"])
    x = torch.from_numpy(train["x"])
    y = torch.from_numpy(train["up"].astype(np.float32))[:, None]
    size = torch.from_numpy(np.abs(train["return"]).astype(np.float32))[:, None]
    both = torch.cat([x, x * net.mirror])  # so that directions have mean 0
    net.mean.copy_(both.mean(0))
    net.scale.copy_(both.std(0).clamp(min=1e-3))
    net.base.fill_(float(torch.log(size.mean() / torch.exp(x[:, LEVEL]).mean())))
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
    batch = 1024
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=EPOCHS * math.ceil(len(y) / batch))
    best, best_state, curve = math.inf, None, []
    for epoch in range(EPOCHS):
        for index in torch.randperm(len(y)).split(batch):
            logit, move = net.heads(x[index])
            # Of an absolute return: an exponential likelihood, whose best forecast is the mean.
            loss = (nn.functional.binary_cross_entropy_with_logits(logit, y[index])
                    + 0.1 * (size[index] * torch.exp(-move) + move).mean())
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
        score = log_loss(valid["up"], predict(net, valid["x"])[:, 0])
        curve.append(score)
        print(f"epoch {epoch + 1:3d}  validation log loss {score:.6f}", flush=True)
        if score < best:
            best, best_state = score, {k: v.clone() for k, v in net.state_dict().items()}
    net.load_state_dict(best_state)
    net.temperature.fill_(temperature(net.eval(), valid))
    return net, curve


def temperature(net, valid):
    """The divisor of the logit with the least log loss on validation (Guo et al. 2017), by golden section."""
    with torch.no_grad():
        logit = net.heads(torch.from_numpy(valid["x"]))[0][:, 0].double().numpy()
    loss = lambda t: np.logaddexp(0, np.where(valid["up"], -logit, logit) / t).mean()
    low, high, ratio = 0.25, 4.0, (math.sqrt(5) - 1) / 2
    for _ in range(60):
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, b) if loss(a) < loss(b) else (a, high)
    return (low + high) / 2


def predict(net, features):
    """-> float64 [n, 2]"""
    with torch.no_grad():
        return net(torch.from_numpy(features)).double().numpy()


def fit_baselines(about, train, valid):
    """Name -> (description, function from a split to probabilities of "up")."""
    x, y = train["x"], train["up"]
    mean, scale = x.mean(0), np.maximum(x.std(0), 1e-3)
    plain = lambda v: np.clip((v - mean) / scale, -5, 5)
    rate = y.mean()
    logistic = LogisticRegression(max_iter=500).fit(plain(x), y)
    last = about["features"].index("return30")
    after = [y[np.sign(x[:, last]) == s].mean() for s in (-1, 1)]
    hidden = LogisticRegression().fit(train["hidden"][:, None], y)
    options = []
    for leaves, rounds in ((7, 100), (15, 100), (31, 200)):
        trees = HistGradientBoostingClassifier(max_iter=rounds, learning_rate=0.05, max_leaf_nodes=leaves,
                                               early_stopping=False, random_state=1).fit(x, y)
        score = log_loss(valid["up"], trees.predict_proba(valid["x"])[:, 1])
        print(f"{rounds} trees of {leaves} leaves: validation log loss {score:.6f}", flush=True)
        options.append((score, f"HistGradientBoosting, {rounds} trees of {leaves} leaves", trees))
    _, described, trees = min(options, key=lambda o: o[0])
    return {
        "baseRate": (f"always {rate:.4f}, the training seeds' share of rises", lambda d: np.full(len(d["up"]), rate)),
        "lastReturn": ("what followed after returns of that sign over the last 30 minutes",
                       lambda d: np.where(d["x"][:, last] > 0, after[1], np.where(d["x"][:, last] < 0, after[0], rate))),
        "logistic": ("logistic regression on the standardised features",
                     lambda d: logistic.predict_proba(plain(d["x"]))[:, 1]),
        "trees": (described, lambda d: trees.predict_proba(d["x"])[:, 1]),
        "hiddenState": ("logistic regression on the hidden expected return, which nobody can see",
                        lambda d: hidden.predict_proba(d["hidden"][:, None])[:, 1]),
    }


def log_loss(up, p):
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return float(-np.where(up, np.log(p), np.log(1 - p)).mean())


def reliability(up, p):
    """Bins of equal count: mean forecast against what happened."""
    order = np.argsort(p, kind="stable")
    return [{"samples": len(i), "forecast": p[i].mean(), "happened": up[i].mean()} for i in np.array_split(order, BINS)]


def score(up, p):
    table = reliability(up, p)
    gap = sum(b["samples"] * abs(b["forecast"] - b["happened"]) for b in table) / len(up)
    return {"logLoss": log_loss(up, p), "brier": ((p - up) ** 2).mean(), "rocAuc": roc_auc_score(up, p),
            "accuracy": ((p > 0.5) == up).mean(), "calibrationError": gap}


def evaluate(about, forecasts, data):
    """Figures of every forecast; gaps in log loss are by market, since samples of one market are alike."""
    up, market = data["up"], data["market"]
    loss = {n: -np.log(np.clip(np.where(up, p, 1 - p), 1e-6, 1)) for n, p in forecasts.items()}
    report = {n: score(up, p) for n, p in forecasts.items()}
    for name in forecasts:
        if name == "network":
            continue
        gap = loss["network"] - loss[name]
        by_market = np.array([gap[market == m].mean() for m in np.unique(market)])
        report[name]["networkMinusItLogLoss"] = {
            "mean": by_market.mean(), "standardError": by_market.std(ddof=1) / math.sqrt(len(by_market)),
            "marketsWhereNetworkBetter": int((by_market < 0).sum()), "markets": len(by_market)}
    per_regime = {}
    for i, regime in enumerate(about["regimes"]):
        rows = data["regime"] == i
        per_regime[regime] = {"samples": int(rows.sum()), **{n: log_loss(up[rows], p[rows]) for n, p in forecasts.items()}}
    return {"overall": report, "logLossPerRegime": per_regime, "reliability": reliability(up, forecasts["network"])}


def export(net, path, inputs):
    import onnx

    torch.onnx.export(
        net, torch.zeros(2, inputs), str(path), opset_version=17, input_names=["features"], output_names=["signal"],
        do_constant_folding=True, dynamic_axes={"features": {0: "batch"}, "signal": {0: "batch"}},
    )
    model = onnx.load(str(path))
    onnx.checker.check_model(model, full_check=True)
    for node in model.graph.node:
        node.doc_string = ""  # the exporter would leave the paths of the training machine in there
    onnx.save(model, str(path))


def torch_cases(net, data):
    """Some rows with torch's outputs, for the shared check to compare the runtime with."""
    units = np.rint(data["x"][:: len(data["x"]) // 255][:256].astype(np.float64) * 1e6)
    got = predict(net, (units / 1e6).astype(np.float32))
    return {"inputDecimals": 6, "cases": [{
        "inputs": {"features": {"shape": list(units.shape), "values": units.astype(int).reshape(-1).tolist()}},
        "outputs": {"signal": got.reshape(-1).tolist()}}]}


def main():
    global LEVEL
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    started = time.time()
    about = json.loads((DATA / "about.json").read_text())
    LEVEL = about["features"].index("volatility")
    judged = "develop" if DEVELOP else "test"
    data = {split: load(about, split) for split in ("train", "validation", judged)}
    net, curve = train_network(about, data["train"], data["validation"])
    baselines = fit_baselines(about, data["train"], data["validation"])
    answers = predict(net, data[judged]["x"])
    forecasts = {"network": answers[:, 0], **{n: f(data[judged]) for n, (_, f) in baselines.items()}}
    report = {
        "units": {"logLoss": "nats", "calibrationError": f"mean absolute gap of {BINS} bins of equal count",
                  "backtest": "basis points of the traded amount, mean of the trades"},
        "splits": {k: {**about["splits"][k], "samples": len(v["up"]), "rises": float(v["up"].mean())}
                   for k, v in data.items()},
        "baselines": {n: d for n, (d, _) in baselines.items()},
        "parameters": sum(p.numel() for p in net.parameters()),
        "temperature": float(net.temperature),
        "validationCurve": curve,
        judged: {**evaluate(about, forecasts, data[judged]),
                 "backtest": backtest(about, data[judged], answers, forecasts, COST)},
    }
    rounded = json.loads(json.dumps(report), parse_float=lambda s: float(f"{float(s):.5g}"))
    print(json.dumps(rounded, indent=1))
    print(f"{time.time() - started:.0f} s")
    if DEVELOP:
        return
    (HERE / "metrics.json").write_text(json.dumps(rounded, indent=1) + "\n")
    export(net, HERE / "trade-signal.onnx", len(about["features"]))
    (HERE / "torch.json").write_text(json.dumps(torch_cases(net, data["test"]), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
