"""Telling people: who is told (rota, route, limit), in which words, over which channel, and that
the telling itself works (sender, watch).
"""
