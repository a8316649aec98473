"""A storm: many events of many customers, shuffled and repeated, while workers settle; it always ends the same."""
