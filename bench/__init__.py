"""What does llmauto itself cost? Figures beside those of the plainest thing that does the same."""
