"""Train, evaluate and export the transfer-risk model. Deterministic: same machine, same bytes.

    node models/transfer-risk/export-features.ts          first: simulates, and writes the features as nodes compute them
    python3 models/transfer-risk/train.py                 a few minutes on one CPU core, 1 GB of memory
    python3 models/transfer-risk/train.py --develop       scores the development seeds instead of the test seeds; writes nothing

Validation picks the epoch; nothing is chosen on the test seeds.
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
from sklearn.metrics import average_precision_score
from torch import nn

HERE = Path(__file__).resolve().parent
DATA = HERE / ".data"
DEVELOP = "--develop" in sys.argv
EPOCHS = 24
FALSE_POSITIVES = 0.01


class TransferRisk(nn.Module):
    """features [batch, 16] -> risk [batch, 1], each row for itself. Standardised and cut off at 6 deviations inside."""

    def __init__(self, inputs):
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("scale", torch.ones(inputs))
        self.net = nn.Sequential(nn.Linear(inputs, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 1))

    def logit(self, features):
        return self.net(torch.clamp((features - self.mean) / self.scale, min=-6.0, max=6.0))

    def forward(self, features):
        return torch.sigmoid(self.logit(features))


def load(about, split):
    """-> features float32 [n, 16], pattern [n] (0 is honest), seed [n]."""
    seeds = range(about["splits"][split]["first"], about["splits"][split]["last"] + 1)
    x = [np.fromfile(DATA / f"{s}.features", "<f4").reshape(-1, len(about["features"])) for s in seeds]
    y = [np.fromfile(DATA / f"{s}.labels", np.uint8) for s in seeds]
    for seed, features, labels in zip(seeds, x, y):
        if not len(features) == len(labels) == about["rows"][str(seed)]:
            sys.exit(f"seed {seed} in .data is not whole: run export-features.ts again")
    return np.concatenate(x), np.concatenate(y), np.repeat(list(seeds), [len(v) for v in y])


def train_network(train, valid):
    torch.manual_seed(20260112)
    net = TransferRisk(train[0].shape[1])
    x = torch.from_numpy(train[0])
    y = torch.from_numpy((train[1] > 0).astype(np.float32))[:, None]
    net.mean.copy_(x.mean(0))
    net.scale.copy_(x.std(0).clamp(min=1e-3))
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-4)
    batch = 1024
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, total_steps=EPOCHS * math.ceil(len(y) / batch))
    best, best_state, curve = -1.0, None, []
    for epoch in range(EPOCHS):
        for index in torch.randperm(len(y)).split(batch):
            loss = nn.functional.binary_cross_entropy_with_logits(net.logit(x[index]), y[index])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        score = average_precision_score(valid[1] > 0, predict(net, valid[0]))
        curve.append(score)
        print(f"epoch {epoch + 1:3d}  validation PR-AUC {score:.5f}", flush=True)
        if score > best:
            best, best_state = score, {k: v.clone() for k, v in net.state_dict().items()}
    net.load_state_dict(best_state)
    return net.eval(), curve


def predict(net, features):
    with torch.no_grad():
        return net(torch.from_numpy(features))[:, 0].double().numpy()


def fit_baselines(train, valid):
    """Name -> (description, function from features to scores). Each has one setting, picked on validation."""
    x, y = train[0], train[1] > 0
    mean, scale = x.mean(0), np.maximum(x.std(0), 1e-3)
    plain = lambda v: np.clip((v - mean) / scale, -6, 6)
    logistic = LogisticRegression(max_iter=500).fit(plain(x), y)
    options = []
    for leaves in (31, 127):
        trees = HistGradientBoostingClassifier(max_iter=200, learning_rate=0.1, max_leaf_nodes=leaves,
                                               early_stopping=False, random_state=1).fit(x, y)
        score = average_precision_score(valid[1] > 0, trees.predict_proba(valid[0])[:, 1])
        print(f"trees of {leaves} leaves: validation PR-AUC {score:.5f}", flush=True)
        options.append((score, leaves, trees))
    _, leaves, trees = max(options, key=lambda o: o[0])
    return {
        "logistic": ("logistic regression on the standardised features",
                     lambda v: logistic.predict_proba(plain(v))[:, 1]),
        "trees": (f"HistGradientBoosting, 200 trees of {leaves} leaves", lambda v: trees.predict_proba(v)[:, 1]),
    }


def score(labels, scores, patterns):
    """A pattern's figures: its transfers against the honest ones, the threshold the same for all."""
    honest = labels == 0
    threshold = np.quantile(scores[honest], 1 - FALSE_POSITIVES)
    caught = scores > threshold
    report = {"prAuc": average_precision_score(~honest, scores), "recallAt1Percent": caught[~honest].mean(),
              "precisionAt1Percent": (caught & ~honest).sum() / caught.sum(), "thresholdAt1Percent": threshold}
    report["perPattern"] = {
        name: {"transfers": int((labels == i).sum()),
               "prAuc": average_precision_score(labels[honest | (labels == i)] == i, scores[honest | (labels == i)]),
               "recallAt1Percent": caught[labels == i].mean()}
        for i, name in enumerate(patterns) if i > 0
    }
    return report


