"""From frame to figures: counters, windows, tracing, storage layers, products.

Pure: no clock, no sockets, no files but its tables.
"""
