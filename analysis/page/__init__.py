"""The report as one HTML page that needs no network, and the same as Markdown."""
