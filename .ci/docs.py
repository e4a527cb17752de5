"""The API reference as HTML, from the docstrings, without a network; whatever pdoc warns of is an error.

python .ci/docs.py FOLDER
"""

import sys
import warnings
from pathlib import Path

from pdoc import pdoc, render

import analysis
import experiments

warnings.simplefilter("error")
for package in (analysis, experiments):
    for name in package.__all__:
        getattr(package, name)  # public names are imported when they are first asked for, which pdoc does not do
render.configure(docformat="google", footer_text="Policy Ascent", math=False)
pdoc("algos", "experiments", "analysis", output_directory=Path(sys.argv[1]))
print(f"{sys.argv[1]}/index.html")
