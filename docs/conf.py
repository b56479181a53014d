"""How the documentation is built: `make docs`."""

import jupyterhub_ha

project = "jupyterhub-ha"
author = "the jupyterhub-ha contributors"
copyright = "2026, the jupyterhub-ha contributors"  # noqa: A001 - Sphinx's name
version = release = jupyterhub_ha.__version__
extensions = ["myst_parser"]
myst_heading_anchors = 3
html_theme = "pydata_sphinx_theme"
html_title = "jupyterhub-ha"
html_copy_source = False
html_theme_options = {"navbar_center": [], "show_prev_next": False}
html_sidebars = {"**": ["globaltoc.html"]}
