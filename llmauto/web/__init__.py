"""The web page: runs as they go, from a browser on this machine. The extra `web` has what it needs."""
