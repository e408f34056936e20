"""What a benchmark reports: a figure with its unit, its target, and what it is compared with."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measured number. `ratio` is value over `baseline`, both measured in the same run."""

    name: str
    value: float
    unit: str
    target: float | None = None
    baseline: float | None = None

    def plain(self) -> dict[str, object]:
        """As it stands in results.json."""
        met = None if self.target is None else self.value <= self.target
        ratio = self.value / self.baseline if self.baseline else None
        return {**asdict(self), "met": met, "ratio": ratio}

    def line(self) -> str:
        """As it stands on the terminal."""
        told = f"{self.name:44} {self.value:10.2f} {self.unit}"
        if self.target is not None:
            told += f"  target {self.target:g}  {'met' if self.value <= self.target else 'NOT MET'}"
        if self.baseline:
            told += f"  {self.value / self.baseline:.2f} x baseline {self.baseline:.2f}"
        return told
