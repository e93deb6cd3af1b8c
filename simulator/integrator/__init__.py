"""How trajectories are computed: arrays in, arrays out; knows no names and no biology."""
