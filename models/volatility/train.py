"""Train, evaluate and export the volatility model. Deterministic: same machine, same bytes.

    python3 models/volatility/train.py            about seven minutes on one CPU core, 2 GB of memory
    python3 models/volatility/train.py --quick    a tenth of the data; writes nothing

Seeds, not samples, are split into train / validation / test. Validation picks the epoch and the form of each baseline;
nothing is chosen on the test seeds.
"""
import json
import math
import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import torch
from torch import nn

from generate import HERE, HORIZON, WINDOW, load_process, simulate, windows

QUICK = "--quick" in sys.argv
SEEDS = {
    "train": range(1000, 1016 if QUICK else 1160),
    "validation": range(2000, 2004 if QUICK else 2024),
    # a quick run is for development, so it must not see the seeds that the reported figures come from
    "test": range(3000, 3004) if QUICK else range(5000, 5048),
}
PATHS, HOURS, STRIDE = 256, 6, 180  # a forecast origin every half hour
POOLS = [1, 2, 3, 4, 2, 6, 1, 9, 3, 2, 5, 16, 4, 1, 7, 12]  # pools of the i-th seed, cycled
EPOCHS = 8 if QUICK else 40
FLOOR = 1e-10  # variance per hour below which nothing is told apart: a volatility of 1e-5
HOURLY = float(WINDOW)  # bars an hour


def log_floor(v):
    return torch.log(torch.clamp(v, min=FLOOR))


def overlapping(r, k):
    """Log-returns over k bars, one starting at every bar: [n, pools, 360] -> [n, pools, 361 - k]."""
    return torch.nn.functional.avg_pool1d(r, k, 1) * float(k) if k > 1 else r


def hourly(r, k):
    """Mean square of k-bar returns over the last axis, per hour."""
    return (r * r).mean(-1) * (HOURLY / k)


