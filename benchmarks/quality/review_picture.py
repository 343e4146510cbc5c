"""Curves of recall and false alarms as a picture: an SVG file, the same for the same figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TypeAlias

_WIDTH, _HEIGHT = 640, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 20, 40, 50
_COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#8250df", "#bf8700")


Point: TypeAlias = "tuple[float, float]"


def picture(title: str, lines: Mapping[str, Sequence[Point]], marked: Mapping[str, Point]) -> str:
    """An SVG document. `lines`: points (false alarms for each clean file, recall) by name; `marked`: the point at the
    default threshold, by the same names."""
    most = max((x for points in lines.values() for x, _ in points), default=1.0) or 1.0
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="22" font-size="14">{escape(title)}</text>',
    ]
    for step in range(6):
        y = _y(step / 5)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#d0d7de"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{step * 20} %</text>')
        x = _x(most * step / 5, most)
        parts.append(
            f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{most * step / 5:.1f}</text>'
        )
    parts.append(
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 12}" text-anchor="middle">'
        "false alarms for each file without a bug</text>"
    )
    for number, (name, points) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = "L".join(f"{_x(x, most):.1f} {_y(y):.1f}" for x, y in sorted(points))
        if path:
            parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if name in marked:
            x, y = marked[name]
            parts.append(f'<circle cx="{_x(x, most):.1f}" cy="{_y(y):.1f}" r="5" fill="{colour}"/>')
        at = _HEIGHT - _BOTTOM - 12 - 18 * (len(lines) - 1 - number)
        parts.append(
            f'<text x="{_WIDTH - _RIGHT - 10}" y="{at}" text-anchor="end" fill="{colour}">{escape(name)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _x(value: float, most: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * value / most


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share
