"""The newest moment: powers and flows as they are, for watching."""
