"""Figures. Each function draws one panel: (frame, ax, style) -> ax; `report.py` arranges panels into figures."""
