"""One run: `train(spec)` turns a specification into rows, and touches no file."""
