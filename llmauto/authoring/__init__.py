"""How does a chain file become a `Chain`, with every mistake named by its place?"""
