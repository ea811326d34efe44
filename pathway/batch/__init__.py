"""Batches: many anonymised cases in, results, quarantine and manifest out."""
