"""The HTTP API: routes, live stream, errors in one shape. Gets everything it shows through `api.context.Context`."""
