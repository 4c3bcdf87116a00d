"""What a plot over training draws, known before the plot itself is imported."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Series:
    name: str
    colour: str
    marker: str
    parts: list[list[tuple[float, float]]]
    """Lines of points: place on the axis of training (0 to 1), and value."""

    @property
    def points(self) -> list[tuple[float, float]]:
        return [point for part in self.parts for point in part]