class Volatility(nn.Module):
    """log_returns [batch, pools, 360] -> volatility [batch, 1], the standard deviation over the next hour.

    Every feature is a symmetric function of the pools, or is computed for each pool alike and then averaged with
    softmax weights: their order can't matter and any number of them will do.
    """

    COMMON, POOL = 39, 13

    def __init__(self, hidden=32, embedding=12):
        super().__init__()
        for name, size in (("common", self.COMMON), ("pool", self.POOL)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_scale", torch.ones(size))
        self.phi = nn.Sequential(nn.Linear(self.POOL, 24), nn.SiLU(), nn.Linear(24, embedding + 1))
        self.rho = nn.Sequential(
            nn.Linear(self.COMMON + embedding, hidden), nn.SiLU(),
            nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 1),
        )

    @staticmethod
    def features(r):
        """-> level [batch, 1], common [batch, COMMON], pool [batch, pools, POOL]; README.md names each."""
        guard = FLOOR / HOURLY
        own = {k: overlapping(r, k) for k in (1, 3, 6, 12, 30, 60)}
        own_rv = {k: hourly(x, k) for k, x in own.items()}  # [batch, pools] each
        # Pools whose long returns vary as much as their short ones carry little noise: weigh them more. A silent
        # pool gets (almost) no weight.
        quality = (own_rv[60] / (own_rv[3] + FLOOR)) ** 2 + 1e-6
        weight = (quality / quality.sum(1, keepdim=True))[:, :, None]
        fused = (r * weight).sum(1, keepdim=True)
        plain = r.mean(1, keepdim=True)
        fused_k = {k: overlapping(fused, k) for k in (1, 3, 6, 12, 30, 60)}
        plain_k = {k: overlapping(plain, k) for k in (1, 6, 30, 60)}
        level = log_floor(hourly(fused_k[12], 12))  # [batch, 1]

        logs = [log_floor(hourly(r[:, :, WINDOW - w:], 1).mean(1, keepdim=True)) for w in (6, 30, 90, 180, 360)]
        logs += [log_floor(hourly(plain[:, :, WINDOW - w:], 1)) for w in (6, 30, 90, 180, 360)]
        logs += [log_floor(hourly(fused_k[k], k)) for k in (1, 3, 6, 30, 60)]
        logs += [log_floor(hourly(fused_k[12][:, :, 349 - w:], 12)) for w in (18, 48, 108, 168)]
        logs += [log_floor(hourly(fused_k[30][:, :, 331 - w:], 30)) for w in (60, 150)]
        logs += [log_floor(hourly(plain_k[k], k)) for k in (6, 30, 60)]
        logs += [log_floor(own_rv[k].mean(1, keepdim=True)) for k in (6, 30, 60)]
        # What two pools share has no noise of either: the mean covariance between different pools.
        count = (r[:, :, 0] * 0 + 1).sum(1, keepdim=True)
        others = torch.clamp(count - 1, min=1)
        for k in (6, 30, 60):
            between = (count * hourly(plain_k[k], k) - own_rv[k].mean(1, keepdim=True)) / others
            logs.append(log_floor(between))
        minute = fused.reshape(-1, 1, 60, 6).sum(3)
        absolute = torch.abs(minute)
        logs.append(log_floor((absolute[:, :, 1:] * absolute[:, :, :-1]).mean(2) * (math.pi / 2 * 60)))  # bipower
        logs.append(log_floor((fused_k[6] ** 2).amax(2)))
        logs.append(log_floor((r * r).amax(2).mean(1, keepdim=True)))
        relative = torch.cat(logs, 1) - level

        def bounce(x, lag):
            """Autocorrelation at a lag: bid-ask noise shows as negative numbers."""
            return (x[:, :, lag:] * x[:, :, :-lag]).mean(2) / ((x * x).mean(2) + guard)

        silent = (r * r < 1e-18).to(r.dtype).mean(2)
        drift = torch.tanh(fused[:, :, 330:].sum(2) / torch.sqrt(torch.exp(level) / 12))
        common = torch.cat([relative, bounce(fused, 1), bounce(minute, 1), silent.mean(1, keepdim=True),
                            torch.log(count), drift, level], 1)

        product = own[30] * fused_k[30]
        kinship = product.mean(2) / (torch.sqrt(own_rv[30] * hourly(fused_k[30], 30)) / 12 + guard)
        pool = torch.stack([log_floor(own_rv[k]) - level for k in (1, 3, 6, 12, 30, 60)]
                           + [log_floor(hourly(own[12][:, :, 169:], 12)) - level]
                           + [bounce(r, 1), bounce(r, 2), bounce(own[6][:, :, ::6], 1), silent, kinship,
                              weight[:, :, 0] * count], 2)
        return level, common, pool

    def forecast(self, level, common, pool):
        """Log of the forecast variance. The net can move the base by at most e^3 either way."""
        common = torch.clamp((common - self.common_mean) / self.common_scale, min=-5.0, max=5.0)
        pool = torch.clamp((pool - self.pool_mean) / self.pool_scale, min=-5.0, max=5.0)
        embedded = self.phi(pool)
        attention = torch.softmax(embedded[:, :, :1], 1)
        summary = (attention * embedded[:, :, 1:]).sum(1)
        return level + 3.0 * torch.tanh(self.rho(torch.cat([common, summary], 1)) / 3.0)

    def forward(self, log_returns):
        return torch.exp(0.5 * self.forecast(*self.features(log_returns)))


EWMA_LAMBDA = [0.5, 0.7, 0.8, 0.86, 0.9, 0.94, 0.96, 0.98, 0.99, 0.995, 0.998, 0.9999]
HAR_SOURCES = ["pools-10s", "pools-1min", "pools-5min", "common-10s", "common-30s", "common-1min", "common-5min"]


