"""How long did it take: clock, quiet surroundings, calibration and the timed loop."""
