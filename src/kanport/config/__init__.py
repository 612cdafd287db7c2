"""Settings from flags, environment and `kanport.toml`, and the secrets that they refer to."""
