"""Typed configuration: the schema, its checks, and the door through which Hydra's config becomes plain objects."""
