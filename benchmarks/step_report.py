"""What `benchmarks.step` found, as text: a table, and goals that are met or not."""

from collections.abc import Callable, Sequence
from typing import Any

OURS, LARGE, DRAFT = "pretrain", "pretrain, large batch", "reference, views on the device"
COPIED, FED = "pretrain, copied and augmented there", "pretrain, fed by the loader"


def goals(record: dict[str, Any]) -> list[dict[str, Any]]:
    """What was aimed at, what came out (None: not measured) and whether it is met."""
    rows = {row["name"]: row for row in record["rows"] if "error" not in row}

    def ratio(above: str, below: str, key: str) -> float | None:
        a, b = (rows.get(name, {}).get(key) for name in (above, below))
        return round(a / b, 3) if a and b else None

    speeds = [rows[name]["videos_per_s"] for name in (OURS, LARGE) if name in rows]
    full_size = record["clip"] == "16 frames, 128 px" and record["clock"].startswith("GPU")
    syncs = rows.get(OURS, {}).get("host_syncs")
    parts = rows.get(OURS, {}).get("shares")
    found: list[tuple[str, float | None, Callable[[float], bool]]] = [
        (
            "at least 200 videos/s at 128 px",
            max(speeds) if speeds and full_size else None,
            lambda x: x >= 200,
        ),
        (
            "at least 4 times the reference, same batch, views on the device",
            ratio(OURS, DRAFT, "videos_per_s"),
            lambda x: x >= 4,
        ),
        ("at most half of its memory", ratio(OURS, DRAFT, "peak_gib"), lambda x: x <= 0.5),
        (
            "fed by the loader at least 0.95 of random pixels",
            ratio(FED, OURS, "videos_per_s"),
            lambda x: x >= 0.95,
        ),
        ("the host waits for the GPU 0 times a step", syncs, lambda x: x == 0),
        (
            "objective and optimiser at most 0.1 of a step",
            round(sum(parts.values()), 4) if parts else None,
            lambda x: x <= 0.1,
        ),
    ]
    return [
        {"goal": goal, "value": value, "met": None if value is None else met(value)}
        for goal, value, met in found
    ]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as a Markdown table."""
    lines = [
        "| step | B | videos/s | of peak | ms a step | peak GiB | first step, s | steps timed |",
        "|---|" + "---:|" * 7,
    ]
    for row in rows:
        if "error" in row:
            lines.append(f"| {row['name']} | {row['batch']} | {row['error']} | | | | | |")
            continue
        used = f"{row['utilisation']:.0%}" if "utilisation" in row else "-"
        peak = "-" if row["peak_gib"] is None else f"{row['peak_gib']:.1f}"
        lines.append(
            f"| {row['name']} | {row['batch']} | {row['videos_per_s']:.4g} | {used} "
            f"| {1000 * row['seconds_per_step']:.0f} | {peak} | {row['first_step_s']:.1f} "
            f"| {row['timed_steps']} |"
        )
    return "\n".join(lines)


def report(record: dict[str, Any]) -> str:
    """A record as a piece of a page."""
    lines = [
        f"{record['preset']}, {record['clip']}; {record['device']}, torch {record['torch']}, "
        f"Python {record['python']}, commit {record['commit']}; seconds by {record['clock']}.",
        "",
        table(record["rows"]),
        "",
    ]
    if "product_tflops" in record:
        lines.append(
            f"- A bfloat16 product of 8192 rows reaches {record['product_tflops']} TFLOP/s."
        )
    if "loader_alone" in record:
        speeds = ", ".join(f"{what} {speed}" for what, speed in record["loader_alone"].items())
        lines.append(
            f"- The loader alone, {record['loader_workers']} workers, videos/s by what they do: "
            f"{speeds}."
        )
    for row in record["rows"]:
        for part, share in row.get("shares", {}).items():
            lines.append(f"- {row['name']}: the {part} is {share:.1%} of a step.")
    if record["left_out"]:
        lines.append(f"- No time for: {'; '.join(record['left_out'])}.")
    for goal in record["goals"]:
        word = {None: "not measured", True: "met", False: "**not met**"}[goal["met"]]
        value = "" if goal["value"] is None else f" ({goal['value']})"
        lines.append(f"- Goal {word}{value}: {goal['goal']}.")
    return "\n".join(lines)
