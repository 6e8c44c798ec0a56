"""The volatility-term network: the features of the volatility model beside a convolution over the raw hour."""
import math
import sys
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "volatility"))

from train import HOURLY, Volatility  # noqa: E402  (the volatility model's)

POOLS = 3
HORIZONS = (30, 90, 360, 1440)  # bars of 10 s: 5 minutes, 15 minutes, 1 hour, 4 hours


class Residual(nn.Module):
    """x + f(x), f two convolutions over time, the first one dilated."""

    def __init__(self, width, dilation):
        super().__init__()
        self.near = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)

    def forward(self, x):
        return x + self.mix(nn.functional.silu(self.near(x)))


class VolatilityTerm(nn.Module):
    """log_returns [batch, 3, 360] -> volatility [batch, 4], the standard deviation over each of HORIZONS.

    The convolution sees each pool beside the mean of all, with the same weights, and is averaged over the pools, as
    are the features: their order can't matter.
    """

    WIDTH, PATCH = 32, 96
    SUMMARY = Volatility.COMMON + 2 * Volatility.POOL

    def __init__(self):
        super().__init__()
        self.register_buffer("summary_mean", torch.zeros(self.SUMMARY))
        self.register_buffer("summary_scale", torch.ones(self.SUMMARY))
        self.register_buffer("log_hours", torch.log(torch.tensor(HORIZONS) / HOURLY))
        self.minutes = nn.Conv1d(4, self.WIDTH, 6, stride=6)
        self.blocks = nn.Sequential(Residual(self.WIDTH, 1), Residual(self.WIDTH, 4))
        self.quarters = nn.Conv1d(self.WIDTH, self.PATCH, 4, stride=4)
        self.trunk = nn.Sequential(
            nn.Linear(15 * self.PATCH + self.SUMMARY, 768), nn.SiLU(), nn.Dropout(0.2),
            nn.Linear(768, 256), nn.SiLU(), nn.Dropout(0.1), nn.Linear(256, len(HORIZONS)),
        )
        self.direct = nn.Linear(self.SUMMARY, len(HORIZONS))  # a log-linear forecast, which the trunk corrects
        for last in (self.trunk[-1], self.direct):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    @staticmethod
    def summary(r):
        """-> level [batch, 1], summary [batch, SUMMARY]: the volatility model's features, pools as mean and maximum."""
        level, common, pool = Volatility.features(r)
        return level, torch.cat([common, pool.mean(1), pool.amax(1)], 1)

    def forecast(self, r, level, summary):
        """Log of the forecast variance over each horizon, [batch, 4]."""
        scaled = torch.clamp(r * (torch.exp(-0.5 * level) * math.sqrt(HOURLY))[:, :, None], min=-8.0, max=8.0)
        mean = scaled.mean(1, keepdim=True) + scaled * 0  # the same for each pool
        hour = torch.stack([scaled, torch.abs(scaled), mean, torch.abs(mean)], 2).reshape(-1, 4, r.shape[2])
        waves = self.blocks(nn.functional.silu(self.minutes(hour)))
        waves = waves.reshape(-1, POOLS, self.WIDTH, waves.shape[2]).mean(1)
        waves = nn.functional.silu(self.quarters(waves)).flatten(1)
        known = torch.clamp((summary - self.summary_mean) / self.summary_scale, min=-5.0, max=5.0)
        moved = self.direct(known) + self.trunk(torch.cat([waves, known], 1))
        return level + self.log_hours + 3.0 * torch.tanh(moved / 3.0)

    def forward(self, log_returns):
        return torch.exp(0.5 * self.forecast(log_returns, *self.summary(log_returns)))

