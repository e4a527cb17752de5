"""Figures. Each function draws one panel: (frame, ax, style) -> ax; `analysis.figures` arranges panels."""
