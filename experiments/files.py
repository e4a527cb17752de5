"""Writing a file whole or not at all."""

from experiments.records.files import write_atomically

__all__ = ["write_atomically"]
