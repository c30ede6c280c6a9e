"""Rules over windows: state machine, step, back-test."""
