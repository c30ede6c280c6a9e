"""The routes, a module for what each group serves.

Each says its path, the role that it needs, and its answer.
"""
