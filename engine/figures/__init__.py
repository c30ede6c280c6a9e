"""From traced amounts to what people read: products with factors, sums per line, figures."""
