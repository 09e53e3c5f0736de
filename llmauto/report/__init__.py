"""A run as a page to be mailed, or as Markdown for a pull request."""
