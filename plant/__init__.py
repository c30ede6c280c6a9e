"""The vocabulary of Wattline: what a plant is made of, how readings travel, and the ports between
the parts.

Everything here is a value or a protocol; nothing reads a network. Every other package imports this
one, and this one imports none.
"""
