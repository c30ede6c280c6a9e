"""What rules can watch: one row for each variable, and how it is read."""
