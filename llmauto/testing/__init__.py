"""Fakes of every seam, and the checks that each adapter passes: public, for plugins and their tests."""