def evaluate(forecasts, test, patterns):
    labels, seeds = test[1], test[2]
    by_seed = {n: np.array([average_precision_score(labels[seeds == s] > 0, v[seeds == s]) for s in np.unique(seeds)])
               for n, v in forecasts.items()}
    report = {n: score(labels, v, patterns) for n, v in forecasts.items()}
    for name, values in by_seed.items():
        gap = by_seed["network"] - values
        report[name]["prAucOverSeeds"] = {"mean": values.mean(), "least": values.min(), "most": values.max()}
        if name != "network":
            report[name]["networkMinusIt"] = {"mean": gap.mean(), "standardError": gap.std(ddof=1) / math.sqrt(len(gap)),
                                              "seedsWhereNetworkBetter": int((gap > 0).sum()), "seeds": len(gap)}
    return report


def alone(valid, names):
    """Validation PR-AUC of each feature by itself, whichever way round: no single one may give the label away."""
    y = valid[1] > 0
    return {n: max(average_precision_score(y, valid[0][:, i]), average_precision_score(y, -valid[0][:, i]))
            for i, n in enumerate(names)}


def export(net, path, inputs):
    import onnx

    torch.onnx.export(
        net, torch.zeros(2, inputs), str(path), opset_version=17, input_names=["features"], output_names=["risk"],
        do_constant_folding=True, dynamic_axes={"features": {0: "batch"}, "risk": {0: "batch"}},
    )
    model = onnx.load(str(path))
    onnx.checker.check_model(model, full_check=True)
    for node in model.graph.node:
        node.doc_string = ""  # the exporter would leave the paths of the training machine in there
    onnx.save(model, str(path))


def torch_cases(net, test):
    """Some rows with torch's outputs, for the shared check to compare the runtime with."""
    units = np.rint(test[0][:: len(test[0]) // 255][:256].astype(np.float64) * 1e6)
    got = predict(net, (units / 1e6).astype(np.float32))
    return {"inputDecimals": 6, "cases": [{
        "inputs": {"features": {"shape": list(units.shape), "values": units.astype(int).reshape(-1).tolist()}},
        "outputs": {"risk": got.tolist()}}]}


def main():
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    started = time.time()
    about = json.loads((DATA / "about.json").read_text())
    judged = "develop" if DEVELOP else "test"
    data = {split: load(about, split) for split in ("train", "validation", judged)}
    net, curve = train_network(data["train"], data["validation"])
    baselines = fit_baselines(data["train"], data["validation"])
    forecasts = {"network": predict(net, data[judged][0]), **{n: f(data[judged][0]) for n, (_, f) in baselines.items()}}
    report = {
        "units": {"prAuc": "average precision", "recallAt1Percent": "recall where 1 % of honest transfers are flagged"},
        "splits": {k: {**about["splits"][k], "transfers": len(v[1]), "abusive": float((v[1] > 0).mean())}
                   for k, v in data.items()},
        "baselines": {n: d for n, (d, _) in baselines.items()},
        "parameters": sum(p.numel() for p in net.parameters()),
        "validationCurve": curve,
        "singleFeaturePrAucOnValidation": alone(data["validation"], about["features"]),
        judged: evaluate(forecasts, data[judged], about["patterns"]),
    }
    rounded = json.loads(json.dumps(report), parse_float=lambda s: float(f"{float(s):.5g}"))
    print(json.dumps(rounded, indent=1))
    print(f"{time.time() - started:.0f} s")
    if DEVELOP:
        return
    (HERE / "metrics.json").write_text(json.dumps(rounded, indent=1) + "\n")
    export(net, HERE / "transfer-risk.onnx", len(about["features"]))
    (HERE / "torch.json").write_text(json.dumps(torch_cases(net, data["test"]), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
