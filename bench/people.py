"""A cohort as an analyst might hand it in: people with chronic pain, 70 columns, a tenth of the cells blank.

Seeded, so that every run measures the same people. Nothing here is about anyone; the shares are made up, and are
only meant to let each part of the pathway see some rows.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

SIGNS = ("fever", "saddle-numbness", "unexplained-weight-loss", "thunderclap-headache", "suicidal-thoughts")
CONDITIONS = (
    "osteoarthritis", "migraine", "fibromyalgia", "crps", "low-back-pain", "neuropathic-pain", "chronic-primary-pain",
)  # fmt: skip
ILLNESSES = (
    "coronary-disease", "heart-failure", "peptic-ulcer", "sleep-apnoea", "liver-disease", "diabetes", "epilepsy",
    "glaucoma", "active-psychosis", "opioid-use-disorder", "osteoporosis", "active-cancer",
)  # fmt: skip
THERAPIES = ("physical-therapy", "massage", "stretching", "psychotherapy", "nerve-block", "steroid-injection")
MEDICINE_OPTIONS = ("antidepressant", "antiseizure", "pain-medication-nonopioid", "opioid")
MEDICINES = ("ibuprofen", "acetaminophen", "duloxetine", "gabapentin", "diazepam", "warfarin")
BLANK = 0.1
CHUNK = 1_000_000


def frame(rows: int, seed: int = 1, first: int = 0) -> pl.DataFrame:
    """So many people.

    Shapes:  (rows, 70 or so); yes or no as Boolean, words as text, numbers as floats, null where nobody said.
    """
    rng = np.random.default_rng([seed, first])
    columns: dict[str, pl.Series] = {}

    def put(name: str, values: np.ndarray, blank: float = BLANK, kind: pl.DataType | None = None) -> None:
        told = pl.Series(name, values, dtype=kind)
        columns[name] = told.set(pl.Series(rng.random(rows) < blank), None) if blank else told

    def chance(share: float) -> np.ndarray:
        return rng.random(rows) < share

    def word(*shares: tuple[str, float]) -> np.ndarray:
        names, odds = zip(*shares, strict=True)
        return np.array(names)[rng.choice(len(names), rows, p=np.array(odds) / sum(odds))]

    # A letter first: figures alone would look like national numbers to the guard.
    columns["id"] = "p" + pl.Series("id", np.arange(first, first + rows)).cast(pl.String).str.zfill(9)
    put("age", rng.integers(18, 90, rows).astype(float), 0.02)
    male = chance(0.42)
    put("sex", np.where(male, "male", "female"), 0.02)
    put("pregnancy", chance(0.02) & ~male)
    pain = np.round(rng.gamma(1.2, 900, rows) + 20)
    put("pain.duration_days", pain, 0.03)
    put("pain.intensity", rng.integers(0, 11, rows).astype(float))
    put("pain.sites.low-back", chance(0.4))
    put("pain.neuropathic_features", chance(0.3))
    put("mood.phq2", rng.integers(0, 7, rows).astype(float), 0.3)
    put("blood_pressure", word(("normal", 60), ("controlled", 30), ("uncontrolled", 8), ("severe", 2)))
    put("kidney_function", rng.normal(85, 25, rows).clip(5, 150), 0.2)
    for name in SIGNS:
        put(f"red_flags.{name}", chance(0.004), 0.05)
    put("red_flags.nothing-else", chance(0.85), 0)
    put("causes.torn-cartilage", chance(0.05))
    put("causes.torn-cartilage.correctable", chance(0.5), 0.95)
    columns["causes.torn-cartilage.correctable"] = columns["causes.torn-cartilage.correctable"].set(
        ~columns["causes.torn-cartilage"].fill_null(False), None
    )
    put("causes.nothing-else", chance(0.7), 0)
    for name in CONDITIONS:
        put(f"conditions.{name}", chance(0.12))
    put("conditions.nothing-else", chance(0.8), 0)
    for name in ILLNESSES:
        put(f"illnesses.{name}", chance(0.05))
    put("illnesses.nothing-else", chance(0.75), 0)
    put("allergies.nsaid-or-aspirin", chance(0.03))
    put("allergies.nothing-else", chance(0.8), 0)
    put("devices.nothing-else", chance(0.9), 0)
    for name in MEDICINES:
        put(f"medicines.{name}", chance(0.12), 0.05)
    opioid = chance(0.1)
    put("medicines.morphine", opioid, 0)
    dose = np.where(opioid, rng.choice([20.0, 40.0, 60.0, 90.0, 120.0], rows), np.nan)
    columns["medicines.morphine.dose_mg_per_day"] = pl.Series("d", dose).fill_nan(None)
    put("medicines.nothing-else", chance(0.7), 0)
    for name in (*THERAPIES, *MEDICINE_OPTIONS):
        tried = chance(0.45)
        result = np.where(tried, word(("failed", 55), ("partly", 15), ("helped", 12), ("not-tolerated", 8)), "")
        weeks = np.where(tried, np.minimum(rng.integers(1, 30, rows) * 7.0, pain), np.nan)
        columns[f"trials.{name}.result"] = pl.Series("r", result).replace("", None)
        put(f"trials.{name}.duration_days", weeks, 0)
        columns[f"trials.{name}.duration_days"] = columns[f"trials.{name}.duration_days"].fill_nan(None)
    put("trials.nothing-else", chance(0.8), 0)
    put("declined.spinal-cord-stimulator", chance(0.1))
    put("assessments.psychological-assessment", chance(0.3))
    return pl.DataFrame([series.alias(name) for name, series in columns.items()])


def write(path: Path, rows: int, seed: int = 1) -> Path:
    """So many people as a Parquet file, a million to a row group; the same file for the same numbers."""
    import pyarrow.parquet as pq

    part = path.with_suffix(".part")
    writer = None
    for first in range(0, rows, CHUNK):
        table = frame(min(CHUNK, rows - first), seed, first).to_arrow()
        writer = writer or pq.ParquetWriter(part, table.schema)
        writer.write_table(table, row_group_size=250_000)
    if writer:
        writer.close()
    part.replace(path)
    return path