def baseline_inputs(r):
    """From float64 [n, pools, 360]: hourly EWMA variances per (source, lambda), and HAR realised variances."""
    ewma, har = [], []
    common = r.mean(1, keepdims=True)
    for source in HAR_SOURCES:
        x = r if source.startswith("pools") else common
        k = {"10s": 1, "30s": 3, "1min": 6, "5min": 30}[source.split("-")[1]]
        sq = x.reshape(*x.shape[:2], WINDOW // k, k).sum(3) ** 2
        sq = sq.mean(1) * (WINDOW // k)  # [n, bars], per hour
        age = np.arange(sq.shape[1])[::-1]
        weights = np.stack([lam**age / (lam**age).sum() for lam in EWMA_LAMBDA], 1)
        ewma.append(sq @ weights)
        b = sq.shape[1]
        har.append(np.stack([sq[:, b - max(1, b // 6):].mean(1), sq[:, b // 2:].mean(1), sq.mean(1)], 1))
    return np.stack(ewma, 1), np.stack(har, 1)


def dataset(seeds, process):
    parts = {k: [] for k in ("level", "common", "target", "regime", "pools", "seed", "ewma", "har", "latent")}
    pool_parts = []  # [n, pools, POOL] blocks, one a seed: pools differ between seeds
    for i, seed in enumerate(seeds):
        blocks = []
        pools = POOLS[i % len(POOLS)]
        out, _, qv, regime = simulate(seed, PATHS, HOURS, pools, process)
        for t in windows(out.shape[2], STRIDE):
            r = out[:, :, t - WINDOW:t]
            with torch.no_grad():
                level, common, pool = Volatility.features(torch.from_numpy(r.astype(np.float32)))
            ewma, har = baseline_inputs(r)
            past = qv[:, t - WINDOW:t]
            parts["level"].append(level.numpy())
            parts["common"].append(common.numpy())
            blocks.append(pool.numpy())
            parts["target"].append(qv[:, t:t + HORIZON].sum(1))
            parts["regime"].append(regime[:, t - 1])
            parts["pools"].append(np.full(PATHS, pools))
            parts["seed"].append(np.full(PATHS, seed))
            parts["ewma"].append(ewma)
            parts["har"].append(har)
            # what nobody can see in the field: realised variance of the efficient price, for a bound
            parts["latent"].append(np.stack([past[:, 300:].mean(1), past[:, 180:].mean(1), past.mean(1)], 1) * HOURLY)
        pool_parts.append(np.concatenate(blocks))
    return {**{k: np.concatenate(v) for k, v in parts.items()}, "pool": pool_parts}


def blocks(data):
    """Slices of the data set with one number of pools each (a seed's rows), as tensors."""
    start = 0
    for pool in data["pool"]:
        rows = slice(start, start + len(pool))
        start += len(pool)
        yield (torch.from_numpy(data["level"][rows]), torch.from_numpy(data["common"][rows]), torch.from_numpy(pool),
               torch.from_numpy(np.log(data["target"][rows]).astype(np.float32))[:, None])


def predict(net, data):
    """Forecast variances, float64 [n]."""
    with torch.no_grad():
        return np.exp(np.concatenate([net.forecast(*b[:3])[:, 0].double().numpy() for b in blocks(data)]))


def qlike(target, variance):
    ratio = target / variance
    return ratio - np.log(ratio) - 1


def fit_linear(x, y, form):
    """Least squares on levels or on logs (then times the mean of exp(residual)), or the log-linear forecast with
    the least QLIKE: a gamma regression with log link, by Newton's method. Returns a predictor of the variance."""
    design = lambda v: np.column_stack([np.ones(len(v)), v if form == "levels" else np.log(np.maximum(v, FLOOR))])
    return fit_design(design, x, y, form)


def fit_design(design, x, y, form):
    lo, hi = y.min(), y.max()  # the "insanity filter" usual with linear forecasts of variances
    a = design(x)
    if form == "levels":
        beta = np.linalg.lstsq(a, y, rcond=None)[0]
        return lambda v: np.clip(design(v) @ beta, lo, hi)
    beta = np.linalg.lstsq(a, np.log(y), rcond=None)[0]
    beta[0] += np.log(np.exp(np.log(y) - a @ beta).mean())
    if form == "qlike":
        loss = lambda b: (y * np.exp(-(a @ b)) + a @ b).mean()
        for _ in range(30):
            ratio = y * np.exp(-(a @ beta))
            step = np.linalg.lstsq((a * ratio[:, None]).T @ a, a.T @ (ratio - 1), rcond=None)[0]
            while loss(beta + step) > loss(beta) and np.abs(step).max() > 1e-9:
                step = step / 2
            beta = beta + step
            if np.abs(step).max() < 1e-9:
                break
    return lambda v: np.clip(np.exp(design(v) @ beta), lo, hi)


FORMS = ("levels", "logs", "qlike")


def fit_baselines(train, valid):
    """Name -> (description, predictor of the variance from a dataset). Forms are chosen on validation, QLIKE."""
    y = train["target"]
    table = np.array([[qlike(y, np.maximum(train["ewma"][:, s, k], FLOOR)).mean() for k in range(len(EWMA_LAMBDA))]
                      for s in range(len(HAR_SOURCES))])
    s, k = np.unravel_index(table.argmin(), table.shape)
    # The best constant under QLIKE is the mean of target / forecast: it takes out the noise's bias.
    gain = np.array([[(y / np.maximum(train["ewma"][:, i, j], FLOOR)).mean() for j in range(len(EWMA_LAMBDA))]
                     for i in range(len(HAR_SOURCES))])
    scaled = np.array([[qlike(y, gain[i, j] * np.maximum(train["ewma"][:, i, j], FLOOR)).mean()
                        for j in range(len(EWMA_LAMBDA))] for i in range(len(HAR_SOURCES))])
    s2, k2 = np.unravel_index(scaled.argmin(), scaled.shape)

    def best(options):
        scored = [(qlike(valid["target"], f(valid)).mean(), name, f) for name, f in options]
        return min(scored, key=lambda o: o[0])[1:]

    # the default arguments bind each predictor to its own fit
    har = [(f"{source}, {form}", lambda d, fit=fit_linear(train["har"][:, i], y, form), i=i: fit(d["har"][:, i]))
           for i, source in enumerate(HAR_SOURCES) for form in FORMS]
    latent = [(f"efficient price, {form}", lambda d, fit=fit_linear(train["latent"], y, form): fit(d["latent"]))
              for form in FORMS]
    plain = lambda v: np.column_stack([np.ones(len(v)), v.astype(np.float64)])
    linear = [(f"the network's common features, {form}",
               lambda d, fit=fit_design(plain, train["common"], y, form): fit(d["common"])) for form in FORMS[1:]]
    return {
        "ewma": (f"RiskMetrics, {HAR_SOURCES[s]}, lambda {EWMA_LAMBDA[k]}",
                 lambda d: np.maximum(d["ewma"][:, s, k], FLOOR)),
        "ewmaScaled": (f"{HAR_SOURCES[s2]}, lambda {EWMA_LAMBDA[k2]}, times {gain[s2, k2]:.4f}",
                       lambda d: gain[s2, k2] * np.maximum(d["ewma"][:, s2, k2], FLOOR)),
        "harRv": best(har),
        "linearOnNetworkFeatures": best(linear),
        "harRvOnHiddenPrice": best(latent),
    }


def train_network(train, valid):
    torch.manual_seed(20240601)
    net = Volatility()
    data = list(blocks(train))
    common = torch.cat([b[1] for b in data])
    pool = torch.cat([b[2].reshape(-1, Volatility.POOL) for b in data])
    for name, x in (("common", common), ("pool", pool)):
        getattr(net, f"{name}_mean").copy_(x.mean(0))
        getattr(net, f"{name}_scale").copy_(x.std(0).clamp(min=1e-3))
    del common, pool
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-4)
    batch = 512  # within one seed, as each has its own number of pools; the order of batches is shuffled
    steps = sum(math.ceil(len(b[0]) / batch) for b in data)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=EPOCHS * steps)
    best, best_state, curve = math.inf, None, []
    for epoch in range(EPOCHS):
        batches = [(b, i) for b in data for i in torch.randperm(len(b[0])).split(batch)]
        for n in torch.randperm(len(batches)).tolist():
            (level, common, pool, y), index = batches[n]
            gap = y[index] - net.forecast(level[index], common[index], pool[index])
            loss = (torch.exp(gap) - gap - 1).mean()  # QLIKE
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
        score = qlike(valid["target"], predict(net, valid)).mean()
        curve.append(round(float(score), 5))
        print(f"epoch {epoch + 1:3d}  validation QLIKE {score:.5f}", flush=True)
        if score < best:
            best, best_state = score, {k: v.clone() for k, v in net.state_dict().items()}
    net.load_state_dict(best_state)
    return net.eval(), curve


def score(target, variance):
    error = np.sqrt(variance) - np.sqrt(target)
    return {
        "qlike": float(qlike(target, variance).mean()),
        "mseVariance": float(((variance - target) ** 2).mean()),
        "mseVolatility": float((error**2).mean()),
        "r2LogVolatility": float(1 - ((np.log(variance) - np.log(target)) ** 2).sum()
                                 / ((np.log(target) - np.log(target).mean()) ** 2).sum()),
    }


def paired(test, a, b):
    """Mean over the test seeds of QLIKE(a) - QLIKE(b), and its standard error by seed; negative: a is better."""
    gap = qlike(test["target"], a) - qlike(test["target"], b)
    by_seed = np.array([gap[test["seed"] == s].mean() for s in np.unique(test["seed"])])
    return {"meanQlikeDifference": float(by_seed.mean()),
            "standardError": float(by_seed.std(ddof=1) / math.sqrt(len(by_seed))),
            "seedsWhereBetter": int((by_seed < 0).sum()), "seeds": len(by_seed)}


def evaluate(net, baselines, test, process):
    predictions = {name: f(test) for name, (_, f) in baselines.items()}
    predictions["network"] = predict(net, test)
    y = test["target"]
    subsets = {"perRegime": ("regime", {r["id"]: i for i, r in enumerate(process["regimes"])}),
               "perPools": ("pools", {str(p): p for p in sorted(set(test["pools"]))})}
    report = {"overall": {n: score(y, v) for n, v in predictions.items()}}
    for title, (column, values) in subsets.items():
        report[title] = {}
        for name, value in values.items():
            m = test[column] == value
            report[title][name] = {"samples": int(m.sum()), **{n: score(y[m], v[m]) for n, v in predictions.items()}}
    report["networkAgainst"] = {n: paired(test, predictions["network"], v)
                                for n, v in predictions.items() if n != "network"}
    return report


def export(net, path):
    torch.onnx.export(
        net, torch.zeros(2, 3, WINDOW), str(path), opset_version=17, input_names=["log_returns"],
        output_names=["volatility"], do_constant_folding=True,
        dynamic_axes={"log_returns": {0: "batch", 1: "pools"}, "volatility": {0: "batch"}},
    )
    import onnx

    model = onnx.load(str(path))
    onnx.checker.check_model(model, full_check=True)
    for node in model.graph.node:
        node.doc_string = ""  # the exporter would leave the paths of the training machine in there
    onnx.save(model, str(path))


def torch_cases(net):
    """A few inputs with torch's outputs, for the shared check to compare the runtime with."""
    cases = []
    for seed, pools in ((910001, 1), (910002, 2), (910003, 5), (910004, 16)):
        out, _, _, _ = simulate(seed, 2, 1, pools)
        returns = np.rint(out * 1e7)  # two hours of each
        with torch.no_grad():
            got = net(torch.from_numpy((returns / 1e7).astype(np.float32)))[:, 0].double().numpy()
        cases.append({"inputs": {"log_returns": {"shape": list(returns.shape),
                                                 "values": returns.astype(int).reshape(-1).tolist()}},
                      "outputs": {"volatility": got.tolist()}})
    return {"inputDecimals": 7, "cases": cases}


def main():
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    started = time.time()
    process = load_process()
    data = {name: dataset(seeds, process) for name, seeds in SEEDS.items()}
    print({k: len(v["target"]) for k, v in data.items()}, f"{time.time() - started:.0f} s", flush=True)
    baselines = fit_baselines(data["train"], data["validation"])
    net, curve = train_network(data["train"], data["validation"])
    report = {
        "units": {"target": "realised variance of the efficient log price over the next hour, from its fine steps",
                  "qlike": "target/forecast - ln(target/forecast) - 1 of the variance",
                  "mseVariance": "of the variance per hour", "mseVolatility": "of its square root"},
        "seeds": {k: {"first": v[0], "last": v[-1], "samples": len(data[k]["target"])} for k, v in SEEDS.items()},
        "baselines": {n: d for n, (d, _) in baselines.items()},
        "parameters": sum(p.numel() for p in net.parameters()),
        "validationCurve": curve,
        "test": evaluate(net, baselines, data["test"], process),
    }
    rounded = json.loads(json.dumps(report), parse_float=lambda s: float(f"{float(s):.5g}"))
    print(json.dumps(rounded["test"]["overall"], indent=1))
    print(json.dumps(rounded["test"]["networkAgainst"], indent=1))
    print(json.dumps(rounded["baselines"], indent=1))
    print(f"{time.time() - started:.0f} s")
    if QUICK:
        return
    (HERE / "metrics.json").write_text(json.dumps(rounded, indent=1) + "\n")
    export(net, HERE / "volatility.onnx")
    (HERE / "torch.json").write_text(json.dumps(torch_cases(net), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
