"""One reducer over a run's events that feeds every view: the web page, the report, the figures.

`RunView` takes events in as they come, `whole` and `patch` are its JSON, `headline` answers what a person
asks first. Everything in here is pure.
"""

from __future__ import annotations

from llmauto.views.headline import headline
from llmauto.views.jsonform import patch, whole
from llmauto.views.reduce import RunView, view_of
from llmauto.views.stats import BY, Stats

__all__ = ["BY", "RunView", "Stats", "headline", "patch", "view_of", "whole"]
