"""Files in and out: STAR and .cs particles, MRC maps and masks, atomic models, GMMs, curves."""
