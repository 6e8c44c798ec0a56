"""Windows of the simulated market that references are made of: those of the validation seeds.

    python3 models/volatility/reference.py    writes .data of volatility and volatility-term, which git does not see

Then run models/volatility/reference.ts. Needs numpy alone; nothing is trained.
"""
import numpy as np

from generate import HERE, HORIZON, WINDOW, load_process, simulate

STRIDE = 180
# As train.py of each model has them; of the simulated paths every eighth is kept.
POOLS = [1, 2, 3, 4, 2, 6, 1, 9, 3, 2, 5, 16, 4, 1, 7, 12]
SETS = {
    "volatility": {"seeds": range(2000, 2016), "paths": 256, "hours": 6, "pools": POOLS, "horizon": HORIZON},
    "volatility-term": {"seeds": range(12000, 12003), "paths": 512, "hours": 8, "pools": [3], "horizon": 1440},
}
KEEP = 8


def export(name, seeds, paths, hours, pools, horizon):
    process = load_process()
    folder = HERE.parent / name / ".data"
    folder.mkdir(exist_ok=True)
    for i, seed in enumerate(seeds):
        count = pools[i % len(pools)]
        out = simulate(seed, paths, hours, count, process)[0][::KEEP]
        origins = range(WINDOW, out.shape[2] - horizon + 1, STRIDE)
        rows = np.concatenate([out[:, :, t - WINDOW:t] for t in origins]).astype("<f4")
        (folder / f"reference-{seed}-{count}.f32").write_bytes(rows.tobytes())
        print(name, seed, rows.shape, flush=True)


if __name__ == "__main__":
    for name, options in SETS.items():
        export(name, **options)
