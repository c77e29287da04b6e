//! Figures × thresholds → pass, fail, invalid.
