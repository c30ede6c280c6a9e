"""From wire to frame: meter profiles, read planning, decoding, drivers, sequencer. We only read."""
