"""The engines: one tree, computed in different ways that must agree."""
