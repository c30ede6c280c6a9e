"""The HTTP API: routes, live stream, errors in one shape.

All that it shows comes through `api.ports`.
"""
